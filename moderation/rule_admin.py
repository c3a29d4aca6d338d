"""Allow rules in the admin: leads make them and end them; nobody changes one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from moderation import rules
from moderation.asking import actor_of
from moderation.facts import in_force
from moderation.models import AllowRule, RightsHolder
from moderation.reasons import Dismissed, words_of
from moderation.rules import NewRule
from videos.admin import ReadOnlyAdmin
from videos.errors import Refusal
from videos.templatetags.words import clock


class RuleForm(forms.Form):
    """What a `NewRule` needs; which fields, the kind says, and `rules.make` checks."""

    kind = forms.ChoiceField(choices=AllowRule.Kind.choices)
    video = forms.UUIDField(required=False, help_text="Id of a video: of a pair or a segment.")
    other = forms.UUIDField(required=False, help_text="Id of the other one of a pair.")
    start = forms.FloatField(required=False, help_text="Seconds; of a segment.")
    end = forms.FloatField(required=False, help_text="Seconds; of a segment.")
    uploader = forms.ModelChoiceField(
        User.objects.all(), to_field_name="username", required=False, widget=forms.TextInput
    )
    licence = forms.CharField(required=False, max_length=200, help_text="As the references say.")
    holder = forms.ModelChoiceField(
        RightsHolder.objects.all(), required=False, help_text="Only their rights; empty for all."
    )
    reason = forms.ChoiceField(choices=[(value, words_of(value)) for value in Dismissed.values])
    note = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea)
    days = forms.IntegerField(
        required=False, min_value=0, max_value=36_500, help_text="0 for ever; empty as is set."
    )

    def spec(self) -> NewRule:
        told = self.cleaned_data
        uploader, holder = told["uploader"], told["holder"]
        return NewRule(
            told["kind"],
            video_id=told["video"],
            other_id=told["other"],
            start=told["start"],
            end=told["end"],
            uploader_id=uploader.pk if uploader else None,
            licence=told["licence"],
            holder_id=holder.pk if holder else None,
            days=told["days"],
        )


class InForceFilter(admin.SimpleListFilter):
    title = "whether it holds"
    parameter_name = "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In force"), ("no", "Ended")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AllowRule]
    ) -> QuerySet[AllowRule] | None:
        live = in_force().values("pk")
        if self.value() == "yes":
            return queryset.filter(pk__in=live)
        return queryset.exclude(pk__in=live) if self.value() == "no" else None


class AllowRuleAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "about", "reason_words", "holder", "author_name", "made", "holds"]
    list_filter = [InForceFilter, "kind", "reason", "holder"]
    search_fields = ["licence", "note", "author_name", "video_id", "other_id"]
    list_select_related = ["holder"]
    actions = ["revoke_selected"]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_lead_permission(request)

    def has_lead_permission(self, request: HttpRequest) -> bool:
        actor = actor_of(request)
        return actor is not None and actor.is_lead

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The form of a new rule; what does not hold together is told on it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RuleForm(request.POST or None)
        if form.is_valid():
            told = form.cleaned_data
            try:
                rule = rules.make(request.user, form.spec(), told["reason"], told["note"])
            except Refusal as refusal:
                form.add_error(None, refusal.message)
            else:
                self.message_user(request, f"“{rule}” is in force.", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:moderation_allowrule_changelist"))
        context = {**self.admin_site.each_context(request), "title": "Make an allow rule"}
        context |= {"opts": self.model._meta, "form": form}
        return TemplateResponse(request, "admin/moderation/allowrule/make.html", context)

    @admin.action(description="Revoke", permissions=["lead"])
    def revoke_selected(
        self, request: HttpRequest, chosen: QuerySet[AllowRule]
    ) -> HttpResponseBase | None:
        done = 0
        for rule in chosen.order_by("pk"):
            try:
                rules.revoke(request.user, rule.pk)
                done += 1
            except Refusal as refusal:
                self.message_user(request, f"{rule}: {refusal.message}", messages.WARNING)
        if done:
            words = f"{done} revoked; what they kept closed is open again."
            self.message_user(request, words, messages.SUCCESS)
        return None

    @admin.display(description="about")
    def about(self, rule: AllowRule) -> str:
        if rule.kind == AllowRule.Kind.LICENCE:
            return rule.licence
        if rule.kind == AllowRule.Kind.UPLOADER:
            return f"user {rule.uploader_id}"
        if rule.kind == AllowRule.Kind.PAIR:
            return f"{rule.video_id} and {rule.other_id}"
        return f"{clock(rule.start)}–{clock(rule.end)} of {rule.video_id}"

    @admin.display(description="reason", ordering="reason")
    def reason_words(self, rule: AllowRule) -> str:
        return words_of(rule.reason)

    @admin.display(description="made", ordering="created_at")
    def made(self, rule: AllowRule) -> Any:
        return rule.created_at

    @admin.display(description="in force", boolean=True)
    def holds(self, rule: AllowRule) -> bool:
        over = rule.expires_at is not None and rule.expires_at <= timezone.now()
        return rule.revoked_at is None and not over
