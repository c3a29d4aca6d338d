"""Who has which flag on the screen."""

from django.db import models

from moderation.flag_rows import Flag


class Looking(models.Model):
    """A moderator had the flag on the screen at `seen_at`."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="+")
    moderator_id = models.IntegerField()
    name = models.CharField(max_length=150)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flag", "moderator_id"], name="looking_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} at flag {self.flag_id}"
