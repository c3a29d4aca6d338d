"""What happens to claims by themselves when nobody answered in time, by the database's clock."""

from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from moderation.claims import turn
from moderation.models import Claim
from moderation.reasons import BySystem
from moderation.roles import SYSTEM

# Claims that one transaction moves.
AT_ONCE: Final = 200
# By state: the move that the clock makes.
MOVES: Final = {
    Claim.State.POTENTIAL: "expire",
    Claim.State.DISPUTED: "run_out",
    Claim.State.APPEALED: "run_out",
    Claim.State.COUNTER_NOTICED: "restore",
}


def look_after() -> None:
    """Move on every claim whose time is over."""
    while _some() == AT_ONCE:
        pass


def _some() -> int:
    with transaction.atomic():
        over = Claim.objects.filter(until__lt=Now()).select_related("decision").order_by("pk")
        claims = list(over.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
        for claim in claims:
            turn(claim, MOVES[Claim.State(claim.state)], SYSTEM, BySystem.TIME_OVER)
    return len(claims)
