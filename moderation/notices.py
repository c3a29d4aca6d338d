"""Who is told of which turn of a claim: rows of the outbox, written in the turn's transaction."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Q
from django.db.models.functions import Now
from django_q.tasks import async_task

from moderation.models import Claim, Event, Notice, RightsHolder
from moderation.reasons import BySystem
from videos.leased import unheard
from videos.models import Tombstone, Video

UPLOADER, HOLDER = Notice.Audience.UPLOADER, Notice.Audience.HOLDER
# By move: the template of the mail to either. A webhook has every move.
MAILS: Final = {
    UPLOADER: {
        "activate": "uploader_claimed",
        "release": "uploader_released",
        "run_out": "uploader_released",
        "withdraw": "uploader_released",
        "restore": "uploader_released",
        "reinstate": "uploader_reinstated",
        "uphold": "uploader_upheld",
        "take_down": "uploader_taken_down",
        "hold": "uploader_held",
    },
    HOLDER: {
        "propose": "holder_proposed",
        "expire": "holder_ended",
        "dispute": "holder_disputed",
        "release": "holder_ended",
        "run_out": "holder_ended",
        "restore": "holder_ended",
        "withdraw": "holder_ended",
        "reinstate": "holder_kept",
        "appeal": "holder_disputed",
        "uphold": "holder_kept",
        "counter": "holder_countered",
    },
}
# Wake-ups of one look.
MANY: Final = 200


def write(claim: Claim, event: Event) -> None:
    """Put what this turn means for the parties into the outbox, and wake a worker for it.

    That a decision opened a claim is told when it can be undone no longer; undone before, neither
    is told.
    """
    holder = RightsHolder.objects.get(pk=claim.holder_id)
    rows = [Notice(claim=claim, event=event, **told) for told in _told(claim, event, holder)]
    seconds = settings.TVIDZ.undo_seconds
    waits = event.sequence == 1 and event.decision_id is not None and seconds > 0
    if waits:
        for row in rows:
            row.due_at = event.at + timedelta(seconds=seconds)
    if event.sequence == 2 and event.reason == BySystem.DECISION_UNDONE:
        rows = _of_those_who_know(claim, rows)
    for row in Notice.objects.bulk_create(rows):
        if not waits:
            transaction.on_commit(_waking(row.pk), robust=True)


def _of_those_who_know(claim: Claim, rows: list[Notice]) -> list[Notice]:
    """What a party would have been told first goes, unless a worker has begun to; then the rest."""
    earlier = Notice.objects.filter(claim=claim)
    earlier.filter(state=Notice.State.WAITING, attempts=0).delete()
    told = set(earlier.values_list("audience", "way"))
    return [row for row in rows if (row.audience, row.way) in told]


def _waking(notice_id: int) -> Callable[[], None]:
    # No partial: Django names what fails by an attribute that those have not.
    return lambda: wake(notice_id)


def _told(claim: Claim, event: Event, holder: RightsHolder) -> Iterator[dict[str, Any]]:
    if settings.SENDS_MAIL:
        template = MAILS[UPLOADER].get(event.move, "")
        if template and _concerns_uploader(event) and _has_mail(claim):
            yield {"audience": UPLOADER, "way": Notice.Way.MAIL, "template": template}
        template = MAILS[HOLDER].get(event.move, "")
        if template and holder.contact_email:
            yield {"audience": HOLDER, "way": Notice.Way.MAIL, "template": template}
    if holder.webhook_url:
        body = json.dumps(webhook_json(claim, event), ensure_ascii=False)
        yield {"audience": HOLDER, "way": Notice.Way.WEBHOOK, "body": body}


def _concerns_uploader(event: Event) -> bool:
    """They were told of nothing while a claim was potential, and know of what they deleted."""
    return event.before != Claim.State.POTENTIAL or event.move == "activate"


def _has_mail(claim: Claim) -> bool:
    # Of a video that is being deleted the tombstone is there already.
    gone = Tombstone.objects.filter(pk=claim.query_id)
    rows = Video.objects.filter(~Exists(gone), pk=claim.query_id, owner__isnull=False)
    return rows.exclude(owner__email="").exists()


def webhook_json(claim: Claim, event: Event) -> dict[str, Any]:
    """`{event, timestamp, data}`. `sequence` orders what may arrive out of order."""
    return {
        "event": f"claim.{event.after}",
        "timestamp": event.at.isoformat(),
        "data": {
            "claim": claim.pk,
            "sequence": event.sequence,
            "move": event.move,
            "from": event.before,
            "to": event.after,
            "by": event.actor_kind,
            "reason": event.reason,
            "note": event.note,
            "documents": event.facts.get("documents", []),
            "until": event.facts.get("until"),
            "policy": claim.policy,
            "policy_version": claim.policy_version,
            "territories": claim.territories,
            "video": str(claim.query_id),
            "reference": str(claim.reference_id),
            "segments": claim.segments,
        },
    }


def wake(notice_id: int) -> None:
    """Tell a worker. A wake-up that is lost is repeated by the look."""
    Notice.objects.filter(pk=notice_id).update(woken_at=Now())
    async_task(settings.TVIDZ_TASKS["notify"], notice_id)


def look_after() -> None:
    """Wake what is due and was not woken, or whose worker died."""
    due = Notice.objects.filter(state=Notice.State.WAITING, due_at__lte=Now())
    # What was tried since is due anew, however lately it was woken before.
    forgotten = due.filter(unheard() | Q(woken_at__lt=F("due_at"))).order_by("due_at")
    for notice_id in forgotten.values_list("pk", flat=True)[:MANY]:
        wake(notice_id)
