"""The state machines are tables, and nothing leaves them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.states import (
    MOVES,
    NOTHING,
    Machine,
    NotAllowed,
    Who,
    allowed,
    ends,
    move,
    replay,
    row,
    states,
)

MACHINES = list(Machine)
NAMES = sorted({each.name for rows in MOVES.values() for each in rows})


@given(machine=st.sampled_from(MACHINES), names=st.lists(st.sampled_from(NAMES), max_size=60))
def test_whatever_is_tried_the_state_is_one_of_the_table(
    machine: Machine, names: list[str]
) -> None:
    state: str = NOTHING
    done = []
    for name in names:
        before = state
        if name in allowed(machine, state):
            state = move(machine, state, name)
            done.append((name, before, state))
        else:
            with pytest.raises(NotAllowed):
                move(machine, state, name)
        assert state in ("", *states(machine))
    assert replay(machine, done) == state


@given(machine=st.sampled_from(MACHINES), data=st.data())
def test_a_walk_along_allowed_moves_stops_at_ends_only(
    machine: Machine, data: st.DataObject
) -> None:
    state: str = NOTHING
    for _ in range(40):
        names = allowed(machine, state)
        if not names:
            assert state in ends(machine)
            return
        state = move(machine, state, data.draw(st.sampled_from(names)))
    assert state not in ends(machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_can_be_reached_from_nothing_and_leads_to_an_end(machine: Machine) -> None:
    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            state = waiting.pop()
            after = {move(machine, state, name) for name in allowed(machine, state)} - seen
            seen |= after
            waiting.extend(after)
        return seen

    assert reached(NOTHING) == set(states(machine))
    for state in states(machine):
        assert state in ends(machine) or reached(state) & set(ends(machine)), state


def test_the_ends_are_ends() -> None:
    assert ends(Machine.FLAG) == ["superseded"]
    assert ends(Machine.CLAIM) == [
        *("expired", "released", "restored", "litigation_hold", "withdrawn")
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_move_from_a_state_leads_to_one_place(machine: Machine) -> None:
    seen = [(before, each.name) for each in MOVES[machine] for before in each.before]

    assert len(seen) == len(set(seen))
    assert all(each.who for each in MOVES[machine])


def test_who_may_do_what_is_asked_of_the_table() -> None:
    assert allowed(Machine.FLAG, "open", Who.MODERATOR) == [
        *("take", "bulk_dismiss", "bulk_confirm", "bulk_propose")
    ]
    assert allowed(Machine.FLAG, "second_review", Who.HOLDER) == []
    assert allowed(Machine.CLAIM, "appealed", Who.MODERATOR) == []
    assert row(Machine.FLAG, "leased", "confirm").needs == ("reason", "segments")


def test_a_history_that_does_not_hold_together_is_refused() -> None:
    good = [("detect", "", "detected"), ("open", "detected", "open")]
    assert replay(Machine.FLAG, good) == "open"

    for bad in (good[1:], [good[0], good[0]], [*good, ("take", "open", "open")]):
        with pytest.raises(NotAllowed):
            replay(Machine.FLAG, bad)
    with pytest.raises(NotAllowed, match="a flag that is not there yet has no move take"):
        move(Machine.FLAG, NOTHING, "take")
