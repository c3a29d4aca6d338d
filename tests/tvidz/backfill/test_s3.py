"""manage.py backfill over objects in S3, a real one as far as HTTP goes."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError

from tests.aws import KEYS_A_PAGE, Aws
from tests.tvidz.backfill.conftest import Backfill, counts_of
from videos.models import State, Upload, Video
from videos.uploads.s3.poller import Poller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("aws")]

Manifest = Callable[..., Path]


def names() -> set[str]:
    return set(Video.objects.values_list("filename", flat=True))


def test_objects_below_a_prefix_are_taken_in_and_a_second_run_passes_them_over(
    aws: Aws, clip: Path, stranger: Path, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = aws.put("films/a b+c#1%.mp4", clip.read_bytes())
    aws.put("films/deep/er/b.mp4", stranger.read_bytes())
    for key in (
        "films/.hidden.mp4",
        "films/.trash/c.mp4",
        "films/folder/",
        "films2/d.mp4",
        "e.mp4",
    ):
        aws.put(key, b"not to be looked at")

    assert backfill("s3://videos/films") == {"ready": 2}

    assert names() == {"a b+c#1%.mp4", "b.mp4"}
    upload = Upload.objects.get(video__filename="a b+c#1%.mp4")
    assert upload.origin == f"s3://videos/films/a b+c#1%.mp4#{etag}"
    assert upload.entrance == "backfill"
    monkeypatch.setattr("tvidz.backfill.taking.take_in_object", None)
    assert backfill("s3://videos/films/") == {"known": 2}


def test_one_object_alone_is_named_by_its_key(aws: Aws, clip: Path, backfill: Backfill) -> None:
    aws.put("films/a.mp4", clip.read_bytes())
    aws.put("films/a.mp4.bak", b"not this")

    assert backfill("s3://videos/films/a.mp4", queue=True) == {"queued": 1}


def test_a_long_listing_is_read_to_its_end(aws: Aws, backfill: Backfill) -> None:
    many = 2 * KEYS_A_PAGE + 5
    for number in range(many):
        aws.put(f"many/{number}.mp4", b"Dear Bob")
    out = StringIO()

    backfill("s3://videos/many", dry_run=True, stdout=out)

    assert counts_of(out.getvalue()) == {"would be taken in": many}


def test_what_came_by_event_is_passed_over_and_the_other_way_round(
    aws: Aws, clip: Path, stranger: Path, backfill: Backfill
) -> None:
    aws.put("a.mp4", clip.read_bytes())
    Poller(once=True, wait_seconds=0).run()
    assert Upload.objects.get().entrance == "s3"
    Video.objects.update(state=State.READY)
    aws.put("b.mp4", stranger.read_bytes())

    assert backfill("s3://videos", queue=True) == {"known": 1, "queued": 1}
    assert aws.waiting() == 1
    Poller(once=True, wait_seconds=0).run()

    assert names() == {"a.mp4", "b.mp4"}
    assert Video.objects.count() == 2


def test_another_content_under_the_same_key_is_taken_in(
    aws: Aws, clip: Path, stranger: Path, backfill: Backfill
) -> None:
    aws.put("a.mp4", clip.read_bytes())
    backfill("s3://videos", queue=True)
    aws.put("a.mp4", stranger.read_bytes())

    backfill("s3://videos", queue=True)

    assert Video.objects.count() == 2


def test_an_object_that_is_too_large_is_refused_before_a_byte_is_fetched_and_tried_again(
    aws: Aws,
    clip: Path,
    backfill: Backfill,
    change_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws.put("large.mp4", clip.read_bytes() + bytes(2 << 20))
    change_settings(max_upload_mb=1)
    with monkeypatch.context() as unread:
        unread.setattr("videos.uploads.s3.ingest.ObjectReader", None)
        for _ in range(2):
            with pytest.raises(CommandError):
                backfill("s3://videos")
            assert Video.objects.get().error_code == "TOO_LARGE"

    change_settings(max_upload_mb=10)

    assert backfill("s3://videos", queue=True) == {"queued": 1}
    assert Video.objects.get().state == State.QUEUED


def test_a_manifest_of_objects_brings_titles_and_owners(
    aws: Aws, clip: Path, backfill: Backfill, manifest: Manifest
) -> None:
    alice = User.objects.create_user("alice")
    aws.put("films/a.mp4", clip.read_bytes())
    path = manifest(
        "source,title,owner,visibility",
        "s3://videos/films/a.mp4,A film,alice,public",
        "s3://videos/films/gone.mp4,,,",
    )
    out = StringIO()
    assert backfill(manifest=path, dry_run=True) == {"would be refused": 1, "would be taken in": 1}

    with pytest.raises(CommandError):
        backfill(manifest=path, queue=True, stdout=out)

    assert counts_of(out.getvalue()) == {"queued": 1, "refused": 1}
    video = Video.objects.get()
    assert (video.title, video.owner, video.visibility) == ("A film", alice, "public")
    assert video.filename == "a.mp4"


def test_what_browsers_are_putting_there_is_left_alone(
    aws: Aws, clip: Path, backfill: Backfill, manifest: Manifest
) -> None:
    aws.put("incoming/0d1c3f0e-0000-4000-8000-000000000000", clip.read_bytes())

    with pytest.raises(CommandError, match="no file"):
        backfill("s3://videos")
    path = manifest("source", "s3://videos/incoming/0d1c3f0e-0000-4000-8000-000000000000")
    with pytest.raises(CommandError, match="is being uploaded"):
        backfill(manifest=path)
    assert len(aws.keys()) == 1


def test_the_library_itself_is_not_taken_in(library_bucket: Aws, backfill: Backfill) -> None:
    with pytest.raises(CommandError, match="tvidz keeps the files"):
        backfill("s3://tvidz-library")


def test_files_kept_in_s3_are_backfilled_from_s3(
    library_bucket: Aws, clip: Path, backfill: Backfill
) -> None:
    library_bucket.put("a.mp4", clip.read_bytes())

    assert backfill("s3://videos") == {"ready": 1}
    assert Video.objects.get().storage_key in library_bucket.keys("tvidz-library")


def sentence(backfill: Backfill, place: str) -> str:
    with pytest.raises(CommandError) as complaint:
        backfill(place)
    assert not Video.objects.exists()
    return str(complaint.value)


def test_a_bucket_that_is_not_there_is_told_in_a_sentence(aws: Aws, backfill: Backfill) -> None:
    assert sentence(backfill, "s3://nowhere/films") == "S3 has no bucket nowhere."
    assert sentence(backfill, "s3://") == "s3://: write s3://bucket/prefix."
    assert sentence(backfill, "s3://a b/c") == "s3://a b: write s3://bucket/prefix."


@pytest.fixture
def strict(aws: Aws) -> Iterator[Aws]:
    """From now on S3 asks who we are, and nobody knows us."""

    def unasked(requests: str) -> None:
        httpx.post(f"{aws.url}/moto-api/reset-auth", content=requests).raise_for_status()

    unasked("0")
    yield aws
    unasked("inf")


def test_a_bucket_that_is_closed_to_us_is_told_in_a_sentence(
    strict: Aws, backfill: Backfill
) -> None:
    told = sentence(backfill, "s3://videos/films")

    assert told == "S3 does not let us look into videos: InvalidAccessKeyId."


def test_an_s3_that_does_not_answer_is_told_in_a_sentence(
    aws: Aws, backfill: Backfill, change_settings: Callable[..., Any]
) -> None:
    change_settings(s3_endpoint="http://127.0.0.1:9")

    told = sentence(backfill, "s3://videos/films")

    assert told.startswith("S3 cannot be reached: ")
    assert "\n" not in told
