"""Clips made on the spot, the ffmpegs at hand, and a server that hears who calls."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from videos.media.containers import HEAD_BYTES, recognise
from videos.media.decode import Decoding, Frames, Outcome
from videos.media.errors import MediaError
from videos.media.ffmpeg import Ffmpeg, find_ffmpeg
from videos.media.limits import Limits
from videos.media.probe import Probe, probe

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")

MakeClip = Callable[..., Path]


def _ffmpegs() -> list[object]:
    found: list[object] = []
    system = shutil.which("ffmpeg")
    missing = pytest.mark.skip(reason="no ffmpeg is installed on this system")
    found.append(pytest.param(system, id="system", marks=() if system else missing))
    # Where both are there, each run tries one and the long run the other, too.
    other = pytest.mark.long if system else ()
    found.append(pytest.param(imageio_ffmpeg.get_ffmpeg_exe(), id="package", marks=other))
    return found


@pytest.fixture(scope="session", params=_ffmpegs())
def each_ffmpeg(request: pytest.FixtureRequest) -> Ffmpeg:
    """Every ffmpeg at hand: what holds must hold on all of them."""
    return find_ffmpeg(request.param)


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> MakeClip:
    """A function `(name, *words)`: run ffmpeg with these words once, return the clip's path."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[str, tuple[str, ...]] = {}

    def make(name: str, *words: str) -> Path:
        path = folder / name
        if name not in made:
            command = [find_ffmpeg().path, "-v", "error", "-y", *words, str(path)]
            subprocess.run(command, check=True, timeout=120)
            made[name] = words
        assert made[name] == words, f"two different clips are called {name}"
        return path

    return make


@pytest.fixture(scope="session")
def good_clip(make_clip: MakeClip) -> Path:
    """Three seconds, 320×240, 25 frames a second, H.264, a keyframe a second, index at the end."""
    return make_clip(
        "good.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=3", "-g", "25", *H264
    )


@pytest.fixture(scope="session")
def front_clip(make_clip: MakeClip, good_clip: Path) -> Path:
    """The same with its index at the front."""
    return make_clip("front.mp4", "-i", str(good_clip), "-c", "copy", "-movflags", "faststart")


class Canary:
    """A server on loopback that answers nobody and remembers every call."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    """A canary that nobody has called yet."""
    server = Canary()
    yield server
    server.close()


def look(
    path: Path,
    *,
    limits: Limits | None = None,
    ffmpeg: Ffmpeg | None = None,
    interval: float = 0.25,
) -> tuple[Probe, list[Frames], Outcome]:
    """The whole way: recognise, probe, decode. Raises MediaError."""
    limits = limits or Limits()
    with path.open("rb") as file:
        container = recognise(file.read(HEAD_BYTES))
    found = probe(path, container, limits)
    decoding = Decoding(path, found, sample_interval=interval, limits=limits, ffmpeg=ffmpeg)
    with decoding:
        batches = list(decoding)
    assert decoding.outcome is not None
    return found, batches, decoding.outcome


def verdict(path: Path, *, ffmpeg: Ffmpeg | None = None) -> str:
    """`accept`, `partial`, or the code of the refusal."""
    try:
        with path.open("rb") as file:
            if recognise(file.read(HEAD_BYTES)).media_type != "video":
                return "UNSUP"
        _, _, outcome = look(path, ffmpeg=ffmpeg)
    except MediaError as error:
        return error.code
    return "accept" if outcome.complete else "partial"
