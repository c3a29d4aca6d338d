"""How a reviewer wants the screen."""

from django.conf import settings
from django.db import models


class Preference(models.Model):
    """`blur` hides pictures and sound until asked; `keys` lets single keys act."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    blur = models.BooleanField(default=True)
    keys = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"screen of {self.user}"
