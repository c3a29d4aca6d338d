"""What follows from a match, without a database."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy import (
    STRICTNESS,
    DueHours,
    Facts,
    Match,
    Right,
    Routing,
    Rule,
    decide,
    needs_second,
    new_seconds,
    sides,
    strictest,
    union,
    where,
)

UPLOAD, FILM = uuid.UUID(int=1), uuid.UUID(int=2)
DUE = DueHours({"block": 24.0, "monetise": 72.0, "review": 168.0, "track": 336.0, "": 336.0})
COPY = Facts(UPLOAD, FILM, 7, 0.9, 0.5, 0.1, (Match((0.0, 30.0), (100.0, 130.0)),))


def right(policy: str, pk: int = 1, **fields: Any) -> Right:
    return replace(Right(pk, 10 + pk, policy, f"v{pk}"), **fields)


def test_a_pair_in_which_nobody_has_rights_is_a_plain_duplicate() -> None:
    done = decide(COPY, [], [], DUE)

    assert (done.rule, done.policy, done.holder, done.claims) == (None, "", None, ())
    assert done.priority == pytest.approx(0.9 * 0.5)
    assert done.due_hours == 336


def test_the_strictest_policy_decides_and_every_holder_has_a_claim() -> None:
    rights = [right("track", 1), right("block", 2), right("review", 3)]

    done = decide(COPY, rights, [], DUE)

    assert (done.policy, done.holder, done.version, done.due_hours) == ("block", 12, "v2", 24)
    assert [each.policy for each in done.claims] == ["block", "review", "track"]
    assert [each.holder_pk for each in done.at_once] == [11]
    assert done.priority == pytest.approx(3.45)


@given(st.lists(st.sampled_from(STRICTNESS)))
def test_of_several_policies_none_is_stricter_than_the_strictest(policies: list[str]) -> None:
    held = strictest(policies)

    assert all(STRICTNESS.index(held) <= STRICTNESS.index(each) for each in policies)
    assert held in (policies or [""])


def test_only_track_takes_effect_without_a_person() -> None:
    for policy in STRICTNESS[:-1]:
        done = decide(COPY, [right(policy)], [], DUE)
        assert bool(done.at_once) == (policy == "track")


@pytest.mark.parametrize(
    ("conditions", "claims"),
    [
        ({}, True),
        ({"least_seconds": 30.0}, True),
        ({"least_seconds": 30.1}, False),
        ({"least_share": 0.5}, True),
        ({"least_share": 0.51}, False),
        ({"least_seconds": 10.0, "least_share": 0.9}, False),
        ({"territories": frozenset({"DE"})}, True),
        ({"territories": frozenset()}, False),
    ],
)
def test_a_policy_is_for_copies_that_meet_its_conditions(
    conditions: dict[str, Any], claims: bool
) -> None:
    done = decide(COPY, [right("block", **conditions)], [], DUE)

    assert bool(done.claims) == claims
    assert done.rule is None, "it is a duplicate all the same"
    assert done.policy == ("block" if claims else "")


@pytest.mark.parametrize(
    ("held", "wanted", "holds"),
    [("", "", None), ("DE FR", "", "DE FR"), ("", "DE", "DE"), ("DE FR", "FR US", "FR")],
)
def test_a_policy_holds_where_it_is_wanted_and_there_are_rights(
    held: str, wanted: str, holds: str | None
) -> None:
    told = where(held.split(), wanted.split())

    assert told == (None if holds is None else frozenset(holds.split()))
    assert where(["DE"], ["US"]) == frozenset()


def test_a_condition_that_is_not_met_leaves_the_next_policy() -> None:
    done = decide(COPY, [right("block", 1, least_seconds=60.0), right("track", 2)], [], DUE)

    assert (done.policy, done.holder) == ("track", 12)


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (Rule(5, "pair", videos=frozenset({UPLOAD, FILM})), True),
        (Rule(5, "pair", videos=frozenset({UPLOAD, uuid.UUID(int=3)})), False),
        (Rule(5, "uploader", uploader_id=7), True),
        (Rule(5, "uploader", uploader_id=8), False),
        (Rule(5, "licence", licence="CC0"), True),
        (Rule(5, "licence", licence="CC BY 4.0"), False),
        (Rule(5, "segment", videos=frozenset({FILM}), stretch=(99.8, 130.0)), True),
        (Rule(5, "segment", videos=frozenset({FILM}), stretch=(100.0, 120.0)), False),
        (Rule(5, "segment", videos=frozenset({UPLOAD}), stretch=(0.0, 40.0)), True),
        (Rule(5, "pair", videos=frozenset({UPLOAD, FILM}), holder_pk=11), True),
        (Rule(5, "pair", videos=frozenset({UPLOAD, FILM}), holder_pk=99), False),
    ],
)
def test_a_rule_suppresses_what_it_is_about_and_is_named(rule: Rule, applies: bool) -> None:
    done = decide(COPY, [right("block", licence="CC0")], [rule], DUE)

    assert done.rule == (5 if applies else None)


def test_an_unknown_uploader_is_nobodys() -> None:
    rule = Rule(5, "uploader", uploader_id=None)

    assert decide(replace(COPY, uploader_id=None), [], [rule], DUE).rule is None


def test_a_rule_about_a_licence_says_nothing_where_nobody_has_rights() -> None:
    assert decide(COPY, [], [Rule(5, "licence", licence="")], DUE).rule is None


def test_one_holders_rule_leaves_the_others_their_claims() -> None:
    rule = Rule(5, "pair", videos=frozenset({UPLOAD, FILM}), holder_pk=11)

    done = decide(COPY, [right("block", 1), right("review", 2)], [rule], DUE)

    assert (done.rule, done.policy, done.holder) == (None, "review", 12)
    assert [each.holder_pk for each in done.claims] == [12]


def test_two_exclusions_together_may_cover_what_none_does() -> None:
    film = frozenset({FILM})
    rules = [
        Rule(4, "segment", videos=film, stretch=(90.0, 115.0)),
        Rule(5, "segment", videos=film, stretch=(115.0, 140.0)),
    ]

    assert decide(COPY, [], rules, DUE).rule == 4
    assert decide(COPY, [], rules[:1], DUE).rule is None


def test_seconds_are_new_on_either_side_and_whichever_way_the_pair_is_turned() -> None:
    seen = sides(COPY)
    turned = Facts(FILM, UPLOAD, None, 0.9, 0.1, 0.5, (Match((100.0, 130.0), (0.0, 30.0)),))
    longer = replace(COPY, matches=(Match((0.0, 34.0), (100.0, 134.0)),))
    elsewhere = replace(COPY, matches=(Match((0.0, 30.0), (300.0, 330.0)),))

    assert new_seconds(seen, sides(turned)) == 0
    assert new_seconds(seen, sides(longer)) == pytest.approx(4)
    assert new_seconds(seen, sides(elsewhere)) == pytest.approx(30)
    assert new_seconds({}, sides(COPY)) == pytest.approx(30)
    assert new_seconds(seen, {}) == 0


stretches = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda p: (float(p[0]), float(sum(p)))),
    max_size=8,
)


@given(seen=stretches, found=stretches)
def test_new_seconds_are_those_that_counting_one_by_one_finds(
    seen: list[tuple[float, float]], found: list[tuple[float, float]]
) -> None:
    def whole(parts: list[tuple[float, float]]) -> set[int]:
        return {second for start, end in parts for second in range(int(start), int(end))}

    assert new_seconds({UPLOAD: seen}, {UPLOAD: found}) == len(whole(found) - whole(seen))
    assert sum(end - start for start, end in union(found)) == len(whole(found))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, None),
        ({"policy": "block"}, "blocking"),
        ({"bulk": True}, "bulk"),
        ({"trusted": True}, "trusted_uploader"),
        ({"draw": 0.04}, "sample"),
        ({"draw": 0.05}, None),
    ],
)
def test_who_is_asked_for_a_second_verdict(told: dict[str, object], why: str | None) -> None:
    routing = Routing(share=0.05, block_needs_two=True, bulk_needs_two=True)
    plain: dict[str, object] = {"policy": "review", "bulk": False, "trusted": False, "draw": 0.9}

    assert needs_second(routing, **(plain | told)) == why  # type: ignore[arg-type]


def test_no_routing_asks_nobody() -> None:
    routing = Routing(share=0.0, block_needs_two=False, bulk_needs_two=False)

    assert needs_second(routing, "block", bulk=True, trusted=False, draw=0.0) is None
