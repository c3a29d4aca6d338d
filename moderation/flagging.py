"""Step: links that are sure enough become flags for a moderator."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from matching.roles import hold_roles
from moderation import claims
from moderation.facts import (
    due_hours,
    facts_of,
    flags_about,
    queue_fields,
    rights_in,
    rules_about,
)
from moderation.ledger import moved, now
from moderation.models import Claim, Decision, Flag
from moderation.policy import Outcome, Right, Rule, Stretch, decide, new_seconds, sides, union
from moderation.reasons import BySystem, Reopened
from moderation.roles import SYSTEM
from videos.deletion import staying

Pair = frozenset[uuid.UUID]
DECIDED = (Flag.State.DISMISSED, Flag.State.CONFIRMED)


def worth_a_flag(score: float, kinds: Sequence[str]) -> bool:
    """Whether a match is put before a moderator: sure enough, and more than a shared intro."""
    return score >= settings.TVIDZ.flag_confidence and "shared" not in kinds


def flag(video_id: uuid.UUID) -> list[Flag]:
    """Open, suppress or reopen the flag of each settled link of the video; again is the same.

    Call it inside the fencing transaction.

    Only links of the running engine are looked at. A flag that stands with an older version's link
    keeps it, as a reviewer saw it, until it is decided; then only seconds that nobody has judged
    open it again. Returns the flags of the links that were looked at.
    """
    return flag_all([video_id])


def flag_all(video_ids: Sequence[uuid.UUID], *, holding: bool = True) -> list[Flag]:
    """The same for several videos at once.

    Without `holding` the caller has the roles of the one video for itself (`change_roles`).
    """
    with transaction.atomic():
        ids = {*video_ids, *_linked(video_ids)}
        if holding:
            hold_roles(ids)
        # No link may go with a deleted video between our look and the flag; links of a video that
        # is marked are there until its rows go.
        there = staying(ids)
        links = _current(video_ids).filter(query_id__in=there, reference_id__in=there)
        links = links.select_related("query").prefetch_related("segments")
        by_pair = {_pair(link): link for link in links.order_by("pk")}
        _make_missing(video_ids, by_pair)
        rows = list(flags_about(video_ids).select_for_update(of=("self",)))
        look = _Look(rights_in(ids), rules_about(ids), claims.undecided(rows), now())
        return [row for row in rows if look.settle(row, by_pair.get(_pair(row)))]


def _linked(video_ids: Sequence[uuid.UUID]) -> Iterable[uuid.UUID]:
    pairs = _current(video_ids).values_list("query_id", "reference_id")
    return (pk for pair in pairs for pk in pair)


def _current(video_ids: Sequence[uuid.UUID]) -> QuerySet[DuplicateLink]:
    either = Q(query_id__in=video_ids) | Q(reference_id__in=video_ids)
    return DuplicateLink.objects.filter(either, version=ENGINE_VERSION, provisional=False)


def _pair(row: DuplicateLink | Flag) -> Pair:
    return frozenset((row.query_id, row.reference_id))


def _make_missing(video_ids: Sequence[uuid.UUID], links: dict[Pair, DuplicateLink]) -> None:
    """Rows for pairs that have none; of two analyses that meet here one makes it, in one order."""
    known = {_pair(row) for row in flags_about(video_ids).only("query_id", "reference_id")}
    missing = [
        Flag(link=link, query_id=link.query_id, reference_id=link.reference_id)
        for pair, link in sorted(links.items(), key=lambda entry: sorted(entry[0]))
        if pair not in known and worth_a_flag(link.score, link.kinds)
    ]
    Flag.objects.bulk_create(missing, ignore_conflicts=True)


@dataclass(frozen=True)
class _Look:
    """One look at flags with what was read for all of them."""

    rights: dict[uuid.UUID, list[Right]]
    rules: list[Rule]
    claims: dict[int, list[Claim]]
    at: datetime

    def settle(self, flag: Flag, link: DuplicateLink | None) -> bool:
        """Bring a locked flag to where its link belongs; whether the two belong together."""
        if link is None:
            # What a lead put back into the queue is for people to decide.
            ours = flag.reason not in Reopened.values
            if flag.state == Flag.State.OPEN and flag.link_id is None and ours:
                moved(flag, "suppress", SYSTEM, reason=BySystem.NOT_FOUND_AGAIN)
                self._follow(flag, None, None)
            return False
        if not flag.version:
            moved(flag, "detect", SYSTEM, facts={"link": link.pk, "engine": link.version})
        if flag.state in DECIDED:
            self._judge_anew(flag, link)
        elif flag.state == Flag.State.SUPPRESSED or flag.link_id in (None, link.pk):
            self._place(flag, link)
        return flag.link_id == link.pk

    def _place(self, flag: Flag, link: DuplicateLink) -> None:
        waiting = flag.state == Flag.State.OPEN
        if not worth_a_flag(link.score, link.kinds):
            if waiting and flag.reason not in Reopened.values:
                moved(flag, "suppress", SYSTEM, reason=BySystem.LESS_SURE)
                self._follow(flag, None, None)
            return
        outcome = self._outcome(link)
        if flag.state == Flag.State.DETECTED:
            self._admit(flag, link, outcome)
        elif flag.state == Flag.State.SUPPRESSED:
            if outcome.rule is None:
                why = BySystem.RULE_GONE if flag.rule_id else BySystem.SURE_AGAIN
                moved(flag, "reopen", SYSTEM, reason=why, **self._fields(link, outcome))
            elif flag.rule_id not in (None, outcome.rule):
                Flag.objects.filter(pk=flag.pk).update(rule=outcome.rule)
        elif outcome.rule is None:
            self._refresh(flag, link, outcome)
        self._follow(flag, link, outcome)

    def _follow(self, flag: Flag, link: DuplicateLink | None, outcome: Outcome | None) -> None:
        claims.follow(flag, link, outcome, self.claims.get(flag.pk, []))

    def _admit(self, flag: Flag, link: DuplicateLink, outcome: Outcome) -> None:
        if outcome.rule is None:
            moved(flag, "open", SYSTEM, **self._fields(link, outcome))
        else:
            fields = self._fields(link, outcome) | {"opened_at": None, "due_at": None}
            moved(flag, "suppress", SYSTEM, reason=BySystem.RULE, rule_id=outcome.rule, **fields)

    def _judge_anew(self, flag: Flag, link: DuplicateLink) -> None:
        if not worth_a_flag(link.score, link.kinds):
            return
        more = new_seconds(judged(flag), sides(facts_of(link)))
        outcome = self._outcome(link)
        if more >= settings.TVIDZ.reopen_seconds and outcome.rule is None:
            fields = self._fields(link, outcome)
            facts = {"link": link.pk, "engine": link.version, "new_seconds": round(more, 3)}
            # Claims of the earlier verdict stand until these seconds are judged, too.
            moved(flag, "reopen", SYSTEM, reason=BySystem.NEW_SEGMENTS, facts=facts, **fields)
            self._follow(flag, link, outcome)

    def _refresh(self, flag: Flag, link: DuplicateLink, outcome: Outcome) -> None:
        """Facts of the queue follow the link without an event; the clock goes on."""
        told = queue_fields(link, outcome, flag.opened_at or self.at)
        if any(getattr(flag, name) != value for name, value in told.items()):
            for name, value in told.items():
                setattr(flag, name, value)
            flag.save(update_fields=[*told, "updated_at"])

    def _outcome(self, link: DuplicateLink) -> Outcome:
        rights = self.rights.get(link.reference_id, [])
        return decide(facts_of(link), rights, self.rules, due_hours())

    def _fields(self, link: DuplicateLink, outcome: Outcome) -> dict[str, Any]:
        return queue_fields(link, outcome, self.at)


def judged(flag: Flag) -> dict[uuid.UUID, list[Stretch]]:
    """What of each video matched when the flag was last decided, by the frozen evidence."""
    last = flag.decisions.exclude(verdict=Decision.Verdict.RETURNED).order_by("-pk").first()
    told: dict[str, Any] = json.loads(last.evidence) if last else {}
    parts = told.get("segments", [])
    return {
        uuid.UUID(told[side]): union((start, end) for start, end in (p[side] for p in parts))
        for side in ("query", "reference")
        if side in told
    }
