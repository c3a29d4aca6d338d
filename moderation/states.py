"""The two state machines of moderation as tables: who may move what where, and what it takes.

Pure: no Django. `docs/moderation.md` tells them in words. A verb asks `move` for the state it leads
to, so that nothing can reach a state that the table does not name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Before the first move: the thing is not there yet.
NOTHING: Final = ""


class Who(StrEnum):
    """Who makes a move. A holder has the lease; another moderator did not make the proposal."""

    SYSTEM = "system"
    MODERATOR = "moderator"
    HOLDER = "holder of the lease"
    OTHER_MODERATOR = "other moderator"
    OTHER_HOLDER = "other moderator with the lease"
    LEAD = "lead"
    LEAD_HOLDER = "lead with the lease"
    AUTHOR = "author of the decision"
    UPLOADER = "uploader"
    CLAIMANT = "claimant"
    OTHER_LEAD = "lead with no earlier decision on it"


class Needs(StrEnum):
    REASON = "reason"
    NOTE = "note"
    SEGMENTS = "segments"


class Clock(StrEnum):
    """What a move starts; how long each runs is a setting, or the law's for disputes."""

    DUE = "due"
    LEASE = "lease"
    UNDO = "undo"
    POTENTIAL = "potential expires"
    ANSWER = "dispute must be answered"
    APPEAL = "appeal must be answered"
    COUNTER = "counter-notice must be answered"


class Machine(StrEnum):
    FLAG = "flag"
    CLAIM = "claim"


class NotAllowed(Exception):
    """The table names no such move from that state."""

    def __init__(self, machine: Machine, state: str, name: str) -> None:
        super().__init__(f"a {machine} that is {state or 'not there yet'} has no move {name}")
        self.machine, self.state, self.name = machine, state, name


@dataclass(frozen=True)
class Move:
    """One row: `name` leads from a state of `before` to `after`; several rows may share a name."""

    name: str
    before: tuple[str, ...]
    after: str
    who: tuple[Who, ...]
    needs: tuple[Needs, ...] = ()
    clock: Clock | None = None


_NOTE: Final = (Needs.REASON, Needs.NOTE)
_WHY: Final = (Needs.REASON,)
_SHOWN: Final = (Needs.REASON, Needs.SEGMENTS)
_REVIEWED: Final = ("leased", "second_review", "escalated")
# Taken in a state of their own: who may, and who then holds it.
_TAKERS: Final = (
    ("open", "leased", Who.MODERATOR, Who.HOLDER),
    ("second_review", "second_review", Who.OTHER_MODERATOR, Who.OTHER_HOLDER),
    ("escalated", "escalated", Who.LEAD, Who.LEAD_HOLDER),
)


def _leases() -> Iterable[Move]:
    for free, held, taker, holder in _TAKERS:
        yield Move("take", (free,), held, (taker,), clock=Clock.LEASE)
        yield Move("release", (held,), free, (holder, Who.LEAD))
        yield Move("expire", (held,), free, (Who.SYSTEM,))
        yield Move("hand_over", (held,), held, (Who.LEAD,), clock=Clock.LEASE)


FLAG_MOVES: Final = (
    Move("detect", (NOTHING,), "detected", (Who.SYSTEM,)),
    Move("suppress", ("detected", "open"), "suppressed", (Who.SYSTEM,), _WHY),
    Move("open", ("detected",), "open", (Who.SYSTEM,), clock=Clock.DUE),
    *_leases(),
    Move("dismiss", ("leased",), "dismissed", (Who.HOLDER,), _WHY, Clock.UNDO),
    Move("dismiss", ("escalated",), "dismissed", (Who.LEAD_HOLDER,), _WHY, Clock.UNDO),
    Move("confirm", ("leased",), "confirmed", (Who.HOLDER,), _SHOWN, Clock.UNDO),
    Move("confirm", ("escalated",), "confirmed", (Who.LEAD_HOLDER,), _SHOWN, Clock.UNDO),
    Move("propose", ("leased",), "second_review", (Who.HOLDER,), _SHOWN, Clock.UNDO),
    Move("agree", ("second_review",), "confirmed", (Who.OTHER_HOLDER,), _WHY, Clock.UNDO),
    Move("disagree", ("second_review",), "open", (Who.OTHER_HOLDER,), _WHY, Clock.DUE),
    Move("escalate", ("leased",), "escalated", (Who.HOLDER,), (Needs.NOTE,)),
    Move("send_back", ("escalated",), "open", (Who.LEAD_HOLDER,), _WHY, Clock.DUE),
    # In bulk nobody holds a lease: each flag is locked for the length of the one transaction.
    Move("bulk_dismiss", ("open", "leased"), "dismissed", (Who.MODERATOR,), _WHY, Clock.UNDO),
    Move("bulk_confirm", ("open", "leased"), "confirmed", (Who.MODERATOR,), _SHOWN, Clock.UNDO),
    Move("bulk_propose", ("open", "leased"), "second_review", (Who.MODERATOR,), _SHOWN, Clock.UNDO),
    Move("undo", ("dismissed", "confirmed", "second_review"), "open", (Who.AUTHOR,)),
    Move(
        "reopen",
        ("dismissed", "confirmed", "suppressed"),
        "open",
        (Who.LEAD, Who.SYSTEM),
        _WHY,
        Clock.DUE,
    ),
    Move(
        "supersede",
        ("detected", "suppressed", "open", *_REVIEWED, "dismissed", "confirmed"),
        "superseded",
        (Who.SYSTEM,),
        _WHY,
    ),
)

# What is still open between a rights holder and an uploader.
_OPEN_CLAIM: Final = ("potential", "active", "disputed", "reinstated", "appealed", "upheld")
_NOTICED: Final = ("takedown", "counter_noticed")
# Where the policy of a claim has its effect. A dispute alone lifts nothing, or whoever is blocked
# would be back for a month with one click; an answer does, or the clock where there is none.
APPLIED: Final = (*_OPEN_CLAIM[1:], *_NOTICED, "litigation_hold")
# Of a pair and a holder there is one such claim at a time.
STANDING: Final = ("potential", *APPLIED)

CLAIM_MOVES: Final = (
    Move("propose", (NOTHING,), "potential", (Who.SYSTEM,), clock=Clock.POTENTIAL),
    Move("expire", ("potential",), "expired", (Who.SYSTEM,)),
    # By itself only under the policy "track"; whoever opens one says which policy it is.
    Move("activate", (NOTHING,), "active", (Who.SYSTEM,), _WHY),
    Move("activate", ("potential",), "active", (Who.CLAIMANT, Who.MODERATOR), _WHY),
    Move("dispute", ("active",), "disputed", (Who.UPLOADER,), _WHY, Clock.ANSWER),
    Move("release", ("disputed",), "released", (Who.CLAIMANT, Who.MODERATOR), _WHY),
    Move("run_out", ("disputed", "appealed"), "released", (Who.SYSTEM,)),
    Move("reinstate", ("disputed",), "reinstated", (Who.MODERATOR,), _WHY),
    Move("appeal", ("reinstated",), "appealed", (Who.UPLOADER,), _WHY, Clock.APPEAL),
    Move("release", ("appealed",), "released", (Who.OTHER_LEAD,), _NOTE),
    Move("uphold", ("appealed",), "upheld", (Who.OTHER_LEAD,), _NOTE),
    Move("take_down", ("upheld",), "takedown", (Who.CLAIMANT,), _NOTE),
    Move("counter", ("takedown",), "counter_noticed", (Who.UPLOADER,), _NOTE, Clock.COUNTER),
    Move("restore", ("counter_noticed",), "restored", (Who.SYSTEM,)),
    Move("hold", ("counter_noticed",), "litigation_hold", (Who.CLAIMANT,), _NOTE),
    Move("withdraw", (*_OPEN_CLAIM, *_NOTICED), "withdrawn", (Who.CLAIMANT, Who.SYSTEM), _WHY),
)

MOVES: Final = {Machine.FLAG: FLAG_MOVES, Machine.CLAIM: CLAIM_MOVES}
# By machine, state and name: the row that holds.
_ROWS: Final = {
    (machine, before, row.name): row
    for machine, rows in MOVES.items()
    for row in rows
    for before in row.before
}


def row(machine: Machine, state: str, name: str) -> Move:
    """The table's row for the move `name` from `state`; raises NotAllowed."""
    try:
        return _ROWS[machine, state, name]
    except KeyError:
        raise NotAllowed(machine, state, name) from None


def move(machine: Machine, state: str, name: str) -> str:
    """The state that the move `name` leads to from `state`; raises NotAllowed."""
    return row(machine, state, name).after


def allowed(machine: Machine, state: str, who: Who | None = None) -> list[str]:
    """Names of the moves from `state`, in the table's order; with `who` those that are theirs."""
    return [
        each.name
        for each in MOVES[machine]
        if state in each.before and (who is None or who in each.who)
    ]


def states(machine: Machine) -> list[str]:
    """Every state of the machine in the order in which the table first names it."""
    return list(dict.fromkeys(each.after for each in MOVES[machine]))


def ends(machine: Machine) -> list[str]:
    """States that nothing leads out of."""
    return [state for state in states(machine) if not allowed(machine, state)]


def replay(machine: Machine, moves: Iterable[tuple[str, str, str]]) -> str:
    """The state after (name, before, after) one by one; raises NotAllowed where one cannot be."""
    state: str = NOTHING
    for name, before, after in moves:
        if before != state or move(machine, state, name) != after:
            raise NotAllowed(machine, state, name)
        state = after
    return state
