"""From an upload's last byte to its job, its first verdict and its end, on a running site."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings

from tvidz.benchmarks.copies import copy_of
from tvidz.benchmarks.footage import footage
from tvidz.benchmarks.site import RunningSite, Sent, running_site, together
from tvidz.benchmarks.tables import Cell, Table

# Nothing of the site's own start, nor of the upload before, shall be measured.
SETTLE = 3.0
BETWEEN = 0.3

STARTED = """
SELECT video_id, extract(epoch FROM woken_at)::float8, extract(epoch FROM started_at)::float8
FROM videos_analysis
"""


def measure(quick: bool, tell: Callable[[str], None]) -> list[Table]:
    """The tables of `manage.py bench ingest`."""
    folder = settings.TVIDZ.var / "bench"
    height, seconds = (180, 12.0) if quick else (720, 60.0)
    tell("making films")
    film = footage(folder, height=height, seconds=seconds)
    small = footage(folder, height=180, seconds=6.0)
    copies = [copy_of(film, crf=22 + 2 * number) for number in range(1 if quick else 3)]
    with running_site() as site:
        time.sleep(SETTLE)
        tell("small uploads, one after the other")
        idle = _one_by_one(site, [small], 2 if quick else 25)
        tell("copies of a library video, one after the other")
        site.upload_and_follow(film, "film.mp4")
        verdicts = _one_by_one(site, copies, 1 if quick else 9)
        tell("uploads at once")
        began = time.time()
        at_once = together(site, [(small, f"{n}.mp4") for n in range(2 if quick else 8)])
        lasted = time.time() - began
        started = {str(video): (woken, start) for video, woken, start in site.rows(STARTED)}
    title = f"Copies of {seconds:g} s of {height}p in the library, one at a time"
    return [
        _waits("Small uploads to an idle site, one at a time", idle, started),
        _waits(title, verdicts, started),
        _crowd(at_once, lasted, started),
    ]


def _one_by_one(site: RunningSite, files: Sequence[Path], times: int) -> list[Sent]:
    sent = []
    for number in range(times):
        sent.append(site.upload_and_follow(files[number % len(files)], f"{number}.mp4"))
        time.sleep(BETWEEN)
    return sent


Started = dict[str, tuple[float, float]]


def _waits(title: str, sent: Sequence[Sent], started: Started) -> Table:
    """Milliseconds from each upload's last byte, and the wake-up alone."""
    verdicts = [each.verdict - each.last_byte for each in sent if each.verdict]
    rows = [
        _row("last byte → accepted (probed, stored)", [e.accepted - e.last_byte for e in sent]),
        _row("wake-up → job started", [started[e.video][1] - started[e.video][0] for e in sent]),
        _row("last byte → job started", [started[e.video][1] - e.last_byte for e in sent]),
        _row("last byte → first verdict shown", verdicts),
        _row("last byte → done", [each.ended - each.last_byte for each in sent]),
    ]
    early = sum(_told_early(each) for each in sent)
    notes = (
        "Milliseconds. A verdict counts when the live stream of the page has delivered it.",
        f"Told before the full pass had begun: {early} of {len(sent)}.",
    )
    return Table(title, ("", "median", "p95", "worst", "n"), rows, notes)


def _told_early(sent: Sent) -> bool:
    return bool(sent.verdict) and "extract" not in sent.steps_before_verdict


def _row(name: str, seconds: Sequence[float]) -> tuple[Cell, ...]:
    if not seconds:
        return (name, None, None, None, 0)
    rising = sorted(1000 * value for value in seconds)
    late = rising[min(len(rising) - 1, int(0.95 * len(rising)))]
    return (name, round(statistics.median(rising)), round(late), round(rising[-1]), len(rising))


def _crowd(sent: Sequence[Sent], lasted: float, started: Started) -> Table:
    waits = [started[each.video][1] - each.last_byte for each in sent]
    done = sum(each.state == "ready" for each in sent)
    row = (len(sent), done, 60 * len(sent) / lasted, max(waits), lasted)
    return Table(
        f"{len(sent)} uploads at once, {settings.TVIDZ.workers} workers",
        ("uploads", "ready", "a minute", "worst wait for a worker, s", "all done after, s"),
        [row],
    )
