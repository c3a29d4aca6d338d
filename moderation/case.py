"""A flag as a reviewer is shown it: both videos, the match, who has rights, what was before."""

import uuid
from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Prefetch, Q
from django.utils import timezone

from matching.models import DuplicateLink, Segment
from matching.serializers import confidence_word, duplicate_json
from moderation.consequences import choices
from moderation.decide import proposed
from moderation.evidence import evidence_of
from moderation.facts import rule_of
from moderation.ledger import now
from moderation.models import AllowRule, Decision, Draft, Event, Flag, Lease, Reference
from moderation.presence import others_at
from moderation.roles import Actor, moderator_names
from videos.access.visibility import Viewer
from videos.errors import Refusal
from videos.models import Video
from videos.serializers import video_json

# Lines of history and rules that a screen has room for; REST has the rest in pages.
MOST_EVENTS: Final = 50
MOST_RULES: Final = 10


class Reviewer(Viewer):
    """Whoever reviews a match is shown both videos, whoever they belong to."""

    @property
    def is_staff(self) -> bool:
        return True


def flag_line(flag: Flag) -> dict[str, Any]:
    """A flag in a list; read with its `lease`, `holder` and both videos of its link."""
    link = flag.link
    lease = getattr(flag, "lease", None)
    return {
        "id": flag.pk,
        "version": flag.version,
        "state": flag.state,
        "reason": flag.reason,
        "policy": flag.policy,
        "holder": flag.holder.name if flag.holder else None,
        "score": round(flag.score, 4),
        "confidence_word": confidence_word(flag.score),
        "covered": round(flag.covered, 4),
        "kinds": flag.kinds,
        "priority": round(flag.priority, 4),
        "opened_at": _moment(flag.opened_at),
        "due_at": _moment(flag.due_at),
        "overdue": flag.due_at is not None and flag.due_at < timezone.now(),
        "lease": _lease_json(lease, None),
        "query": {"id": str(flag.query_id), "name": link.query.name if link else None},
        "reference": {"id": str(flag.reference_id), "name": link.reference.name if link else None},
    }


def case(flag: Flag, actor: Actor) -> dict[str, Any]:
    """The whole of it for one reviewer; `token` is told to who has the lease alone."""
    link = _link(flag)
    lease = Lease.objects.filter(flag=flag).first()
    draft = Draft.objects.filter(flag=flag, moderator_id=actor.id or 0).first()
    evidence = evidence_of([flag])[flag.pk]
    viewer = Reviewer(AnonymousUser())
    return flag_line(flag) | {
        "lease": _lease_json(lease, actor),
        "draft": {"reason": draft.reason, "note": draft.note} if draft else None,
        "evidence_sha256": evidence.sha256,
        "video": video_json(link.query, viewer) if link else None,
        "match": duplicate_json(link, link.query, viewer) if link else None,
        "aligned_cuts": link.aligned_cuts if link else None,
        "cuts": _cuts(link),
        "threshold": evidence.content.get("threshold"),
        "rights": [_right_json(row) for row in _rights(flag)],
        "uploader": _uploader_json(link),
        "decisions": [_decision_json(row) for row in flag.decisions.order_by("-pk")],
        "rules": [rule_json(row) for row in _rules_near(flag, link)],
        "history": [event_json(row) for row in history(flag)[:MOST_EVENTS]],
        "looking": others_at(flag.pk, actor.id),
        "proposed": _proposed(flag),
        "choices": choices(flag, actor, lease),
        "hand_to": _receivers(actor, lease),
    }


def _proposed(flag: Flag) -> list[int] | None:
    """Places of the segments that a second reviewer is asked about; None for no such question.

    None are left where the match was analysed again meanwhile.
    """
    if flag.state != Flag.State.SECOND_REVIEW:
        return None
    try:
        return proposed(flag)
    except Refusal:
        return []


def _receivers(actor: Actor, lease: Lease | None) -> list[str]:
    """Who may be given the flag, for a lead, while somebody has it."""
    if lease is None or not actor.is_lead:
        return []
    return [name for name in moderator_names() if name != lease.moderator_name]


def history(flag: Flag) -> Any:
    """Events of a flag, the newest first."""
    return Event.objects.filter(machine=Event.Subject.FLAG, subject_id=flag.pk).order_by(
        "-sequence"
    )


def event_json(event: Event) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "move": event.move,
        "from": event.before,
        "to": event.after,
        "by": event.actor_name or "the system",
        "actor_kind": event.actor_kind,
        "reason": event.reason,
        "note": event.note,
        "policy_version": event.policy_version,
        "evidence_sha256": event.evidence_sha256,
        "rule": event.rule_id,
        "bulk": str(event.bulk_id) if event.bulk_id else None,
        "facts": event.facts,
        "at": event.at.isoformat(),
    }


def rule_json(rule: AllowRule) -> dict[str, Any]:
    """An allow rule; `ended` where it speaks of nothing any more."""
    over = rule.expires_at is not None and rule.expires_at < now()
    return {
        "id": rule.pk,
        "kind": rule.kind,
        "reason": rule.reason,
        "note": rule.note,
        "author": rule.author_name,
        "licence": rule.licence,
        "stretch": [rule.start, rule.end] if rule.start is not None else None,
        "expires_at": _moment(rule.expires_at),
        "revoked_at": _moment(rule.revoked_at),
        "ended": bool(rule.revoked_at or over),
    }


def _moment(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _link(flag: Flag) -> DuplicateLink | None:
    links = DuplicateLink.objects.select_related("query__owner", "reference")
    # In the order of the evidence, by whose places a verdict names segments.
    parts = Prefetch("segments", Segment.objects.order_by("q_start", "pk"))
    return links.prefetch_related(parts).filter(pk=flag.link_id or 0).first()


def _lease_json(lease: Lease | None, actor: Actor | None) -> dict[str, Any] | None:
    if lease is None:
        return None
    mine = actor is not None and lease.moderator_id == actor.id
    told = {
        "holder": lease.moderator_name,
        "mine": mine,
        "taken_at": lease.taken_at.isoformat(),
        "expires_at": lease.expires_at.isoformat(),
    }
    return told | ({"token": str(lease.token)} if mine else {})


def _cuts(link: DuplicateLink | None) -> dict[str, list[float]]:
    """Scene cuts of both, seconds."""
    if link is None:
        return {"query": [], "reference": []}
    return {
        side: list(video.scene_cuts.timestamps) if hasattr(video, "scene_cuts") else []
        for side, video in (("query", link.query), ("reference", link.reference))
    }


def _rights(flag: Flag) -> Iterable[Reference]:
    rows = Reference.objects.filter(video_id=flag.reference_id).select_related("holder")
    return rows.order_by("registered_at", "pk")


def _right_json(row: Reference) -> dict[str, Any]:
    return {
        "holder": row.holder.name,
        "licence": row.licence,
        "territories": row.territories,
        "policy": row.effective_policy,
        "policy_version": row.effective_version,
        "registered_at": row.registered_at.isoformat(),
    }


def _uploader_json(link: DuplicateLink | None) -> dict[str, Any] | None:
    """Who uploaded the query, and what became of flags about their videos; None without account."""
    owner = link.query.owner if link else None
    if owner is None:
        return None
    theirs = Video.objects.filter(owner=owner)
    about = Flag.objects.filter(query_id__in=theirs.values("pk"))
    told = about.aggregate(
        confirmed=Count("pk", filter=Q(state=Flag.State.CONFIRMED)),
        dismissed=Count("pk", filter=Q(state=Flag.State.DISMISSED)),
    )
    return {
        "name": owner.get_username(),
        "since": owner.date_joined.isoformat(),
        "videos": theirs.count(),
        **told,
    }


def _decision_json(row: Decision) -> dict[str, Any]:
    return {
        "id": row.pk,
        "verdict": row.verdict,
        "move": row.move,
        "reason": row.reason,
        "note": row.note,
        "by": row.moderator_name,
        "at": row.at.isoformat(),
        "policy_version": row.policy_version,
        "evidence_sha256": row.evidence_sha256,
    }


def _rules_near(flag: Flag, link: DuplicateLink | None) -> list[AllowRule]:
    """Rules that speak of these videos or of their uploader, also those that have ended."""
    videos = {flag.query_id, flag.reference_id}
    owner = link.query.owner_id if link else None
    either = Q(video_id__in=videos) | Q(other_id__in=videos)
    if owner is not None:
        either |= Q(kind=AllowRule.Kind.UPLOADER, uploader_id=owner)
    rows = AllowRule.objects.filter(either).order_by("-pk")[: 4 * MOST_RULES]
    return [row for row in rows if _concerns(row, videos)][:MOST_RULES]


def _concerns(rule: AllowRule, videos: set[uuid.UUID]) -> bool:
    """A rule about a pair needs both of them; one about a stretch or a person does not."""
    return rule.kind != AllowRule.Kind.PAIR or rule_of(rule).videos == videos
