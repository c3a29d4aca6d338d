"""What counts towards an account's quota, and what the disk has room for."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from videos.access.accounts import keep
from videos.access.visibility import Viewer
from videos.errors import Refusal
from videos.models import PartialUpload, State, Video
from videos.uploads import parts, resumable
from videos.uploads.resumable import Begun
from videos.uploads.room import check_quota, quota_left

pytestmark = pytest.mark.django_db

MIB = 1 << 20
MakeVideo = Callable[..., Video]


@pytest.fixture
def alice(change_settings: Callable[..., None]) -> User:
    """She may have 10 MiB."""
    change_settings(quota_mb=10)
    return User.objects.create_user("alice")


def part(owner: User, size: int) -> PartialUpload:
    """A part of an upload, all of it there; its bytes are fewer than it says."""
    made = resumable.begin(Begun(size, kind=PartialUpload.Kind.PARTIAL, owner=owner))
    PartialUpload.objects.filter(pk=made.pk).update(received=size)
    return made


def mebibytes_left(owner: User) -> float:
    left = quota_left(owner)
    assert left is not None
    return left / MIB


@pytest.mark.parametrize(
    ("state", "stored", "left"),
    [
        (State.READY, True, 4),
        (State.QUARANTINED, True, 10),
        (State.DELETED, True, 10),
        (State.FAILED, True, 4),
        (State.FAILED, False, 10),
    ],
)
def test_what_its_owner_cannot_open_takes_nothing_of_the_quota(
    state: State, stored: bool, left: int, alice: User, video_row: MakeVideo
) -> None:
    key = f"videos/{uuid.uuid4()}" if stored else ""
    video_row(owner=alice, state=state, storage_key=key, size_bytes=6 * MIB, error_code="CODE")

    assert mebibytes_left(alice) == left


def test_what_is_locked_away_does_not_keep_a_browser_from_keeping_the_rest(
    alice: User, video_row: MakeVideo
) -> None:
    found = video_row(state=State.QUARANTINED, size_bytes=11 * MIB, error_code="MALWARE")
    refused = video_row(
        state=State.FAILED, storage_key="", size_bytes=11 * MIB, error_code="TOO_LARGE"
    )
    mine = {str(found.pk), str(refused.pk)}

    assert keep(Viewer(alice, frozenset(uuid.UUID(each) for each in mine))) == 2


def test_parts_that_were_joined_count_once_before_and_after_they_are_a_video(
    alice: User, video_row: MakeVideo
) -> None:
    pieces = [part(alice, 2 * MIB), part(alice, 2 * MIB)]
    assert mebibytes_left(alice) == 6

    told = Begun(None, kind=PartialUpload.Kind.FINAL, owner=alice)
    final = resumable.begin_final(told, [piece.pk for piece in pieces])
    assert mebibytes_left(alice) == 6

    video_row(id=final.video_id, owner=alice, size_bytes=4 * MIB)
    PartialUpload.objects.filter(pk=final.pk).update(accepted_at=final.created_at)
    assert mebibytes_left(alice) == 6


def test_without_a_length_no_more_comes_than_the_quota_has_left(alice: User) -> None:
    upload = resumable.begin(Begun(None, owner=alice))
    resumable.begin(Begun(7 * MIB, owner=alice))
    hold = resumable.claim(upload.pk, 0)
    assert hold.quota == 3 * MIB
    with parts.open_part(upload.pk, hold.token) as file:
        parts.write_all(file, bytes(MIB))
    resumable.record(hold, MIB, last=True)

    assert mebibytes_left(alice) == 2
    again = resumable.claim(upload.pk, MIB)
    assert again.quota == 3 * MIB
    resumable.record(again, None, last=True)
    with pytest.raises(Refusal, match="QUOTA"):
        resumable.claim(upload.pk, MIB, 3 * MIB + 1)
    # What has come of it already is not counted once more.
    assert resumable.claim(upload.pk, MIB, 3 * MIB).length == 3 * MIB


@pytest.mark.django_db(transaction=True)
def test_of_uploads_begun_at_once_no_more_are_let_in_than_fit(alice: User) -> None:
    def one(number: int) -> Any:
        try:
            return resumable.begin(Begun(6 * MIB, owner=alice))
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(one, range(4)))

    assert ends.count("QUOTA") == 3
    with pytest.raises(Refusal, match="QUOTA"):
        check_quota(alice, 6 * MIB)
