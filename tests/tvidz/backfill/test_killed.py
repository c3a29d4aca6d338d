"""A run that is stopped or killed leaves what it did; a second one does the rest."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT, open_folder, wait_for
from tests.prepared import lay_out
from tests.processes import below
from tests.tvidz.backfill.conftest import counts_of, rows_of

FILMS = 4


@dataclass
class House:
    """A library of its own, without a site or workers, and films to take in."""

    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "report.csv"

    def manage(self, *words: object) -> "subprocess.Popen[str]":
        environment = {
            **os.environ,
            "TVIDZ_VAR": str(self.folder / "var"),
            "TVIDZ_LEASE_SECONDS": "5",
        }
        return subprocess.Popen(
            [sys.executable, "manage.py", *map(str, words)],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def backfill(self, *words: object) -> "subprocess.Popen[str]":
        told = ("--jobs", 1, "--report", self.report, *words)
        return self.manage("backfill", self.folder / "films", *told)

    def ended(self) -> int:
        return len(rows_of(self.report)) if self.report.exists() else 0


@pytest.fixture
def house(film: Path, ffmpeg: Callable[..., None]) -> Iterator[House]:
    with open_folder() as folder:
        films = folder / "films"
        films.mkdir()
        # Long enough to be killed within, and of different bytes, or one would be all it takes.
        for number in range(FILMS):
            words = ("-c", "copy", "-metadata", f"title={number}")
            ffmpeg("-stream_loop", "2", "-i", film, *words, films / f"{number}.mp4")
        lay_out(folder / "var")
        yield House(folder)


@pytest.mark.long
def test_a_run_that_is_killed_is_gone_on_with_by_the_next(house: House) -> None:
    first = house.backfill()
    wait_for(lambda: house.ended() >= 1, "a film to be done", 90)
    wait_for(
        lambda: any(each.name == "ffmpeg" for each in below(first.pid)), "the next to be decoded"
    )
    first.kill()
    first.wait(10)
    done = house.ended()
    assert [row["ended"] for row in rows_of(house.report)] == ["ready"] * done

    second = house.backfill()
    out, _ = second.communicate(timeout=120)

    assert second.returncode == 0, out
    assert counts_of(out) == {"known": done, "ready": FILMS - done}
    assert house.ended() == done + FILMS
    third = house.backfill()
    assert counts_of(third.communicate(timeout=60)[0]) == {"known": FILMS}


def test_ctrl_c_lets_what_is_under_way_end_and_begins_no_more(house: House) -> None:
    first = house.backfill()
    wait_for(
        lambda: any(each.name == "ffmpeg" for each in below(first.pid)), "a film to be decoded", 60
    )
    os.killpg(first.pid, signal.SIGINT)
    out, _ = first.communicate(timeout=60)

    assert first.returncode == 130, out
    assert "Those under way are ended" in out
    assert "A second run goes on from here." in out
    done = counts_of("\n".join(line for line in out.splitlines() if line.startswith("ready")))
    assert done == {"ready": house.ended()}
    assert 1 <= done["ready"] < FILMS
