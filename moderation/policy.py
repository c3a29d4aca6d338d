"""What is to follow from a match: facts, rights and allow rules in, an outcome out.

Pure: no Django and no clock. Where several holders have rights, the strictest policy decides how
the flag is handled; each holder still has a claim of their own.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# A half-open stretch in seconds.
Stretch = tuple[float, float]

# The strictest first; "" is a plain duplicate, in which nobody has rights.
STRICTNESS: Final = ("block", "monetise", "review", "track", "")
# What a policy adds to a flag's priority, whose other part is at most 1.
WEIGHTS: Final = {"block": 3.0, "monetise": 2.0, "review": 1.0, "track": 0.0, "": 0.0}
# An exclusion is drawn by hand: a match may reach so many seconds over its edges.
EDGE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Match:
    """One side each of a segment, seconds."""

    query: Stretch
    reference: Stretch


@dataclass(frozen=True)
class Facts:
    """A link as rules and policies see it; shares 0 to 1. The uploader is the query's, if known."""

    query_id: uuid.UUID
    reference_id: uuid.UUID
    uploader_id: int | None
    score: float
    covered_query: float
    covered_reference: float
    matches: tuple[Match, ...]

    @property
    def covered(self) -> float:
        return max(self.covered_query, self.covered_reference)

    @property
    def seconds(self) -> float:
        """Of the query that are copied, each counted once."""
        return sum(end - start for start, end in union(match.query for match in self.matches))


@dataclass(frozen=True)
class Right:
    """A holder's rights in the reference with the policy that holds there.

    `territories` are where it does: None for everywhere.
    """

    reference_pk: int
    holder_pk: int
    policy: str
    version: str = ""
    licence: str = ""
    least_seconds: float = 0.0
    least_share: float = 0.0
    territories: frozenset[str] | None = None

    def claims(self, facts: Facts) -> bool:
        """Whether the match meets the policy's conditions."""
        if self.territories is not None and not self.territories:
            return False
        return facts.seconds >= self.least_seconds and facts.covered_query >= self.least_share


@dataclass(frozen=True)
class Rule:
    """An allow rule that is in force; `holder_pk` None is for everybody's rights."""

    pk: int
    kind: str
    videos: frozenset[uuid.UUID] = frozenset()
    stretch: Stretch = (0.0, 0.0)
    uploader_id: int | None = None
    licence: str = ""
    holder_pk: int | None = None


@dataclass(frozen=True)
class DueHours:
    """Hours until a flag is due, by policy."""

    hours: Mapping[str, float]

    def of(self, policy: str) -> float:
        return self.hours[policy]


@dataclass(frozen=True)
class Outcome:
    """What is to be done with a match.

    `rule` is the allow rule that suppresses it, else None. `policy` is the strictest, of `holder`;
    "" and None where nobody's policy applies. `claims` are the rights that a confirmed flag gives a
    claim to, `at_once` those of them that need no person.
    """

    rule: int | None
    policy: str = ""
    version: str = ""
    holder: int | None = None
    priority: float = 0.0
    due_hours: float = 0.0
    claims: tuple[Right, ...] = ()
    at_once: tuple[Right, ...] = ()


def decide(facts: Facts, rights: Sequence[Right], rules: Sequence[Rule], due: DueHours) -> Outcome:
    """Suppress, or open with a priority and a due time, and who has a claim."""
    spared = {right.reference_pk: _sparing(facts, right, rules) for right in rights}
    general = _sparing(facts, None, rules)
    left = [right for right in rights if spared[right.reference_pk] is None]
    if general is not None:
        return Outcome(general)
    if rights and not left:
        return Outcome(spared[rights[0].reference_pk])
    claims = sorted((right for right in left if right.claims(facts)), key=_strictness)
    first = claims[0] if claims else None
    policy = first.policy if first else ""
    return Outcome(
        None,
        policy,
        first.version if first else "",
        first.holder_pk if first else None,
        priority(policy, facts),
        due.of(policy),
        tuple(claims),
        tuple(right for right in claims if right.policy == "track"),
    )


def priority(policy: str, facts: Facts) -> float:
    """The policy first, then sure and large: confidence times the larger covered share."""
    return WEIGHTS[policy] + facts.score * facts.covered


def where(held: Iterable[str], wanted: Iterable[str]) -> frozenset[str] | None:
    """Where a policy holds: in the territories of the rights that it is wanted in.

    None of either means everywhere, and so does the answer None.
    """
    rights, policy = frozenset(held), frozenset(wanted)
    if rights and policy:
        return rights & policy
    return rights or policy or None


def strictest(policies: Iterable[str]) -> str:
    """Of several policies for the same seconds the one that holds; "" of none."""
    return min(policies, key=STRICTNESS.index, default="")


def _strictness(right: Right) -> tuple[int, int]:
    return STRICTNESS.index(right.policy), right.reference_pk


def _sparing(facts: Facts, right: Right | None, rules: Sequence[Rule]) -> int | None:
    """The rule that gives up this right, or, without one, the whole match; the oldest of several.

    A licence is a right's, so a rule about one never speaks for a match in which nobody has rights.
    """
    holders = (None,) if right is None else (None, right.holder_pk)
    asked = sorted((r for r in rules if r.holder_pk in holders), key=lambda rule: rule.pk)
    for rule in asked:
        if rule.kind == "pair" and rule.videos == {facts.query_id, facts.reference_id}:
            return rule.pk
        if rule.kind == "uploader" and rule.uploader_id == facts.uploader_id is not None:
            return rule.pk
        if rule.kind == "licence" and right is not None and rule.licence == right.licence:
            return rule.pk
    return excluded_by([rule for rule in asked if rule.kind == "segment"], facts)


def excluded_by(rules: Sequence[Rule], facts: Facts) -> int | None:
    """The first of the rules, if together they exclude everything that matches."""
    rules = [rule for rule in rules if rule.videos & {facts.query_id, facts.reference_id}]
    cut = {
        video: union(
            (rule.stretch[0] - EDGE_SECONDS, rule.stretch[1] + EDGE_SECONDS)
            for rule in rules
            if video in rule.videos
        )
        for video in (facts.query_id, facts.reference_id)
    }
    for match in facts.matches:
        sides = ((facts.query_id, match.query), (facts.reference_id, match.reference))
        if not any(_within(stretch, cut[video]) for video, stretch in sides):
            return None
    return rules[0].pk if facts.matches and rules else None


def new_seconds(
    seen: Mapping[uuid.UUID, Sequence[Stretch]], found: Mapping[uuid.UUID, Sequence[Stretch]]
) -> float:
    """Seconds of either video that match in `found` and did not in `seen`, on the larger side."""
    return max((_outside(found[video], seen.get(video, ())) for video in found), default=0.0)


def sides(facts: Facts) -> dict[uuid.UUID, list[Stretch]]:
    """What of each video matches, whichever side of the link it is on."""
    return {
        facts.query_id: union(match.query for match in facts.matches),
        facts.reference_id: union(match.reference for match in facts.matches),
    }


def union(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same seconds as stretches that do not touch, in order."""
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _within(stretch: Stretch, joined: Sequence[Stretch]) -> bool:
    return any(start <= stretch[0] and stretch[1] <= end for start, end in joined)


def _outside(found: Sequence[Stretch], seen: Sequence[Stretch]) -> float:
    both = union(seen)
    total = 0.0
    for start, end in union(found):
        shared = sum(max(0.0, min(end, right) - max(start, left)) for left, right in both)
        total += end - start - shared
    return total


@dataclass(frozen=True)
class Routing:
    """When a confirmation needs a second person."""

    share: float
    block_needs_two: bool
    bulk_needs_two: bool


def needs_second(
    routing: Routing, policy: str, *, bulk: bool, trusted: bool, draw: float
) -> str | None:
    """Why a confirmation goes to second review, or None; `draw` is by chance, 0 to below 1."""
    if policy == "block" and routing.block_needs_two:
        return "blocking"
    if bulk and routing.bulk_needs_two:
        return "bulk"
    if trusted:
        return "trusted_uploader"
    return "sample" if draw < routing.share else None
