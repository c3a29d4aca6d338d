"""The keyframe pass, with real files, the real ffmpeg and the real pipeline."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection

import matching.early
import tvidz.pipeline
from matching.models import DuplicateLink
from moderation.models import Flag
from tvidz.database import connection_kwargs
from tvidz.preview import FRAMES, keyframes, looked_at, worth_a_preview
from tvidz.progress import CHANNEL, Duplicate
from videos.limits import media_limits
from videos.media.probe import Probe, probe
from videos.models import State, Video
from videos.uploads.accept import recognise_path

TakeIn = Callable[..., Video]
Ffmpeg = Callable[..., None]
Heard = Callable[[], list[dict[str, Any]]]

MOVING = "mandelbrot=s=320x180:r=10:start_scale=0.4:end_scale=0.02:end_pts=240"
CUT = ("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast")


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Listens as the site does; calling it gives what was told since."""
    with psycopg.connect(**connection_kwargs(connection.settings_dict), autocommit=True) as ear:
        ear.execute(f"LISTEN {CHANNEL}")
        yield lambda: [json.loads(note.payload)["body"] for note in ear.notifies(timeout=0.5)]


@pytest.fixture(scope="session")
def long_film(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four seconds that never stand still, a keyframe every two."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    ffmpeg("-f", "lavfi", "-t", "24", "-i", MOVING, *CUT, "-g", "20", path)
    return path


@pytest.fixture(scope="session")
def long_copy(ffmpeg: Ffmpeg, long_film: Path) -> Path:
    """The same smaller and worse, its keyframes elsewhere."""
    path = long_film.with_name("copy.mp4")
    ffmpeg("-i", long_film, "-vf", "scale=256:144", *CUT, "-crf", "30", "-g", "25", path)
    return path


def told_of(path: Path) -> Probe:
    return probe(path, recognise_path(path), media_limits())


def order(bodies: list[dict[str, Any]]) -> list[str]:
    """Steps and findings in the order they were told, repetitions left out."""
    names = [body.get("step") or body["type"] for body in bodies]
    return [name for place, name in enumerate(names) if name not in names[:place]]


@pytest.mark.django_db(transaction=True)
def test_a_copy_is_told_before_the_full_pass_begins(
    take_in: TakeIn, long_film: Path, long_copy: Path, heard: Heard
) -> None:
    take_in(long_film)
    heard()

    take_in(long_copy)

    bodies = heard()
    names = order(bodies)
    assert names.index("preview") < names.index("duplicate") < names.index("extract")
    progress = [body["progress"] for body in bodies if body["type"] == "progress"]
    assert progress == sorted(progress)
    link = DuplicateLink.objects.get()
    assert not link.provisional
    assert Flag.objects.get().link == link


@pytest.mark.django_db(transaction=True)
def test_what_is_told_first_is_not_cut_short_while_the_rest_is_looked_at(
    take_in: TakeIn,
    long_film: Path,
    long_copy: Path,
    heard: Heard,
    change_settings: Callable[..., None],
) -> None:
    take_in(long_film)
    change_settings(frame_batch_size=4)
    heard()

    take_in(long_copy)

    # Told from keyframes and at the end; the searches in between would claim six seconds.
    assert [body["type"] for body in heard()].count("duplicate") == 2


@pytest.mark.django_db
def test_the_result_is_the_same_without_it(
    take_in: TakeIn, long_film: Path, long_copy: Path, change_settings: Callable[..., None]
) -> None:
    def result() -> list[Any]:
        link = DuplicateLink.objects.get()
        parts = link.segments.values_list("q_start", "q_end", "r_start", "r_end", "speed")
        return [link.score, link.kinds, link.provisional, list(parts)]

    take_in(long_film)
    copy = take_in(long_copy)
    with_it = result()
    copy.delete()
    change_settings(early_verdict=False)
    take_in(long_copy)

    assert result() == with_it


@pytest.mark.django_db(transaction=True)
def test_it_can_be_turned_off(
    take_in: TakeIn, long_film: Path, heard: Heard, change_settings: Callable[..., None]
) -> None:
    change_settings(early_verdict=False)

    take_in(long_film)

    assert "preview" not in order(heard())


@pytest.mark.django_db
def test_a_claim_that_the_whole_video_does_not_bear_out_goes(
    take_in: TakeIn,
    long_film: Path,
    ffmpeg: Ffmpeg,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    heard_links: Callable[[], list[int]],
) -> None:
    """Its keyframes are the film's, every frame between them is another film's."""
    take_in(long_film)
    monkeypatch.setattr(matching.early, "CONFIDENCE", 0.0)
    upload = tmp_path / "upload.mp4"
    other = "cellauto=s=160x90:r=10:rule=30:seed=3:scroll=1,scale=320:180:flags=neighbor,boxblur=2"
    mixed = "[0:v][1:v]overlay=enable='mod(n,20)':shortest=1"
    ffmpeg(
        *("-i", long_film, "-f", "lavfi", "-i", other, "-filter_complex", mixed),
        *(*CUT, "-force_key_frames", "expr:not(mod(n,20))", "-sc_threshold", "0", "-g", "20"),
        upload,
    )

    video = take_in(upload)

    assert video.state == State.READY
    assert len(heard_links()) >= 1
    assert not DuplicateLink.objects.exists()


@pytest.fixture
def heard_links(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """The links that were told at any time."""
    told: list[int] = []
    publish = tvidz.pipeline.publish

    def listening(video_id: Any, message: Any) -> None:
        if isinstance(message, Duplicate):
            told.append(message.link_id)
        publish(video_id, message)

    monkeypatch.setattr(tvidz.pipeline, "publish", listening)
    return lambda: told


@pytest.mark.django_db
def test_stop_at_duplicate_waits_for_the_full_pass(
    take_in: TakeIn, long_film: Path, long_copy: Path, change_settings: Callable[..., None]
) -> None:
    take_in(long_film)
    change_settings(stop_at_duplicate=True, frame_batch_size=4)

    copy = take_in(long_copy)

    assert copy.state == State.DUPLICATE
    link = DuplicateLink.objects.get()
    # Six seconds of it were looked at properly, and those are told.
    assert link.segments.get().q_end < 20
    assert (link.provisional, Flag.objects.get().link) == (False, link)


@pytest.mark.django_db
def test_a_fault_in_it_never_fails_the_analysis(
    take_in: TakeIn, long_film: Path, tmp_path: Path
) -> None:
    """A file whose keyframes cannot be decoded is as partial as it would be without."""
    content = bytearray(long_film.read_bytes())
    place = len(content) // 3
    content[place : place * 2] = bytes(place)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)

    assert take_in(damaged).state in (State.READY, State.PARTIAL)


@pytest.mark.django_db
def test_a_fault_of_ours_in_it_is_left_behind(
    take_in: TakeIn, long_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching.early, "ASK_EVERY", 0.0)

    assert take_in(long_film).state == State.READY


CLIPS: dict[str, tuple[tuple[str, ...], int | None]] = {
    "plain.mp4": ((*CUT, "-g", "20"), 12),
    "every_second.mp4": ((*CUT, "-g", "10"), 24),
    "stream.ts": ((*CUT, "-g", "20"), 12),
    "ten_bit.mp4": (
        ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params")
        + ("log-level=error:keyint=20:min-keyint=20:scenecut=0:open-gop=0",),
        12,
    ),
    "old.avi": (("-c:v", "mpeg4", "-g", "20", "-sc_threshold", "1000000000"), 12),
    "one_keyframe.mp4": ((*CUT, "-g", "1000", "-sc_threshold", "0"), None),
    "intra.mp4": ((*CUT, "-g", "1"), None),
}


@pytest.mark.parametrize("name", CLIPS)
def test_keyframes_come_at_their_times(name: str, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    words, expected = CLIPS[name]
    clip = tmp_path / name
    ffmpeg("-f", "lavfi", "-t", "24", "-i", MOVING, *words, clip)

    taken = keyframes(clip, told_of(clip))

    if expected is None:
        assert taken is None
        return
    assert taken is not None
    pictures, times = taken
    assert pictures.shape == (expected, 180, 320, 3)
    step = 24 / expected
    assert np.abs(times - np.arange(expected) * step).max() <= 0.11, times


def test_of_very_many_keyframes_some_are_taken_spread_evenly(
    ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    once = tmp_path / "once.mp4"
    ffmpeg("-f", "lavfi", "-t", "20", "-i", "testsrc2=s=160x90:r=10", *CUT, "-g", "10", once)
    clip = tmp_path / "clip.mp4"
    ffmpeg("-stream_loop", "9", "-i", once, "-c", "copy", clip)
    told = told_of(clip)
    assert (round(told.duration), looked_at(told)) == (200, 120)

    taken = keyframes(clip, told)

    assert taken is not None
    assert len(taken[1]) == FRAMES
    assert taken[1][-1] < 120
    assert set(np.diff(taken[1]).round()) == {5}


def test_what_keyframes_cannot_tell_sooner_is_passed_over(clip: Path, long_film: Path) -> None:
    assert not worth_a_preview(told_of(clip))
    told = told_of(long_film)
    assert worth_a_preview(told)
    assert not worth_a_preview(replace(told, codec="mjpeg"))
    assert not worth_a_preview(replace(told, codec="vp9"))
    image = replace(told.container, media_type="image")
    assert not worth_a_preview(replace(told, container=image))
