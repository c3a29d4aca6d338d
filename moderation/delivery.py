"""A worker sends what the outbox holds: mail from templates, webhooks with a signature."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now
from django.template.loader import render_to_string

from moderation.ledger import now
from moderation.models import Notice, RightsHolder
from videos import outgoing
from videos.models import State, Video, Visibility
from videos.serializers import video_page

log = structlog.get_logger(__name__)

# Seconds until the next try, the last one for all that follow. The first is longer than a slow mail
# server is talked to, or two workers would send the same mail.
PAUSES: Final = (120, 600, 1800, 7200, 21_600)
MOST_BYTES: Final = 65_536
SIGNATURE: Final = "Tvidz-Signature"
DELIVERY: Final = "Tvidz-Delivery"
EVENT: Final = "Tvidz-Event"


class Undelivered(Exception):
    """It was not taken; the words are for the admin."""


class Nobody(Undelivered):
    """There is nobody left to be told, and will not be."""


@dataclass(frozen=True)
class Held:
    """A try that is ours: `attempts` counts it, and fences its end."""

    row: Notice
    attempts: int

    def end(self, **fields: Any) -> None:
        theirs = Notice.objects.filter(pk=self.row.pk, attempts=self.attempts)
        theirs.filter(state=Notice.State.WAITING).update(**fields)


def deliver(notice_id: int) -> str:
    """Task: send the notice if it is due and nobody else does; returns how it ended."""
    held = _take(notice_id)
    if held is None:
        return "not free"
    try:
        _send(held.row)
    except Nobody as error:
        held.end(state=Notice.State.GIVEN_UP, error=str(error))
        return str(Notice.State.GIVEN_UP)
    except (Undelivered, outgoing.OutgoingError) as error:
        return _missed(held, str(error))
    except OSError as error:
        # The network, or what the mail server said; its own words may hold the address.
        return _missed(held, type(error).__name__)
    except Exception as error:
        # Else it would be tried for ever, and nobody would see why.
        log.exception("notice could not be written", notice=notice_id)
        return _missed(held, type(error).__name__)
    held.end(state=Notice.State.SENT, sent_at=Now(), error="")
    return str(Notice.State.SENT)


def _take(notice_id: int) -> Held | None:
    """Count the try and move the next one on, before anything is sent."""
    row = Notice.objects.select_related("claim", "event").filter(pk=notice_id).first()
    if row is None:
        return None
    pause = timedelta(seconds=PAUSES[min(row.attempts, len(PAUSES) - 1)])
    free = Notice.objects.filter(pk=row.pk, attempts=row.attempts, due_at__lte=Now())
    taken = free.filter(state=Notice.State.WAITING).update(
        attempts=row.attempts + 1, due_at=Now() + pause
    )
    return Held(row, row.attempts + 1) if taken else None


def _missed(held: Held, why: str) -> str:
    patience = timedelta(days=settings.TVIDZ.notice_days)
    over = now() - held.row.created_at > patience
    state = Notice.State.GIVEN_UP if over else Notice.State.WAITING
    held.end(state=state, error=why[:200])
    log.warning("notice not delivered", notice=held.row.pk, why=why, given_up=over)
    return str(state)


def _send(row: Notice) -> None:
    if row.way == Notice.Way.WEBHOOK:
        _post(row)
    else:
        _mail(row)


def _post(row: Notice) -> None:
    holder = RightsHolder.objects.get(pk=row.claim.holder_id)
    if not holder.webhook_url:
        raise Undelivered("the rights holder has no address for webhooks any more")
    body = row.body.encode()
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: signature(holder.webhook_secret, body, int(time.time())),
        DELIVERY: str(row.pk),
        EVENT: json.loads(row.body)["event"],
    }
    seconds = settings.TVIDZ.webhook_seconds
    limits = outgoing.Limits(MOST_BYTES, seconds, connect_seconds=seconds, silence_seconds=seconds)
    with outgoing.post(holder.webhook_url, body, headers, limits) as answer:
        if not 200 <= answer.status < 300:
            raise Undelivered(f"answered with status {answer.status}")


def signature(secret: str, body: bytes, moment: int) -> str:
    """What proves to a receiver who sent the body, and when: HMAC-SHA256 over "moment.body"."""
    told = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={told.hexdigest()}"


def _mail(row: Notice) -> None:
    claim, event = row.claim, row.event
    video = Video.objects.filter(pk=claim.query_id).select_related("owner").first()
    to = claim.holder.contact_email
    if row.audience == Notice.Audience.UPLOADER:
        if video is None or video.state == State.DELETED:
            raise Nobody("the video was deleted")
        to = video.owner.email if video.owner is not None else ""
    if not to:
        raise Undelivered("there is no address of theirs any more")
    context = {
        "claim": claim,
        "event": event,
        "reason": event.reason.replace("_", " "),
        "until": event.facts.get("until", "")[:10],
        "video": _name(row, video),
        "link": settings.TVIDZ.site_url + video_page(video) if video is not None else "",
        "site": settings.TVIDZ.site_url,
        "seconds": round(sum(part[1] - part[0] for part in claim.segments)),
    }
    text = render_to_string(f"moderation/mail/{row.template}.txt", context)
    subject, _, body = text.strip().partition("\n")
    send_mail(" ".join(subject.split()), body.strip() + "\n", None, [to])


def _name(row: Notice, video: Video | None) -> str:
    """A rights holder is told the seconds of a private video, and not what it is called."""
    if video is None or video.state == State.DELETED:
        return "a video that was deleted"
    if row.audience == Notice.Audience.HOLDER and video.visibility != Visibility.PUBLIC:
        return "a video that is not public"
    return video.name
