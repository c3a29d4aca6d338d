"""Making and revoking allow rules, and what that does to flags that are there already."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from matching.models import DuplicateLink
from moderation import claims
from moderation.errors import bad_reason, bad_rule, no_lead, no_such_rule, own_video
from moderation.facts import (
    due_hours,
    facts_of,
    flags_about,
    in_force,
    rights_in,
    rule_of,
    rules_about,
)
from moderation.flagging import flag_all
from moderation.ledger import moved, noted, now
from moderation.models import AllowRule, Decision, Event, Flag, Lease, Reference
from moderation.policy import Rule, decide, excluded_by
from moderation.queues import WAITING
from moderation.reasons import BySystem, Dismissed
from moderation.roles import SYSTEM, Actor, AnyUser, lead, own_videos
from videos.models import Video

# Flags that one transaction opens again.
FLAGS_AT_ONCE: Final = 200


@dataclass(frozen=True)
class NewRule:
    """What an allow rule is to be about; `days` None for the setting's, 0 for ever.

    A pair needs both videos, an uploader its user id, a licence its words, a stretch a video with
    start and end in seconds. `holder_id` limits it to that holder's rights.
    """

    kind: str
    video_id: uuid.UUID | None = None
    other_id: uuid.UUID | None = None
    start: float | None = None
    end: float | None = None
    uploader_id: int | None = None
    licence: str = ""
    holder_id: int | None = None
    days: int | None = None


def pair_of(flag: Flag, *, holder_id: int | None = None, days: int | None = None) -> NewRule:
    """The narrowest rule: this pair and nothing else."""
    return NewRule("pair", flag.query_id, flag.reference_id, holder_id=holder_id, days=days)


def make(user: AnyUser, spec: NewRule, reason: str, note: str = "") -> AllowRule:
    """A lead's rule; waiting flags that it speaks of are closed with it."""
    actor = lead(user)
    if reason not in Dismissed.values:
        raise bad_reason(reason)
    with transaction.atomic():
        rule = write(actor, spec, reason, note)
        apply(rule)
        return rule


def write(
    actor: Actor, spec: NewRule, reason: str, note: str, decision: Decision | None = None
) -> AllowRule:
    """The row and its event, inside a transaction; raises NO_LEAD, OWN_VIDEO or BAD_RULE."""
    _check(spec)
    _permit(actor, spec, decision)
    days = settings.TVIDZ.allow_rule_days if spec.days is None else spec.days
    rule = AllowRule.objects.create(
        **{name: getattr(spec, name) for name in ("kind", "video_id", "other_id", "start", "end")},
        uploader_id=spec.uploader_id,
        licence=spec.licence,
        holder_id=spec.holder_id,
        reason=reason,
        note=note,
        author_id=actor.person,
        author_name=actor.name,
        decision_id=decision.pk if decision else None,
        expires_at=now() + timedelta(days=days) if days else None,
    )
    _note(rule, "made", actor, reason=reason, note=note)
    return rule


def _permit(actor: Actor, spec: NewRule, decision: Decision | None) -> None:
    """A moderator remembers the pair that was dismissed; a lead what they like but their own."""
    videos = {video for video in (spec.video_id, spec.other_id) if video is not None}
    decided = set(decision.video_ids) if decision else set()
    if not actor.is_lead and not (spec.kind == AllowRule.Kind.PAIR and videos == decided):
        raise no_lead()
    if spec.uploader_id == actor.person or own_videos(actor.person, videos).exists():
        raise own_video()


def _check(spec: NewRule) -> None:
    both = spec.video_id is not None and spec.other_id not in (None, spec.video_id)
    stretch = spec.start is not None and spec.end is not None and 0 <= spec.start < spec.end
    whole = {
        AllowRule.Kind.PAIR.value: both,
        AllowRule.Kind.UPLOADER.value: spec.uploader_id is not None,
        AllowRule.Kind.LICENCE.value: bool(spec.licence),
        AllowRule.Kind.SEGMENT.value: spec.video_id is not None and stretch,
    }
    if spec.kind not in whole:
        raise bad_rule(f"“{spec.kind}” is no kind of allow rule.")
    if not whole[spec.kind]:
        raise bad_rule(f"Say which {spec.kind} the rule is about.")
    if spec.days is not None and spec.days < 0:
        raise bad_rule("A rule cannot end before it begins.")


def revoke(user: AnyUser, rule_id: int, note: str = "") -> None:
    """End a rule now; flags that it suppressed are opened where no other rule speaks of them."""
    actor = lead(user)
    with transaction.atomic():
        rule = in_force().select_for_update(of=("self",)).filter(pk=rule_id).first()
        if rule is None:
            raise no_such_rule()
        end(rule, actor, note)
    look_after()


def end(rule: AllowRule, actor: Actor, note: str = "") -> None:
    """The same inside a transaction that has locked the rule; the next look opens its flags."""
    rule.revoked_at = now()
    rule.save(update_fields=["revoked_at"])
    _note(rule, "revoked", actor, note=note)


def end_those_of(decision: Decision, actor: Actor) -> None:
    """End the rules that were made with a decision which does not hold."""
    rules = AllowRule.objects.filter(decision_id=decision.pk, revoked_at__isnull=True)
    for rule in rules.select_for_update(of=("self",)).order_by("pk"):
        end(rule, actor)


def look_after() -> None:
    """Open what was suppressed by rules that were revoked or are over."""
    over = Flag.objects.filter(rule__isnull=False).exclude(rule__in=in_force())
    while flags := list(over.order_by("pk")[:FLAGS_AT_ONCE]):
        flag_all(sorted({flag.query_id for flag in flags}))
        # What stays suppressed, as it is doubtful by now, is not looked at again.
        over.filter(pk__in=[flag.pk for flag in flags]).update(rule=None)


def _note(rule: AllowRule, name: str, actor: Actor, **fields: str) -> Event:
    facts = {
        "kind": rule.kind,
        "stretch": [rule.start, rule.end],
        "uploader": rule.uploader_id,
        "holder": rule.holder_id,
        "decision": rule.decision_id,
        "expires_at": rule.expires_at.isoformat() if rule.expires_at else None,
    }
    videos = [video for video in (rule.video_id, rule.other_id) if video is not None]
    return noted(
        Event.Subject.RULE,
        rule.pk,
        name,
        actor,
        video_ids=videos,
        rule_id=rule.pk,
        facts={name: value for name, value in facts.items() if value not in (None, [None, None])},
        **fields,
    )


def apply(rule: AllowRule) -> None:
    """Close what waits and is spared by the rule: suppressed while open, superseded if excluded."""
    excluding = rule.kind == AllowRule.Kind.SEGMENT and rule.holder_id is None
    states = WAITING if excluding else (Flag.State.OPEN,)
    with transaction.atomic():
        rows = _spoken_of(rule).filter(state__in=states).select_for_update(of=("self",))
        flags = list(rows)
        videos = {video for flag in flags for video in (flag.query_id, flag.reference_id)}
        rights, rules = rights_in(videos), rules_about(videos)
        links = DuplicateLink.objects.select_related("query").prefetch_related("segments")
        held = links.in_bulk([flag.link_id for flag in flags if flag.link_id])
        ended: list[Flag] = []
        for flag in flags:
            link = held.get(flag.link_id or 0)
            if link is None:
                continue
            told = decide(facts_of(link), rights.get(link.reference_id, []), rules, due_hours())
            if told.rule is not None and not excluding:
                moved(flag, "suppress", SYSTEM, reason=BySystem.RULE, rule_id=told.rule)
                ended.append(flag)
            elif excluding and excluded_by(_excluding(rules), facts_of(link)):
                Lease.objects.filter(flag=flag).delete()
                why, facts = BySystem.SEGMENT_EXCLUDED, {"rule": rule.pk}
                moved(flag, "supersede", SYSTEM, reason=why, facts=facts)
                ended.append(flag)
        claims.end_all_of(ended, BySystem.NO_CLAIM_LEFT)


def _excluding(rules: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.kind == "segment" and rule.holder_pk is None]


def _spoken_of(rule: AllowRule) -> QuerySet[Flag]:
    """Flags that the rule may be about; whether it is, `decide` says."""
    kind = rule_of(rule)
    if kind.videos:
        return flags_about(sorted(kind.videos))
    if rule.kind == AllowRule.Kind.UPLOADER:
        theirs = Video.objects.filter(owner_id=rule.uploader_id).values("pk")
        return Flag.objects.filter(query_id__in=theirs).order_by("pk")
    licensed = Reference.objects.filter(licence=rule.licence).values("video_id")
    return Flag.objects.filter(reference_id__in=licensed).order_by("pk")
