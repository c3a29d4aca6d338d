"""A web server to fetch files from; people; a video that every table speaks of."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.utils import timezone

from matching.models import CutToken, DescriptorVector
from tests.videos.traces import NAME
from tests.web_server import LOOPBACK, Web, serving
from videos.models import (
    FrameInfo,
    PartialUpload,
    Search,
    UrlImport,
    Video,
)

MakeVideo = Callable[..., Video]
TakeIn = Callable[..., Video]


@pytest.fixture
def web(change_settings: Callable[..., None]) -> Iterator[Web]:
    """Files may be fetched by URL, from this server."""
    change_settings(
        url_import=True, outgoing_allow=(f"{LOOPBACK}/32",), outgoing_ports=("1-65535",)
    )
    with serving() as server:
        yield server


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def lead() -> User:
    user = User.objects.create_user("charlie", is_staff=True)
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=["delete_video", "view_video"])
    )
    return user


@pytest.fixture
def known_everywhere(take_in: TakeIn, film: Path, excerpt: Path, alice: User) -> Video:
    """A film that an excerpt copies, with a row of everything that can speak of it."""
    video = take_in(film, NAME, owner=alice, origin=f"/films/{NAME}#1")
    take_in(excerpt)
    frame = FrameInfo.objects.filter(video=video)[0]
    CutToken.objects.create(video=video, version="1", token=1, time=0.0, span=1.0)
    DescriptorVector.objects.create(
        frame=frame, video=video, name="mine", version="1", timestamp=0.0, vector=[1.0, 0.0]
    )
    soon = timezone.now() + timedelta(hours=1)
    PartialUpload.objects.create(
        video_id=video.id, metadata=f"filename {NAME}", expires_at=soon, accepted_at=timezone.now()
    )
    UrlImport.objects.create(
        owner=alice, url=f"https://example.org/{NAME}", video_id=video.id, state="accepted"
    )
    LogEntry.objects.create(
        user=alice,
        content_type=ContentType.objects.get_for_model(Video),
        object_id=str(video.id),
        object_repr=NAME,
        action_flag=CHANGE,
    )
    call_command("match", str(excerpt), stdout=StringIO())
    Search.objects.create(
        filename="asked.mp4",
        storage_key="s",
        facts={},
        state="done",
        answer={"rows": [{"ref": str(video.id)}], "complete": True, "readable": 1.0},
    )
    return video
