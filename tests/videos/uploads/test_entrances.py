"""One way in: every entrance refuses the same files with the same codes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.hostile.files import HOSTILE, Hostile, Surroundings
from videos.errors import Refusal
from videos.media.ffmpeg import find_ffmpeg
from videos.models import DirectUpload, PartialUpload, State, Upload, Video
from videos.s3 import s3
from videos.uploads import parts, resumable
from videos.uploads.resumable import Begun
from videos.uploads.s3 import direct
from videos.uploads.s3.poller import Poller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("aws")]

# For each code that a file can be refused with at the door, a file, and what the settings say.
FILES: list[tuple[str, str, dict[str, Any]]] = [
    ("empty", "EMPTY", {}),
    ("random_bytes", "UNSUP", {}),
    ("playlist_of_a_system_file", "UNSUP", {}),
    ("zip_archive", "UNSUP", {}),
    ("sound_only", "NOVIDEO", {}),
    ("first_half_without_its_index", "CORRUPT", {}),
    ("five_thousand_tracks", "TRACKS", {}),
    ("largest_picture_there_is", "SIZE", {}),
    ("fragmented", "DURATION", {"max_duration": 1.0}),
    ("a large one", "TOO_LARGE", {"max_upload_mb": 1}),
]


@pytest.fixture
def around(clip: Path, tmp_path: Path, ffmpeg: Callable[..., None]) -> Surroundings:
    ffmpeg("-i", clip, "-c", "copy", tmp_path / "good.mp4")
    good = tmp_path / "good.mp4"
    return Surroundings(tmp_path, find_ffmpeg().path, good, clip, clip, "127.0.0.1:9")


def made(name: str, around: Surroundings) -> Path:
    if name == "a large one":
        path = around.folder / "large.mp4"
        path.write_bytes(around.good.read_bytes() + bytes(1 << 20))
        return path
    [found] = [each for each in HOSTILE if each.name == name]
    assert isinstance(found, Hostile)
    return found.write(around)


def by_form(path: Path) -> str:
    with path.open("rb") as file:
        answer = Client().post("/api/v1/videos/", {"file": file})
    assert 400 <= answer.status_code < 500, answer.content
    assert not Video.objects.exists()
    return str(answer.json()["code"])


def by_tus(path: Path) -> str:
    content = path.read_bytes()
    try:
        upload = resumable.begin(Begun(len(content)))
    except Refusal as refusal:
        return refusal.code
    hold = resumable.claim(upload.id, 0)
    with parts.open_part(upload.id, hold.token) as file:
        parts.write_all(file, content)
    resumable.record(hold, len(content), last=True)
    resumable.finish(upload.id)
    return _same(PartialUpload.objects.get().error_code)


def straight_to_s3(path: Path) -> str:
    content = path.read_bytes()
    try:
        upload, sending = direct.begin(direct.Announced(path.name, len(content)))
    except Refusal as refusal:
        return refusal.code
    form = sending["form"]
    httpx.post(form["url"], data=form["fields"], files={"file": content}).raise_for_status()
    direct.complete(upload)
    direct.finish(upload.id)
    return _same(DirectUpload.objects.get().error_code)


def by_an_event(path: Path) -> str:
    s3().put_object(Bucket="videos", Key=path.name, Body=path.read_bytes())
    Poller(once=True, wait_seconds=0).run()
    return _standing()


def by_backfill(path: Path) -> str:
    with pytest.raises(CommandError):
        call_command("backfill", str(path), "--queue")
    return _standing()


def _same(code: str) -> str:
    """The code of the upload, which its failed video has as well."""
    assert _standing() == code
    return code


def _standing() -> str:
    video = Video.objects.get()
    assert (video.state, video.storage_key) == (State.FAILED, "")
    assert video.error_message
    assert Upload.objects.get().video == video
    return video.error_code


ENTRANCES = [by_form, by_tus, by_backfill, straight_to_s3, by_an_event]
WITH_S3 = {straight_to_s3, by_an_event}


@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda entrance: entrance.__name__)
@pytest.mark.parametrize(("name", "code", "limits"), FILES, ids=[code for _, code, _ in FILES])
def test_a_bad_file_is_refused_with_the_same_code_everywhere(
    name: str,
    code: str,
    limits: dict[str, Any],
    entrance: Callable[[Path], str],
    request: pytest.FixtureRequest,
    around: Surroundings,
    change_settings: Callable[..., None],
) -> None:
    if entrance in WITH_S3:
        request.getfixturevalue("aws")
    path = made(name, around)
    change_settings(**limits)

    assert entrance(path) == code
