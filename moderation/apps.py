from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ModerationConfig(AppConfig):
    name = "moderation"
    verbose_name = "Moderation"

    def ready(self) -> None:
        # Permissions are made after the migrations, so the groups that have them are, too.
        post_migrate.connect(make_groups, sender=self)


def make_groups(using: str, plan: Any = (), **told: Any) -> None:
    """The groups of moderators and leads; what an operator changed about one stays."""
    from django.contrib.auth.models import Group

    from moderation.roles import LATER, PERMISSIONS

    new = [each.name for each, back in plan if each.app_label == "moderation" and not back]
    for name, labels in PERMISSIONS.items():
        held = _permissions(using, labels)
        # Not after a migration to a state that knows nothing of them yet.
        if len(held) < len(labels):
            continue
        group, made = Group.objects.using(using).get_or_create(name=name)
        if made:
            group.permissions.set(held)
            continue
        for migration in set(LATER).intersection(new):
            group.permissions.add(*_permissions(using, LATER[migration][name]))


def _permissions(using: str, labels: Any) -> list[Any]:
    from django.contrib.auth.models import Permission

    rows = Permission.objects.using(using).select_related("content_type")
    names = [label.split(".")[1] for label in labels]
    found = rows.filter(codename__in=names)
    return [row for row in found if f"{row.content_type.app_label}.{row.codename}" in labels]
