"""manage.py first_admin: make the first admin of a fresh installation."""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError

from tvidz.commands import LibraryCommand


class Command(LibraryCommand):
    help = "Make the user “admin” if there is no superuser yet, and print its password once."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(is_superuser=True).exists():
            return
        password = secrets.token_urlsafe(12)
        try:
            User.objects.create_superuser("admin", password=password)
        except IntegrityError:
            # Somebody else was quicker, or an ordinary user took the name.
            self.stderr.write("No admin was made: there is a user named “admin” already.")
            return
        self.stdout.write(f"First admin: admin / {password}   (shown this once; change it)")
