"""What of moderation is in the admin; and who has rights, and in which videos."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from moderation.claim_admin import ClaimAdmin, NoticeAdmin
from moderation.flag_admin import FlagAdmin
from moderation.ledger_admin import DecisionAdmin, EventAdmin
from moderation.models import (
    AllowRule,
    Claim,
    Decision,
    Event,
    Flag,
    Notice,
    Queue,
    Reference,
    RightsHolder,
)
from moderation.queue_admin import QueueAdmin
from moderation.registration import Rights, register, withdraw
from moderation.rights import change_holder, change_reference, staff
from moderation.rights_rows import REFERENCE_POLICY
from moderation.rule_admin import AllowRuleAdmin
from moderation.webhooks import new_secret

admin.site.register(Flag, FlagAdmin)
admin.site.register(Claim, ClaimAdmin)
admin.site.register(Notice, NoticeAdmin)
admin.site.register(Decision, DecisionAdmin)
admin.site.register(Event, EventAdmin)
admin.site.register(AllowRule, AllowRuleAdmin)
admin.site.register(Queue, QueueAdmin)


@admin.register(RightsHolder)
class RightsHolderAdmin(admin.ModelAdmin):
    list_display = ["name", "contact_email", "policy", "policy_version", "created_at"]
    list_filter = ["policy", "created_at"]
    search_fields = ["name", "contact_email"]
    filter_horizontal = ["members"]
    actions = ["make_secret"]

    def save_model(self, request: HttpRequest, obj: RightsHolder, form: Any, change: bool) -> None:
        if obj.webhook_url and not obj.webhook_secret:
            obj.webhook_secret = new_secret()
            self._show(request, obj)
        if not change:
            super().save_model(request, obj, form, change)
            return
        if "webhook_url" in form.changed_data:
            # Before the address, which may not stand without it.
            rows = RightsHolder.objects.filter(pk=obj.pk)
            rows.update(webhook_secret=obj.webhook_secret)
        # Members are saved after the row, by the form.
        told = {name: value for name, value in form.cleaned_data.items() if name != "members"}
        kept = change_holder(request.user, obj.pk, **told)
        obj.policy_version = kept.policy_version

    @admin.action(description="Make a new secret for webhooks", permissions=["change"])
    def make_secret(self, request: HttpRequest, chosen: QuerySet[RightsHolder]) -> None:
        for holder in chosen:
            holder.webhook_secret = new_secret()
            holder.save(update_fields=["webhook_secret"])
            self._show(request, holder)

    def _show(self, request: HttpRequest, holder: RightsHolder) -> None:
        told = f"Webhooks to {holder} are signed with {holder.webhook_secret}"
        self.message_user(request, f"{told} – it is shown this once.", messages.WARNING)


@admin.register(Reference)
class ReferenceAdmin(admin.ModelAdmin):
    """What registers a video; video and holder stay, a mistake is deleted and made anew."""

    list_display = ["video", "holder", "licence", "where", "policy_word", "registered_at"]
    list_filter = ["policy", "holder__policy", "registered_at"]
    search_fields = ["video__title", "video__filename", "video__id", "holder__name", "licence"]
    list_select_related = ["video", "holder"]
    raw_id_fields = ["video"]
    autocomplete_fields = ["holder"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return ["video", "holder", "registered_at"] if obj is not None else []

    def save_model(self, request: HttpRequest, obj: Reference, form: Any, change: bool) -> None:
        told = {n: value for n, value in form.cleaned_data.items() if n in REFERENCE_POLICY}
        if change:
            change_reference(request.user, obj.pk, **told)
            return
        # With its conditions at once: what they spare is never claimed.
        rights = Rights(obj.holder, **told)
        obj.pk = register(obj.video_id, rights, staff(request.user)).reference.pk

    def delete_model(self, request: HttpRequest, obj: Reference) -> None:
        withdraw(obj, staff(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Reference]) -> None:
        for reference in queryset.order_by("video_id"):
            withdraw(reference, staff(request.user))

    @admin.display(description="territories")
    def where(self, reference: Reference) -> str:
        return ", ".join(reference.territories) or "everywhere"

    @admin.display(description="policy")
    def policy_word(self, reference: Reference) -> str:
        return reference.effective_policy
