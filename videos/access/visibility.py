"""Who may see what. Every view, consumer and queryset asks here."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Q, QuerySet

from videos.errors import deleted, not_found
from videos.models import State, Tombstone, Video, Visibility

SESSION_KEY = "uploads"
# A session remembers this many of its own uploads; older ones need their secret.
SESSION_LIMIT = 200
# The permission of moderators, which is another app's.
REVIEWS = "moderation.review_flag"


class Owned(Protocol):
    """A video, or what stays of one."""

    id: uuid.UUID
    owner_id: int | None
    secret_sha256: str


@dataclass(frozen=True)
class Viewer:
    """Whoever asks: a user or nobody, the uploads this browser made, a secret that was shown."""

    user: AbstractBaseUser | AnonymousUser
    session_uploads: frozenset[uuid.UUID] = frozenset()
    secret: str = ""

    @property
    def is_staff(self) -> bool:
        """Staff that may see every video. Who works in the admin for a queue alone may not."""
        return sees_all(self.user)

    @property
    def reviews(self) -> bool:
        """Whether they are asked to judge matches, and so are shown what is blocked."""
        return self.user.has_perm(REVIEWS)  # type: ignore[union-attr]


def sees_all(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether every video is theirs to see: staff with Django's permission to view videos."""
    return _staff_with(user, "videos.view_video")


def _staff_with(user: AbstractBaseUser | AnonymousUser, permission: str) -> bool:
    staff = getattr(user, "is_staff", False)
    return bool(staff and isinstance(user, PermissionsMixin) and user.has_perm(permission))


def viewer_of(
    user: AbstractBaseUser | AnonymousUser, session: SessionBase | None, secret: str = ""
) -> Viewer:
    uploads = session.get(SESSION_KEY, []) if session is not None else []
    return Viewer(user, frozenset(uuid.UUID(value) for value in uploads), secret)


def new_secret() -> tuple[str, str]:
    """A secret for an upload and the SHA-256 that is stored of it."""
    secret = secrets.token_urlsafe(32)
    return secret, hashlib.sha256(secret.encode()).hexdigest()


def remember_upload(session: SessionBase, video_id: uuid.UUID) -> None:
    """Let this browser see the upload later without its secret."""
    kept = [known for known in session.get(SESSION_KEY, []) if known != str(video_id)]
    session[SESSION_KEY] = [*kept, str(video_id)][-SESSION_LIMIT:]


def owns(viewer: Viewer, video: Owned) -> bool:
    if viewer.user.is_authenticated and video.owner_id == viewer.user.pk:
        return True
    if video.id in viewer.session_uploads:
        return True
    shown = hashlib.sha256(viewer.secret.encode()).hexdigest()
    return bool(
        viewer.secret and video.secret_sha256 and hmac.compare_digest(shown, video.secret_sha256)
    )


def kept_from(viewer: Viewer, video: Video) -> bool:
    """Whether a claim blocks the video for this viewer, whichever signed address they hold."""
    if video.blocked_at is None:
        return False
    return not (owns(viewer, video) or viewer.is_staff or viewer.reviews)


def may_see(viewer: Viewer, video: Video) -> bool:
    """Whether the viewer may open the video's page, follow its progress and play it."""
    if video.state == State.DELETED or kept_from(viewer, video):
        return False
    if video.state == State.QUARANTINED and not viewer.is_staff:
        return owns(viewer, video)
    return viewer.is_staff or video.visibility == Visibility.PUBLIC or owns(viewer, video)


def may_search(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the user may search with a file."""
    options = settings.TVIDZ
    strangers = {"uploads": options.anonymous_uploads, "true": True, "false": False}
    return bool(user.is_authenticated) or strangers[options.anonymous_search]


def may_delete(viewer: Viewer, video: Owned) -> bool:
    """Whoever uploaded it, and staff with the permission: looking after a queue needs none."""
    return _staff_with(viewer.user, "videos.delete_video") or owns(viewer, video)


def visible(viewer: Viewer, video_id: uuid.UUID) -> Video:
    """The video, or a 404 that does not tell a hidden one from none.

    Whoever might have deleted it is told that it was: 410.
    """
    video = Video.objects.filter(pk=video_id).select_related("scene_cuts").first()
    gone = video is None or video.state == State.DELETED
    if gone and deleted_one(viewer, video_id):
        raise deleted()
    if video is None or not may_see(viewer, video):
        raise not_found()
    return video


def deleted_one(viewer: Viewer, video_id: uuid.UUID) -> Tombstone | None:
    """What stays of a video that is deleted and was the viewer's to delete."""
    tombstone = Tombstone.objects.filter(pk=video_id).first()
    return tombstone if tombstone is not None and may_delete(viewer, tombstone) else None


def recent_uploads(viewer: Viewer, limit: int) -> QuerySet[Video]:
    """The viewer's own newest uploads, by account or from this browser."""
    own = Q(pk__in=viewer.session_uploads)
    if viewer.user.is_authenticated:
        own |= Q(owner_id=viewer.user.pk)
    return Video.objects.filter(own).exclude(state=State.DELETED).order_by("-uploaded_at")[:limit]


def own_uploads(viewer: Viewer) -> QuerySet[Video]:
    """All uploads of the account; without one, those of this browser."""
    own = Q(pk__in=viewer.session_uploads)
    if viewer.user.is_authenticated:
        own = Q(owner_id=viewer.user.pk)
    return Video.objects.filter(own).exclude(state=State.DELETED)


def may_change(viewer: Viewer, video: Owned) -> bool:
    """Whether the viewer may call it otherwise, show it or hide it: whoever uploaded it alone."""
    return owns(viewer, video)


def set_visibility(viewer: Viewer, video_ids: Iterable[uuid.UUID], wanted: Visibility) -> int:
    """Show or hide those of the videos that are the viewer's own; how many they were."""
    rows = Video.objects.filter(pk__in=video_ids)
    own = [video.pk for video in rows if may_change(viewer, video)]
    return Video.objects.filter(pk__in=own).update(visibility=wanted)
