"""Claims come of confirmed flags, and of matches under "track"; and go with what they came of.

Whoever calls this has locked the flag. Rights are read without a lock and named without a foreign
key: who takes them away locks their flags afterwards, and so finds every claim.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from matching.models import DuplicateLink
from moderation import blocking, notices
from moderation.errors import wrong_state
from moderation.facts import due_hours, facts_of, rights_in, rules_about
from moderation.ledger import now, turned
from moderation.models import Claim, Decision, Event, Flag, Policy
from moderation.policy import Facts, Match, Outcome, Right, Rule, decide
from moderation.reasons import BySystem, Withdrawn
from moderation.roles import SYSTEM, Actor
from moderation.states import NOTHING, STANDING, Clock, Machine, NotAllowed, row

# Beyond these an uploader has answered, and the claim goes its own way.
_UNANSWERED: Final = (Claim.State.POTENTIAL, Claim.State.ACTIVE)
_COURT: Final = Claim.State.LITIGATION_HOLD


def open_for(decided: Sequence[tuple[Flag, Decision]]) -> list[Claim]:
    """Open what follows from flags that were just confirmed, for each holder whose policy applies.

    A claim that a holder has in the pair already stays, unless nobody has answered it and another
    policy holds by now.
    """
    if not decided:
        return []
    opened = []
    flags = [flag for flag, _ in decided]
    reading, standing = _Reading.of(flags), _of_pairs(flags)
    for flag, decision in decided:
        link = reading.link(flag)
        if link is None:
            continue
        outcome = reading.outcome(link, decision.segments)
        there = standing.get(_pair(flag), {})
        for right in outcome.claims:
            claim = _open(flag, right, there.get(right.holder_pk), decision.segments, decision)
            opened += [claim] if claim is not None else []
        _end_unconfirmed(there.values(), {right.holder_pk for right in outcome.claims})
    return opened


def _end_unconfirmed(there: Iterable[Claim], holders: set[int]) -> None:
    """What a machine opened, where a person confirmed too little of it for the holder's policy."""
    for claim in there:
        unseen = claim.decision_id is None and claim.state != _COURT
        if unseen and claim.holder_id not in holders:
            _end(claim, BySystem.NO_CLAIM_LEFT)


def follow(
    flag: Flag, link: DuplicateLink | None, outcome: Outcome | None, known: Sequence[Claim]
) -> None:
    """Let claims that no person opened agree with a flag that no person has decided.

    `known` are those that stand, see `undecided`; without an outcome none may.
    """
    rights = {right.holder_pk: right for right in (outcome.at_once if outcome else ())}
    there = {claim.holder_id: claim for claim in known}
    for claim in known:
        right = rights.get(claim.holder_id)
        if right is None or right.reference_pk != claim.rights_id:
            _end(claim, BySystem.NO_CLAIM_LEFT)
            there.pop(claim.holder_id)
    missing = [right for holder, right in rights.items() if holder not in there]
    if missing and link is not None:
        taken = {*_of_pair(flag), *_given_up(flag)}
        for right in missing:
            if right.holder_pk not in taken:
                _open(flag, right, None, _parts(link), None)


def undecided(flags: Iterable[Flag]) -> dict[int, list[Claim]]:
    """By flag: the claims that stand without a decision, locked; none that is in court."""
    rows = _standing().filter(flag__in=list(flags), decision__isnull=True).exclude(state=_COURT)
    held: dict[int, list[Claim]] = {}
    for claim in rows:
        held.setdefault(claim.flag_id, []).append(claim)
    return held


def follow_again(flag: Flag) -> None:
    """The same for one flag that a person has just put back into the queue."""
    reading = _Reading.of([flag])
    link = reading.link(flag)
    known = undecided([flag]).get(flag.pk, [])
    follow(flag, link, reading.outcome(link) if link else None, known)


def end_all_of(flags: Sequence[Flag], why: BySystem) -> None:
    """Withdraw whatever stands between the parties because of these flags, but what is in court."""
    if flags:
        for claim in _standing().filter(flag__in=flags).exclude(state=_COURT):
            _end(claim, why)


def end_those_of(flag: Flag, decision: Decision | None = None) -> None:
    """Withdraw what came of a decision that does not hold, or of all decisions about the flag.

    What stood before any person looked stands as it did then; `follow_again` judges it.
    """
    rows = _standing().filter(flag=flag, decision__isnull=False).exclude(state=_COURT)
    for claim in rows if decision is None else rows.filter(decision=decision):
        if _began_by_itself(claim):
            _unseen(claim, flag)
        else:
            _end(claim, BySystem.DECISION_UNDONE, {"decision": claim.decision_id})


def bring_back(flag: Flag, dismissal: Decision) -> None:
    """Open anew what an undone dismissal withdrew and nobody had answered.

    For a while the uploader may have been told that it was over. What was under dispute waits for
    the next verdict.
    """
    begun = Event.objects.get(machine=Event.Subject.FLAG, decision=dismissal)
    ended = Event.objects.filter(
        machine=Event.Subject.CLAIM,
        pk__gt=begun.pk,
        move="withdraw",
        reason=BySystem.DISMISSED,
        before__in=_UNANSWERED,
        decision__isnull=False,
    )
    rows = Claim.objects.filter(flag=flag, pk__in=ended.values("subject_id"))
    rights = {right.reference_pk: right for right in _rights_of(flag)}
    there = _of_pair(flag)
    for claim in rows.select_related("decision").order_by("pk"):
        right = rights.get(claim.rights_id)
        if right is not None and right.holder_pk not in there:
            _open(flag, _as_it_was(claim, right), None, claim.segments, claim.decision)


def end_without_rights(rights_id: int) -> None:
    """Withdraw the claims of rights that are no longer registered."""
    for claim in _standing().filter(rights_id=rights_id).exclude(state=_COURT):
        _end(claim, BySystem.RIGHTS_WITHDRAWN)


def would_open(flag: Flag, chosen: Sequence[Sequence[float]] | None = None) -> list[Right]:
    """The rights that confirming all of the flag, or the `chosen` segments, gives a claim to.

    The strictest first.
    """
    reading = _Reading.of([flag])
    link = reading.link(flag)
    return list(reading.outcome(link, chosen).claims) if link is not None else []


def would_end(flag: Flag) -> int:
    """How many claims a dismissal of the flag withdraws."""
    return Claim.objects.filter(flag=flag, state__in=STANDING).exclude(state=_COURT).count()


def turn(
    claim: Claim,
    name: str,
    actor: Actor,
    reason: str = "",
    note: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Event:
    """Make the move `name` with all that belongs to it: its clock, notices, and the video follows.

    The transaction has locked the claim or made it. Raises the Refusal WRONG_STATE.
    """
    until = _runs_until(claim, name)
    told = dict(facts or {}) | ({"until": until.isoformat()} if until else {})
    # Only this policy changes anything about the video.
    follows = claim.policy == Policy.BLOCK
    fields = {"until": until, "settled": not follows}
    event = turned(claim, name, actor, reason=reason, note=note, facts=told, **fields)
    notices.write(claim, event)
    if follows:
        # In a transaction of its own: who writes a video may wait for flags, and we hold one.
        transaction.on_commit(_settling(claim.query_id), robust=True)
    return event


def _settling(video_id: uuid.UUID) -> Callable[[], None]:
    # No partial: Django names what fails by an attribute that those have not.
    return lambda: blocking.settle(video_id)


def _runs_until(claim: Claim, name: str) -> datetime | None:
    before = claim.state if claim.version else NOTHING
    try:
        clock = row(Machine.CLAIM, before, name).clock
    except NotAllowed:
        raise wrong_state(before, name, "claim") from None
    if clock is None:
        return None
    options = settings.TVIDZ
    days = {
        Clock.POTENTIAL: options.claim_potential_days,
        Clock.ANSWER: options.claim_dispute_days,
        Clock.APPEAL: options.claim_appeal_days,
        Clock.COUNTER: options.claim_counter_days,
    }
    return now() + timedelta(days=days[clock])


def _open(
    flag: Flag,
    right: Right,
    known: Claim | None,
    segments: Sequence[Sequence[float]],
    decision: Decision | None,
) -> Claim | None:
    """A new claim under the right's policy, unless `known` is to stay."""
    if known is not None:
        if known.state not in _UNANSWERED:
            return None
        if known.policy == right.policy:
            _seen_by_a_person(known, decision)
            return None
        _end(known, BySystem.POLICY_CHANGED)
    name = "propose" if right.policy == Policy.REVIEW else "activate"
    claim = Claim(
        flag=flag,
        decision=decision,
        holder_id=right.holder_pk,
        rights_id=right.reference_pk,
        query_id=flag.query_id,
        reference_id=flag.reference_id,
        policy=right.policy,
        policy_version=right.version,
        licence=right.licence,
        territories=sorted(right.territories or ()),
        segments=list(segments),
    )
    facts = {"rights": right.reference_pk, "policy": right.policy}
    turn(claim, name, SYSTEM, BySystem.POLICY, facts=facts)
    return claim


def _as_it_was(claim: Claim, right: Right) -> Right:
    """The right as the claim was opened under it, or as its holder let it take effect."""
    return replace(
        right,
        policy=claim.policy,
        version=claim.policy_version,
        licence=claim.licence,
        territories=frozenset(claim.territories) or None,
    )


def _began_by_itself(claim: Claim) -> bool:
    first = Event.objects.filter(machine=Event.Subject.CLAIM, subject_id=claim.pk, sequence=1)
    return first.filter(decision__isnull=True).exists()


def _unseen(claim: Claim, flag: Flag) -> None:
    """As it was before a person confirmed it."""
    claim.decision = None
    if flag.link is not None:
        claim.segments = _parts(flag.link)
    claim.save(update_fields=["decision", "segments", "updated_at"])


def _parts(link: DuplicateLink) -> list[list[float]]:
    return sorted([s.q_start, s.q_end, s.r_start, s.r_end] for s in link.segments.all())


def _rights_of(flag: Flag) -> list[Right]:
    return rights_in([flag.reference_id]).get(flag.reference_id, [])


def _seen_by_a_person(claim: Claim, decision: Decision | None) -> None:
    """What a machine opened a person has confirmed by now."""
    if claim.decision_id is None and decision is not None:
        claim.decision, claim.segments = decision, decision.segments
        claim.save(update_fields=["decision", "segments", "updated_at"])


def _end(claim: Claim, why: BySystem, facts: Mapping[str, Any] | None = None) -> None:
    turn(claim, "withdraw", SYSTEM, why, facts=facts)


def _standing() -> QuerySet[Claim]:
    """In one order, for whoever locks several."""
    rows = Claim.objects.filter(state__in=STANDING).select_related("decision").order_by("pk")
    return rows.select_for_update(of=("self",))


def _given_up(flag: Flag) -> Iterable[int]:
    """Holders whose claim ended because of people or the clock: it does not come back by itself."""
    ended = Q(state__in=["released", "restored"]) | Q(
        state=Claim.State.WITHDRAWN, reason__in=Withdrawn.values
    )
    # Also where an earlier flag of the pair was superseded.
    pair = (flag.query_id, flag.reference_id)
    rows = Claim.objects.filter(ended, query_id__in=pair, reference_id__in=pair)
    return rows.values_list("holder_id", flat=True)


def _of_pair(flag: Flag) -> dict[int, Claim]:
    """By holder: claims that stand in the pair, also those of a flag that was superseded."""
    pair = (flag.query_id, flag.reference_id)
    rows = _standing().filter(query_id__in=pair, reference_id__in=pair)
    return {claim.holder_id: claim for claim in rows}


def _of_pairs(flags: Iterable[Flag]) -> dict[frozenset[uuid.UUID], dict[int, Claim]]:
    """The same for several flags, by pair, in two statements."""
    pairs = {_pair(flag) for flag in flags}
    videos = {video for pair in pairs for video in pair}
    between = Claim.objects.filter(state__in=STANDING, query_id__in=videos, reference_id__in=videos)
    # Claims of other pairs among these videos are not ours to lock: nobody has their flags for us.
    ours = [claim.pk for claim in between if _pair(claim) in pairs]
    held: dict[frozenset[uuid.UUID], dict[int, Claim]] = {}
    for claim in _standing().filter(pk__in=ours):
        held.setdefault(_pair(claim), {})[claim.holder_id] = claim
    return held


def _pair(row: Flag | Claim) -> frozenset[uuid.UUID]:
    return frozenset((row.query_id, row.reference_id))


@dataclass(frozen=True)
class _Reading:
    """What decides about claims, read for several flags at once."""

    links: Mapping[int, DuplicateLink]
    rights: Mapping[uuid.UUID, list[Right]]
    rules: Sequence[Rule]

    @classmethod
    def of(cls, flags: Sequence[Flag]) -> "_Reading":
        rows = DuplicateLink.objects.select_related("query").prefetch_related("segments")
        links = rows.in_bulk([flag.link_id for flag in flags if flag.link_id])
        videos = {video for link in links.values() for video in (link.query_id, link.reference_id)}
        return cls(links, rights_in(videos), rules_about(videos))

    def link(self, flag: Flag) -> DuplicateLink | None:
        return self.links.get(flag.link_id or 0)

    def outcome(
        self, link: DuplicateLink, chosen: Sequence[Sequence[float]] | None = None
    ) -> Outcome:
        """What follows from the match, or from the `chosen` segments of it alone."""
        facts = facts_of(link)
        if chosen is not None:
            facts = _of_these(facts, chosen)
        return decide(facts, self.rights.get(link.reference_id, []), self.rules, due_hours())


def _of_these(facts: Facts, chosen: Sequence[Sequence[float]]) -> Facts:
    parts = tuple(Match((part[0], part[1]), (part[2], part[3])) for part in chosen)
    fewer = replace(facts, matches=parts)
    share = fewer.seconds / facts.seconds if facts.seconds else 1.0
    return replace(fewer, covered_query=facts.covered_query * share)
