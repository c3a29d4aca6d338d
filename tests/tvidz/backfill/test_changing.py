"""Files that change while they are taken in, and runs that meet at one file."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tvidz.backfill.plan import Plan
from tvidz.backfill.report import Ended
from tvidz.backfill.sources import OnDisk
from tvidz.backfill.taking import Taker
from videos.models import Video
from videos.uploads import accept

pytestmark = pytest.mark.django_db(transaction=True)


def taken(path: Path) -> Ended:
    source = OnDisk(str(path))
    try:
        return Taker(Plan([source]), here=False).take(source)
    finally:
        connections.close_all()


@pytest.mark.parametrize("moment", ["recognise_path", "store"])
def test_a_file_that_is_still_being_written_waits_for_the_next_run(
    folder: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "clip.mp4"
    real = getattr(accept, moment)

    def grow(*words: Any) -> Any:
        with path.open("ab") as file:
            file.write(bytes(100))
        return real(*words)

    with monkeypatch.context() as growing:
        growing.setattr(accept, moment, grow)
        ended = taken(path)

    assert (ended.word, ended.code) == ("refused", "CHANGED")
    assert not Video.objects.exists()
    assert taken(path).word == "queued"
    assert Video.objects.get().sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_runs_that_meet_at_a_file_that_is_too_large_say_the_same(
    folder: Path, change_settings: Callable[..., None]
) -> None:
    path = folder / "clip.mp4"
    path.write_bytes(path.read_bytes() + bytes(2 << 20))
    change_settings(max_upload_mb=1)

    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(taken, [path] * 8))

    assert {(ended.word, ended.code) for ended in ends} == {("refused", "TOO_LARGE")}
    assert Video.objects.count() == 1
