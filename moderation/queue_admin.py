"""Which flags a group of moderators sees, in the admin."""

from django import forms
from django.contrib import admin

from moderation.models import Policy, Queue

POLICIES = [*Policy.choices, ("", "None: plain duplicates")]


class QueueForm(forms.ModelForm):
    policies = forms.MultipleChoiceField(
        choices=POLICIES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None of them means all.",
    )

    class Meta:
        model = Queue
        fields = ("group", "holders", "policies")


class QueueAdmin(admin.ModelAdmin):
    form = QueueForm
    list_display = ["group", "of_holders", "under"]
    list_select_related = ["group"]
    filter_horizontal = ["holders"]

    @admin.display(description="rights holders")
    def of_holders(self, queue: Queue) -> str:
        return ", ".join(holder.name for holder in queue.holders.all()) or "all"

    @admin.display(description="policies")
    def under(self, queue: Queue) -> str:
        return ", ".join(policy or "none" for policy in queue.policies) or "all"
