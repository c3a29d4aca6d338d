"""What rows that are their own queue have in common, and a worker's hold on one of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


def lease_end() -> Any:
    """When a lease that begins now runs out, by the database's clock."""
    return Now() + timedelta(seconds=settings.TVIDZ.lease_seconds)


def unheard() -> Q:
    """Rows whose wake-up, if there was one, must be lost: nobody has come for a whole lease."""
    patience = timedelta(seconds=settings.TVIDZ.lease_seconds)
    return Q(woken_at__isnull=True) | Q(woken_at__lt=Now() - patience)


def give_up_spent(waiting: models.QuerySet[Any], state: str, told: str) -> None:
    """End those of the waiting rows that were begun too often, with `told` for their owner."""
    waiting.filter(attempts__gte=settings.TVIDZ.max_attempts).update(
        state=state,
        finished_at=Now(),
        lease_until=None,
        error_code="WORKER_LOST",
        error_message=told,
        error_retryable=True,
    )


@dataclass(frozen=True)
class LeasedRow:
    """The hold; `token` fences its writes, which end once the row leaves the state `working`."""

    row: Any
    token: int

    working: ClassVar[str]
    lost: ClassVar[type[Exception]]

    def update(self, **fields: Any) -> None:
        """Write and extend the lease; raises `lost` when the row is another worker's now."""
        rows: models.QuerySet[Any] = type(self.row)._default_manager.filter(
            pk=self.row.pk, token=self.token, state=self.working
        )
        if not rows.update(**({"lease_until": lease_end()} | fields)):
            raise self.lost

    def renewed(self) -> bool:
        """Extend the lease; whether it is still ours."""
        try:
            self.update()
        except self.lost:
            return False
        return True
