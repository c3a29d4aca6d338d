from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ModerationConfig(AppConfig):
    name = "moderation"
    verbose_name = "Moderation"

    def ready(self) -> None:
        # Permissions are made after the migrations, so the groups that have them are, too.
        post_migrate.connect(make_groups, sender=self)


def make_groups(using: str, **told: Any) -> None:
    """The groups of moderators and leads; what an operator changed about one stays."""
    from django.contrib.auth.models import Group, Permission

    from moderation.roles import PERMISSIONS

    for name, codenames in PERMISSIONS.items():
        held = Permission.objects.using(using).filter(
            content_type__app_label="moderation", codename__in=codenames
        )
        # Not after a migration to a state that knows nothing of them yet.
        if held.count() == len(codenames):
            group, made = Group.objects.using(using).get_or_create(name=name)
            if made:
                group.permissions.set(held)
