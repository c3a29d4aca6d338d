"""Stored media behind signed URLs, with byte ranges."""

import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from videos import media_urls, storage
from videos.media_urls import BLOCK, original_url, picture_url, thumbnail_url
from videos.models import FrameInfo, State, Video

pytestmark = [
    pytest.mark.django_db,
    # The test client reads synchronously what the server reads asynchronously.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def stored(video_row: Callable[..., Video]) -> Video:
    video = video_row("holiday.mp4", state=State.READY)
    storage.put_bytes(video.storage_key, CONTENT)
    return video


def get(url: str | None, method: str = "GET", **headers: str) -> Any:
    assert url is not None
    return Client().generic(method, url, headers=headers)


def body(response: Any) -> bytes:
    return b"".join(response)


def test_without_a_range_the_whole_file_comes(stored: Video) -> None:
    response = get(original_url(stored))

    assert response.status_code == 200
    assert response["Content-Length"] == "1024"
    assert response["Content-Type"] == "video/mp4"
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private")
    assert body(response) == CONTENT


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=1000-9999", 1000, 1023),
        ("bytes=-9999", 0, 1023),
        (f"bytes=0-{10**17}", 0, 1023),
    ],
)
def test_a_range_is_answered_with_exactly_its_bytes(
    asked: str, first: int, last: int, stored: Video
) -> None:
    response = get(original_url(stored), range=asked)

    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/1024"
    assert response["Content-Length"] == str(last - first + 1)
    assert body(response) == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_the_file_is_told_its_size(asked: str, stored: Video) -> None:
    response = get(original_url(stored), range=asked)

    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=9-3", "bytes=0-" + "9" * 5000],
)
def test_a_range_that_makes_no_sense_is_passed_over(asked: str, stored: Video) -> None:
    response = get(original_url(stored), range=asked)

    assert response.status_code == 200
    assert body(response) == CONTENT


def test_head_tells_the_same_without_the_bytes(stored: Video) -> None:
    whole = get(original_url(stored), "HEAD")
    part = get(original_url(stored), "HEAD", range="bytes=0-9")

    assert (whole.status_code, whole["Content-Length"], whole.content) == (200, "1024", b"")
    assert (part.status_code, part["Content-Length"], part.content) == (206, "10", b"")


def test_other_methods_are_not_allowed(stored: Video) -> None:
    assert get(original_url(stored), "DELETE").status_code == 405


def test_a_link_expires_with_410(
    stored: Video, change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_settings(media_url_seconds=30)
    url = original_url(stored)
    now = time.time()
    monkeypatch.setattr(media_urls.time, "time", lambda: now + 61)

    response = get(url)

    assert response.status_code == 410
    assert response.json()["code"] == "LINK_EXPIRED"


def test_a_link_keeps_its_address_for_a_while(stored: Video) -> None:
    assert original_url(stored) == original_url(stored)


@pytest.mark.parametrize("forge", [r"original", r"~0~", r".$"])
def test_a_forged_link_finds_nothing(forge: str, stored: Video) -> None:
    url = original_url(stored)
    assert url is not None
    forged = re.sub(forge, "x", url)
    assert forged != url

    response = get(forged)

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_link_made_for_another_purpose_finds_nothing(stored: Video) -> None:
    token = media_urls.Signer(salt="other", sep="~").sign(f"original~{stored.id.hex}~0~99999999999")

    assert get(f"/media/{token}").status_code == 404


def test_after_deletion_a_link_finds_nothing(stored: Video) -> None:
    url = original_url(stored)
    Video.objects.update(state=State.DELETED)

    assert get(url).status_code == 404
    stored.refresh_from_db()
    assert original_url(stored) is None


def test_a_file_that_is_gone_is_404(stored: Video) -> None:
    storage.remove(stored.storage_key)

    assert get(original_url(stored)).status_code == 404


def test_the_name_is_told_escaped(stored: Video) -> None:
    Video.objects.update(filename='a"b; x="ü.mp4')

    header = get(original_url(stored))["Content-Disposition"]

    assert header == "inline; filename*=utf-8''a%22b%3B%20x%3D%22%C3%BC.mp4"


def test_a_large_file_is_streamed_in_blocks(stored: Video) -> None:
    content = uuid.uuid4().bytes * (BLOCK // 16) * 2 + b"end"
    storage.put_bytes(stored.storage_key, content)

    response = get(original_url(stored))

    assert response.streaming
    blocks = list(response)
    assert [len(block) for block in blocks] == [BLOCK, BLOCK, 3]
    assert b"".join(blocks) == content


def test_pictures_are_pieces_of_the_pack_and_thumbnails_are_jpegs(stored: Video) -> None:
    stored.pictures_key = storage.pictures_key(stored.id)
    stored.thumbnail_key = storage.thumbnail_key(stored.id)
    stored.save()
    storage.put_bytes(stored.pictures_key, b"first-second-third")
    storage.put_bytes(stored.thumbnail_key, b"thumb")
    second = FrameInfo.objects.create(
        video=stored,
        extraction_version=1,
        frame_number=25,
        timestamp=1.0,
        is_keyframe=False,
        picture_offset=6,
        picture_size=6,
    )

    picture, thumbnail = get(picture_url(stored, second)), get(thumbnail_url(stored))

    assert (picture["Content-Type"], body(picture)) == ("image/jpeg", b"second")
    assert (thumbnail["Content-Type"], body(thumbnail)) == ("image/jpeg", b"thumb")


def test_a_video_from_the_pipeline_plays(take_in: Callable[..., Video], clip: Path) -> None:
    video = take_in(clip)

    assert body(get(original_url(video))) == clip.read_bytes()
    assert body(get(thumbnail_url(video))).startswith(b"\xff\xd8")
