"""A decoding that is read ahead hands out the same, waits for a slow reader, and ends with it."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.videos.media.conftest import MakeClip, look
from tests.videos.media.test_decode import long_clip
from tests.videos.media.test_sandbox import gone
from videos.media.ahead import ReadAhead
from videos.media.containers import MP4
from videos.media.decode import Decoding, Frames
from videos.media.errors import MediaError
from videos.media.ffmpeg import Ffmpeg
from videos.media.limits import Limits
from videos.media.probe import probe


def ahead(clip: Path, **options: object) -> ReadAhead:
    return ReadAhead(Decoding(clip, probe(clip, MP4, Limits()), **options))  # type: ignore[arg-type]


def joined(batches: list[Frames], name: str) -> npt.NDArray[np.generic]:
    return np.concatenate([getattr(batch, name) for batch in batches])


def stop_and_read(stream: ReadAhead) -> None:
    batches = iter(stream)
    next(batches)
    os.kill(stream.pid, signal.SIGSTOP)
    list(batches)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "decoding"]


def test_it_hands_out_what_the_decoding_does(good_clip: Path) -> None:
    _, expected, outcome = look(good_clip)

    with ahead(good_clip) as stream:
        came = list(stream)

    for name in ("numbers", "timestamps", "is_keyframe", "pictures"):
        ours, theirs = (
            np.concatenate([getattr(b, name) for b in some]) for some in (came, expected)
        )
        assert np.array_equal(ours, theirs), name
    assert stream.outcome is not None
    assert stream.outcome.complete
    assert stream.outcome.frames_decoded == outcome.frames_decoded


def test_ffmpeg_goes_on_while_the_caller_works_but_not_far(make_clip: MakeClip) -> None:
    with ahead(long_clip(make_clip)) as stream:
        batches = iter(stream)
        first = next(batches)
        time.sleep(1.5)
        ready = stream._batches.qsize()
        second = next(batches)

    # One batch lies ready, and what the pipes hold.
    assert ready == 1
    assert first.position < second.position < 120


def test_leaving_early_ends_ffmpeg_and_the_thread(make_clip: MakeClip) -> None:
    began = time.monotonic()
    with ahead(long_clip(make_clip)) as stream:
        next(iter(stream))
        pid = stream.pid
        assert len(readers()) == 1

    assert gone(pid)
    assert readers() == []
    assert stream.outcome is None
    assert time.monotonic() - began < 5


def test_what_goes_wrong_is_raised_where_it_is_iterated(make_clip: MakeClip) -> None:
    clip = long_clip(make_clip)
    with (
        pytest.raises(MediaError) as caught,
        ahead(clip, limits=Limits(wall_seconds=1.5)) as stream,
    ):
        stop_and_read(stream)

    assert caught.value.code == "TIMEOUT"
    assert gone(stream.pid)
    assert readers() == []


def test_an_ffmpeg_that_cannot_be_started_is_told_on_entering(good_clip: Path) -> None:
    nowhere = Ffmpeg("/nowhere/ffmpeg", "5.1", "setting")

    with pytest.raises((MediaError, OSError)), ahead(good_clip, ffmpeg=nowhere) as stream:
        list(stream)

    assert readers() == []
