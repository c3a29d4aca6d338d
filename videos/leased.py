"""A worker's hold on a row that is its own queue, where the row is no `Analysis`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


def lease_end() -> Any:
    """When a lease that begins now runs out, by the database's clock."""
    return Now() + timedelta(seconds=settings.TVIDZ.lease_seconds)


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
