"""The report of a run: what stands in it after each source, and the table at its end."""

import uuid
from pathlib import Path

from tests.tvidz.backfill.conftest import rows_of
from tvidz.backfill.report import Ended, ReportFile, Tally


def test_each_line_is_on_disk_as_soon_as_its_source_has_ended(tmp_path: Path) -> None:
    path, video = tmp_path / "report.csv", uuid.uuid4()
    with ReportFile(path) as report:
        report.add(Ended("a, b.mp4", "ready", video_id=video, seconds=1.25, duplicates=2))

        assert rows_of(path) == [
            {
                "source": "a, b.mp4",
                "ended": "ready",
                "code": "",
                "message": "",
                "video": str(video),
                "seconds": "1.250",
                "duplicates": "2",
            }
        ]


def test_a_second_run_writes_on_even_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with ReportFile(path) as report:
        report.add(Ended("a.mp4", "ready"))
    path.write_text(path.read_text() + "b.mp4,rea")

    with ReportFile(path) as report:
        report.add(Ended("b.mp4", "ready"))

    assert [row["source"] for row in rows_of(path)] == ["a.mp4", "b.mp4", "b.mp4"]
    assert path.read_text().count("source,ended") == 1


def test_the_table_counts_ends_codes_and_hours() -> None:
    tally = Tally()
    for word in ("ready", "ready", "known"):
        tally.add(Ended("a", word, duration=5400.0))
    assert tally.all_well
    for code in ("UNSUP", "EMPTY", "UNSUP"):
        tally.add(Ended("a", "refused", code))

    assert not tally.all_well
    assert tally.table(90.0).splitlines() == [
        "known            1",
        "ready            2",
        "refused          3",
        "  of these UNSUP: 2",
        "  of these EMPTY: 1",
        "3.00 hours of video in 0:01:30: 80 videos an hour",
    ]


def test_a_run_that_took_in_nothing_tells_no_speed() -> None:
    tally = Tally()
    tally.add(Ended("a", "known", duration=60.0))

    assert tally.table(0.0) == "known          1"
