"""Users that several tests need."""

from django.contrib.auth.models import Permission, User


def staff_user(name: str, *permissions: str) -> User:
    """Staff that may view all videos, and do what is named: staff_user("bob", "delete_video")."""
    user = User.objects.create_user(name, is_staff=True)
    names = ["view_video", *permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user
