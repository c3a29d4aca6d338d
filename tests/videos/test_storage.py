"""Files on a disk and in S3, by the same keys."""

import asyncio
import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tests.aws import Aws
from tvidz.pipeline import analyse
from videos import storage
from videos.evidence import evidence_pictures
from videos.media_urls import original_url, picture_url, thumbnail_url
from videos.models import State, Upload, Video
from videos.s3 import FIRST_PIECE, ObjectReader, StorageUnavailable, s3
from videos.uploads.accept import Arrival, accept

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("aws")]


@pytest.fixture(params=["local", "s3"])
def kept(request: pytest.FixtureRequest) -> None:
    """Files are kept on the disk, and in S3."""
    if request.param == "s3":
        request.getfixturevalue("library_bucket")


def test_what_is_stored_is_read_back_and_gone_when_it_is_removed(kept: None) -> None:
    storage.put_bytes("thumbnails/a.jpg", b"one")
    storage.put_bytes("thumbnails/a.jpg", b"other")

    assert storage.open_stored("thumbnails/a.jpg").read() == b"other"
    assert storage.size_of("thumbnails/a.jpg") == 5
    with storage.local_copy("thumbnails/a.jpg") as path:
        assert path.read_bytes() == b"other"
    storage.remove("thumbnails/a.jpg", "thumbnails/never.jpg", "")
    for look in (storage.open_stored, storage.size_of):
        with pytest.raises(FileNotFoundError):
            look("thumbnails/a.jpg").close()  # type: ignore[union-attr]
    with pytest.raises(FileNotFoundError):
        storage.size_of("")


def test_a_video_is_analysed_and_served_from_where_it_is_kept(
    kept: None, film: Path, take_in: Callable[..., Video], client: Client
) -> None:
    video = take_in(film, visibility="public")

    assert video.state == State.READY
    pictures = list(evidence_pictures(video, video.frames.all()))
    assert len(pictures) == video.frames.count() > 5
    whole = client.get(str(original_url(video)))
    assert b"".join(_body(whole)) == film.read_bytes()
    part = client.get(str(original_url(video)), headers={"Range": "bytes=1000-4999"})
    assert (part.status_code, part["Content-Range"]) == (
        206,
        f"bytes 1000-4999/{film.stat().st_size}",
    )
    assert b"".join(_body(part)) == film.read_bytes()[1000:5000]
    for address in (thumbnail_url(video), picture_url(video, video.frames.all()[1])):
        assert b"".join(_body(client.get(str(address))))[:3] == b"\xff\xd8\xff"


def _body(answer: Any) -> list[bytes]:
    if not answer.streaming:
        return [answer.content]
    if answer.is_async:

        async def read() -> list[bytes]:
            return [block async for block in answer.streaming_content]

        return asyncio.run(read())
    return list(answer.streaming_content)


def test_an_object_reads_like_the_file_it_is(aws: Aws) -> None:
    content = random.Random(3).randbytes(5 * FIRST_PIECE + 12_345)
    aws.put("a.bin", content)
    file, reader = (
        io.BytesIO(content),
        io.BufferedReader(ObjectReader("videos", "a.bin", len(content))),
    )
    dice = random.Random(4)

    for _ in range(60):
        if dice.random() < 0.4:
            place = dice.randrange(len(content) + 10)
            assert file.seek(place) == reader.seek(place)
        length = dice.choice([1, 100, 70_000, FIRST_PIECE, 2 * FIRST_PIECE])
        assert reader.read(length) == file.read(length)
    assert reader.seek(-5, os.SEEK_END) == len(content) - 5
    assert reader.read() == content[-5:]
    assert reader.read(1) == b""


def test_an_object_that_is_replaced_while_it_is_read_is_no_mixture(aws: Aws) -> None:
    content = bytes(3 * FIRST_PIECE)
    etag = aws.put("a.bin", content)
    reader = ObjectReader("videos", "a.bin", len(content), f'"{etag}"')
    assert reader.read(10) == content[:10]
    aws.put("a.bin", b"x" * len(content))

    reader.seek(2 * FIRST_PIECE)
    with pytest.raises(StorageUnavailable):
        reader.read(10)


def test_storage_that_does_not_answer_is_told_and_keeps_nothing(
    library_bucket: Aws, clip: Path, client: Client, change_settings: Callable[..., None]
) -> None:
    s3().delete_bucket(Bucket="tvidz-library")

    with clip.open("rb") as file:
        answer = client.post("/api/v1/videos/", {"file": file})

    assert (answer.status_code, answer.json()["code"]) == (503, "NO_STORAGE")
    assert answer["Retry-After"] == "30"
    assert not Video.objects.exists()


def test_an_analysis_waits_for_storage_that_is_away(
    library_bucket: Aws,
    clip: Path,
    change_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accepted = accept(Arrival(clip, "clip.mp4", Upload.Entrance.API))
    address = library_bucket.url
    change_settings(s3_endpoint="http://127.0.0.1:9")

    assert analyse(accepted.analysis.pk) == State.QUEUED

    change_settings(s3_endpoint=address)
    assert analyse(accepted.analysis.pk) == State.READY


def test_a_form_that_was_cut_off_by_a_kill_goes_after_a_day(settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    left, coming = tmp_path / "tmpa.upload.mp4", tmp_path / "tmpb.upload.mp4"
    for path in (left, coming):
        path.write_bytes(b"x")
    os.utime(left, (time.time() - 25 * 3600,) * 2)

    storage.clear_work()

    assert list(tmp_path.glob("*.mp4")) == [coming]


HOLDING = """
import django, time
django.setup()
from videos import storage
with storage.work_folder() as folder:
    (folder / "film").write_bytes(bytes(1000))
    print(folder, flush=True)
    time.sleep(60)
"""


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_working_files_of_a_killed_process_go_and_those_of_a_living_one_stay(
    tmp_path: Path,
) -> None:
    told = {**os.environ, "TVIDZ_VAR": str(django_settings.TVIDZ.var)}
    words = [sys.executable, "-c", HOLDING]
    holders = [
        subprocess.Popen(words, stdout=subprocess.PIPE, env=told, text=True) for _ in range(2)
    ]
    try:
        folders = [Path(said(each)) for each in holders]
        holders[0].kill()
        holders[0].wait()

        storage.clear_work()
        assert all((folder / "film").exists() for folder in folders)
        storage.clear_work(seconds=0)
        assert [folder.exists() for folder in folders] == [False, True]
    finally:
        for each in holders:
            each.kill()
            each.wait()
