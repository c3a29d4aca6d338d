"""manage.py backfill over files: taken in once, gone on with, told how each ended."""

import os
import shutil
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.db.models.functions import Now

from matching.models import Fingerprint
from tests.tvidz.backfill.conftest import Backfill, counts_of, rows_of
from tvidz.backfill.known import look_up, uploads_by
from tvidz.backfill.run import AT_ONCE
from tvidz.backfill.sources import OnDisk
from videos.models import Analysis, State, Upload, Video, Visibility
from videos.queue import claim, finish

pytestmark = pytest.mark.django_db(transaction=True)

Manifest = Callable[..., Path]


def test_files_below_a_folder_are_taken_in_and_a_second_run_passes_them_over(
    folder: Path, backfill: Backfill
) -> None:
    assert backfill(folder) == {"ready": 2}
    assert backfill(folder, folder / "clip.mp4") == {"known": 2}

    assert set(Video.objects.values_list("filename", "state")) == {
        ("clip.mp4", State.READY),
        ("excerpt.mp4", State.READY),
    }
    assert Fingerprint.objects.filter(ready=True).count() == 2
    assert set(Upload.objects.values_list("entrance", flat=True)) == {"backfill"}


def test_what_is_known_is_passed_over_unread(
    folder: Path, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill(folder, queue=True)
    Video.objects.update(state=State.READY)
    Analysis.objects.update(state=State.READY)
    monkeypatch.setattr("tvidz.backfill.taking.sha256_of", None)

    assert backfill(folder) == {"known": 2}


@pytest.mark.parametrize(
    ("column", "index"), [("stamp", "idx_upload_stamp"), ("origin", "upload_origin_once")]
)
def test_many_sources_at_once_are_looked_up_by_an_index(column: str, index: str) -> None:
    asked = uploads_by(column, [str(number) for number in range(AT_ONCE)])
    with connection.cursor() as cursor:
        # Planned for as a table is that was never looked at, not for one known to be empty.
        cursor.execute("TRUNCATE videos_upload CASCADE")
        cursor.execute("SET enable_seqscan = off")
        plan = asked.explain()
        cursor.execute("RESET enable_seqscan")

    assert index in plan


def test_a_file_whose_time_has_changed_is_read_and_known_by_its_content(
    folder: Path, backfill: Backfill
) -> None:
    backfill(folder / "clip.mp4")
    os.utime(folder / "clip.mp4", (1, 1))
    source = OnDisk(str(folder / "clip.mp4"))
    assert look_up([source]) == {}

    assert backfill(folder / "clip.mp4") == {"known": 1}
    assert look_up([source])[source].video_id == Video.objects.get().pk


def test_a_file_with_new_content_is_another_file(
    folder: Path, excerpt: Path, backfill: Backfill
) -> None:
    backfill(folder / "clip.mp4")
    shutil.copy(excerpt, folder / "clip.mp4")

    assert backfill(folder / "clip.mp4") == {"ready": 1}
    assert Video.objects.count() == 2


def test_a_run_that_was_cut_off_is_taken_up_where_it_stopped(
    folder: Path, backfill: Backfill
) -> None:
    assert backfill(folder / "clip.mp4", queue=True) == {"queued": 1}
    assert Analysis.objects.get().state == State.QUEUED

    assert backfill(folder) == {"ready": 2}

    assert Video.objects.count() == 2


def test_bad_files_are_named_and_the_good_ones_taken_in(
    folder: Path, backfill: Backfill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "letter.mp4").write_text("Dear Bob, this is not a video.")
    (folder / "empty.mp4").touch()
    out, report = StringIO(), tmp_path / "report.csv"

    with pytest.raises(CommandError) as complaint:
        backfill(folder, stdout=out, report=report)

    assert complaint.value.returncode == 1
    assert counts_of(out.getvalue()) == {"ready": 2, "refused": 2}
    assert "of these UNSUP: 1" in out.getvalue()
    assert "videos an hour" in out.getvalue()
    told = capsys.readouterr()
    assert f"{folder / 'letter.mp4'}: UNSUP" in told.out + told.err
    assert f"{folder / 'empty.mp4'}: EMPTY" in told.out + told.err
    refused = Video.objects.get(filename="letter.mp4")
    rows = {row["source"]: row for row in rows_of(report)}
    assert len(rows) == 4
    letter, clip = rows[str(folder / "letter.mp4")], rows[str(folder / "clip.mp4")]
    assert (letter["ended"], letter["code"]) == ("refused", "UNSUP")
    assert (letter["message"], letter["video"]) == (refused.error_message, str(refused.pk))
    assert (clip["ended"], clip["duplicates"]) == ("ready", "0")
    assert float(clip["seconds"]) > 0


def test_what_was_refused_is_tried_again_and_stands_once(
    folder: Path, backfill: Backfill, change_settings: Callable[..., None]
) -> None:
    change_settings(max_duration=1.0)
    for _ in range(2):
        with pytest.raises(CommandError):
            backfill(folder / "clip.mp4")
        assert Video.objects.get().error_code == "DURATION"

    change_settings(max_duration=60.0)

    assert backfill(folder / "clip.mp4") == {"ready": 1}
    assert Video.objects.get().state == State.READY


def test_what_was_too_large_is_not_read_and_stands_once_when_it_is_not_any_more(
    folder: Path,
    backfill: Backfill,
    change_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = folder / "clip.mp4"
    large.write_bytes(large.read_bytes() + bytes(2 << 20))
    change_settings(max_upload_mb=1)
    with monkeypatch.context() as unread:
        unread.setattr("tvidz.backfill.taking.sha256_of", None)
        for _ in range(2):
            with pytest.raises(CommandError):
                backfill(large)
            assert Video.objects.get().error_code == "TOO_LARGE"
            assert Video.objects.get().size_bytes == large.stat().st_size

    change_settings(max_upload_mb=10)

    assert backfill(large) == {"ready": 1}
    assert Video.objects.get().error_code == ""


def test_an_analysis_that_failed_on_our_side_is_done_again(
    folder: Path, backfill: Backfill
) -> None:
    backfill(folder / "clip.mp4", queue=True)
    held = claim(Analysis.objects.get().pk, "somebody")
    assert held is not None
    finish(held, State.FAILED, code="INTERNAL", message="Oh.", retryable=True)

    assert backfill(folder / "clip.mp4") == {"ready": 1}
    assert Analysis.objects.count() == 2


def test_one_that_failed_for_good_is_told_again_and_not_done_again(
    folder: Path, backfill: Backfill, capsys: pytest.CaptureFixture[str]
) -> None:
    backfill(folder / "clip.mp4", queue=True)
    held = claim(Analysis.objects.get().pk, "somebody")
    assert held is not None
    finish(held, State.FAILED, code="CORRUPT", message="It is damaged.")

    out = StringIO()
    with pytest.raises(CommandError):
        backfill(folder / "clip.mp4", stdout=out)

    assert counts_of(out.getvalue()) == {"failed": 1}
    assert "clip.mp4: CORRUPT: It is damaged." in capsys.readouterr().out
    assert Analysis.objects.count() == 1


def test_what_a_worker_has_is_waited_for(folder: Path, backfill: Backfill) -> None:
    backfill(folder / "clip.mp4", queue=True)
    held = claim(Analysis.objects.get().pk, "somebody")
    assert held is not None
    worker = threading.Timer(1.0, lambda: Analysis.objects.update(lease_until=Now()))
    worker.start()

    assert backfill(folder) == {"ready": 2}

    worker.join()
    assert Analysis.objects.get(video__filename="clip.mp4").attempts == 2


def test_they_may_be_public(folder: Path, backfill: Backfill) -> None:
    backfill(folder / "clip.mp4", public=True, queue=True)

    assert Video.objects.get().visibility == Visibility.PUBLIC


def test_a_limit_counts_what_is_taken_in_and_not_what_is_known(
    folder: Path, backfill: Backfill
) -> None:
    assert backfill(folder, limit=1) == {"ready": 1}
    assert backfill(folder, limit=1) == {"known": 1, "ready": 1}
    assert backfill(folder, limit=1) == {"known": 2}


def test_with_the_disk_full_nothing_more_is_begun(
    folder: Path, backfill: Backfill, change_settings: Callable[..., None]
) -> None:
    change_settings(storage_reserve_mb=10**9)
    out = StringIO()

    with pytest.raises(CommandError, match="disk is full"):
        backfill(folder, jobs=1, stdout=out)

    assert counts_of(out.getvalue()) == {"refused": 1}
    assert not Video.objects.exists()


def test_nothing_to_take_in_is_told_before_anything_is_done(
    folder: Path, backfill: Backfill, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(CommandError, match=r"gone.mp4 does not exist"):
        backfill(folder, folder / "gone.mp4")
    with pytest.raises(CommandError, match="no file"):
        backfill(tmp_path / "empty")
    with pytest.raises(CommandError, match="Name files, folders"):
        backfill()
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        backfill(folder, report=tmp_path / "no" / "report.csv")
    assert not Video.objects.exists()


def test_odd_names_pipes_and_links_do_no_harm(
    folder: Path, clip: Path, backfill: Backfill, tmp_path: Path
) -> None:
    odd = [os.fsencode(folder) + b"/" + name for name in (b"caf\xe9.mp4", b"two\nlines#1.mp4")]
    for path in odd:
        shutil.copy(os.fsencode(clip), path)
    os.mkfifo(folder / "pipe.mp4")
    (folder / "self").symlink_to(folder)
    (folder / "again.mp4").symlink_to(folder / "clip.mp4")
    (folder / "broken.mp4").symlink_to(tmp_path / "gone.mp4")
    (folder / "clip.mp4").chmod(0o644)
    out, report = StringIO(), tmp_path / "report.csv"

    with pytest.raises(CommandError):
        backfill(folder, stdout=out, report=report)

    assert counts_of(out.getvalue()) == {"ready": 4, "refused": 1}
    assert {row["source"].rsplit("/", 1)[-1] for row in rows_of(report)} == {
        *("clip.mp4", "excerpt.mp4", r"caf\xe9.mp4", "two\nlines#1.mp4", "gone.mp4")
    }
    assert set(Video.objects.values_list("filename", flat=True)) >= {"twolines#1.mp4"}
    with pytest.raises(CommandError):
        backfill(folder, stdout=(out := StringIO()))
    assert counts_of(out.getvalue()) == {"known": 4, "refused": 1}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    folder: Path,
    backfill: Backfill,
    change_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backfill(folder / "below", queue=True)
    (folder / "letter.mp4").write_text("Dear Bob, this is not a video.")
    with pytest.raises(CommandError):
        backfill(folder / "letter.mp4")
    with (folder / "large.mp4").open("wb") as file:
        file.truncate(2 << 20)
    (folder / "broken.mp4").symlink_to(folder / "gone.mp4")
    change_settings(max_upload_mb=1)
    before = set(Video.objects.values_list("pk", "state"))
    monkeypatch.setattr("tvidz.backfill.taking.sha256_of", None)

    out = StringIO()
    assert backfill(folder, dry_run=True, stdout=out) == {
        "would be gone on with": 1,
        "would be refused": 2,
        "would be taken in": 1,
        "would be tried again": 1,
    }
    assert f"{folder / 'clip.mp4'}: would be taken in\n" in out.getvalue()
    assert f"{folder / 'large.mp4'}: would be refused: TOO_LARGE\n" in out.getvalue()
    assert backfill(folder, dry_run=True, limit=2) != {}
    assert set(Video.objects.values_list("pk", "state")) == before


def test_a_manifest_brings_titles_owners_and_visibility(
    folder: Path, backfill: Backfill, manifest: Manifest
) -> None:
    alice = User.objects.create_user("alice")
    path = manifest(
        "source,title,owner,visibility",
        "clip.mp4,Life / Death,alice,public",
        f"{folder}/below/excerpt.mp4,,,",
        encoding="utf-8-sig",
    )

    assert backfill(folder / "below", manifest=path, queue=True) == {"queued": 2}

    clip = Video.objects.get(filename="clip.mp4")
    assert (clip.title, clip.owner, clip.visibility) == ("Life / Death", alice, "public")
    assert clip.upload.stamp != ""
    excerpt = Video.objects.get(filename="excerpt.mp4")
    assert (excerpt.title, excerpt.owner, excerpt.visibility) == ("", None, "private")


def test_a_manifest_with_faults_is_refused_before_anything_is_taken_in(
    folder: Path, backfill: Backfill, manifest: Manifest
) -> None:
    path = manifest("source,owner,visibility", "clip.mp4,alice,public", "below/excerpt.mp4,,secret")

    with pytest.raises(CommandError, match="line 3: visibility: “secret” is none of"):
        backfill(manifest=path)
    path = manifest("source,owner", "clip.mp4,alice")
    with pytest.raises(CommandError, match="line 2: owner: there is no account “alice”"):
        backfill(manifest=path)
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        backfill(manifest=folder / "gone.csv")
    path = manifest("source,visibility", *(f"{number}.mp4,secret" for number in range(25)))
    with pytest.raises(CommandError, match="and 5 faults more"):
        backfill(manifest=path)
    assert not Video.objects.exists()


def test_a_file_that_two_lines_name_in_two_ways_is_told_before_anything_is_taken_in(
    folder: Path, manifest: Manifest, backfill: Backfill
) -> None:
    listed = manifest("source,title", "clip.mp4,One", "below/../clip.mp4,Two")

    with pytest.raises(CommandError, match=r"line 3: the same file as in line 2\."):
        backfill(manifest=listed)
    assert not Video.objects.exists()


def test_a_file_of_a_manifest_that_is_not_there_is_refused_and_the_others_are_taken_in(
    folder: Path, backfill: Backfill, manifest: Manifest
) -> None:
    path = manifest("source", "gone.mp4", "clip.mp4")
    out = StringIO()

    with pytest.raises(CommandError):
        backfill(manifest=path, stdout=out, queue=True)

    assert counts_of(out.getvalue()) == {"queued": 1, "refused": 1}


def test_a_database_that_goes_away_ends_the_run(
    folder: Path, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*told: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("tvidz.backfill.taking.take_in", gone)

    with pytest.raises(CommandError, match="database cannot be reached"):
        backfill(folder)


def test_a_fault_of_ours_with_one_file_does_not_end_the_run(
    folder: Path, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tvidz.backfill.taking.take_in", None)
    out = StringIO()

    with pytest.raises(CommandError):
        backfill(folder, stdout=out)

    assert counts_of(out.getvalue()) == {"failed": 2}
