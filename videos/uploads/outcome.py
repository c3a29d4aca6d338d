"""What becomes of an upload that its sender may ask about: accepted, refused, expired."""

import uuid
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from videos.access.visibility import remember_upload
from videos.errors import no_such_upload, upload_expired
from videos.models import OpenUpload, State, Upload, Video
from videos.serializers import error_json
from videos.uploads.accept import Arrival

log = structlog.get_logger(__name__)

Row = TypeVar("Row", bound=OpenUpload)


def look_up(kind: type[Row], upload_id: uuid.UUID, user: Any) -> Row:
    """The upload if that user may go on with it; raises NO_UPLOAD, UPLOAD_EXPIRED."""
    rows = kind._default_manager.annotate(expired=Q(expires_at__lt=Now()))
    row = rows.filter(pk=upload_id).first()
    if row is None or (row.owner_id is not None and row.owner_id != getattr(user, "pk", None)):
        raise no_such_upload()
    if row.expired:  # type: ignore[attr-defined]
        raise upload_expired()
    return row


def arrival(row: OpenUpload, path: Path, declared_name: str, origin: str = "") -> Arrival:
    """The file of an upload, all of it, as its sender handed it in."""
    return Arrival(
        path,
        declared_name,
        Upload.Entrance(row.entrance),
        row.owner,
        origin,
        video_id=row.video_id,
        secret_sha256=row.secret_sha256,
        confirm=partial(_confirm, row),
    )


def _confirm(row: OpenUpload) -> None:
    """Raises NO_UPLOAD where the sender has given the upload up; who does it now waits for us."""
    rows = type(row)._default_manager.select_for_update(no_key=True)
    if rows.filter(pk=row.pk).first() is None:
        raise no_such_upload()


def settle(row: OpenUpload, video: Video) -> None:
    """Keep what became of the upload; its browser may see the video from now on."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    # Once it is accepted, what becomes of its analysis is the video's own matter.
    if video.storage_key and video.state != State.QUARANTINED:
        rows.update(accepted_at=Now())
    else:
        told = error_json(video) or {}
        rows.update(error_code=video.error_code, error_message=told.get("message", ""))
    if row.session_key:
        _remember(row.session_key, video.id)
    log.info("upload finished", upload=str(row.pk), refused=video.error_code)


def _remember(session_key: str, video_id: uuid.UUID) -> None:
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    # Whoever signed out meanwhile has no such session any more.
    if session.exists(session_key):
        remember_upload(session, video_id)
        session.save()


def standing(row: OpenUpload, while_open: str) -> dict[str, Any]:
    """What became of the upload, as JSON; `while_open` is its state before that."""
    told: dict[str, Any] = {"id": str(row.pk), "state": while_open}
    if row.accepted_at or row.error_code:
        told |= {"state": "accepted", "video": f"/api/v1/videos/{row.video_id}/"}
    if row.error_code:
        told |= {"state": "refused", "code": row.error_code, "detail": row.error_message}
    return told
