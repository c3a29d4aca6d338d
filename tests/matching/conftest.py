"""Fingerprints of real clips, made once, and of made-up videos; and a library to put them in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from matching import index
from matching.engine.hashing import Turn
from matching.engine.tracks import Track
from matching.engine.version import ENGINE_VERSION
from matching.fingerprint import IndexFrame, Region, VideoFingerprint
from tvidz.fingerprinting import fingerprint_file
from videos.models import FrameInfo, SceneCuts, State, Video

# Dense frames a second, and dense frames to one index frame, of the made-up videos.
RATE = 4

Hashes = NDArray[np.uint8]


@pytest.fixture(scope="session")
def fingerprint_of() -> Callable[[Path], VideoFingerprint]:
    """The fingerprint of a file, computed once a session."""
    known: dict[Path, VideoFingerprint] = {}

    def fingerprint(path: Path) -> VideoFingerprint:
        if path not in known:
            known[path] = fingerprint_file(path, path.name)[0]
        return known[path]

    return fingerprint


@pytest.fixture(scope="session")
def doctored(ffmpeg: Callable[..., None], film: Path) -> Callable[..., Path]:
    """A copy of the film made by ffmpeg: doctored("mirrored.mp4", "-vf", "hflip")."""

    def make(name: str, *words: object, inputs: tuple[Path, ...] = ()) -> Path:
        path = film.with_name(name)
        if not path.exists():
            given = [word for each in (inputs or (film,)) for word in ("-i", each)]
            quick = () if name.endswith((".jpg", ".png")) else ("-preset", "ultrafast")
            ffmpeg(*given, *words, *quick, path)
        return path

    return make


@pytest.fixture
def shelve(video_row: Callable[..., Video]) -> Callable[..., Video]:
    """Put a fingerprint into the library as the pipeline does: shelve(fingerprint, "a.mp4")."""

    def put(fingerprint: VideoFingerprint, name: str = "a.mp4", **fields: Any) -> Video:
        plain = {"state": State.READY, "duration": fingerprint.duration}
        plain["media_type"] = fingerprint.media_type
        video = video_row(name, **(plain | fields))
        times = fingerprint.regions[0].track.times[fingerprint.index.position]
        FrameInfo.objects.bulk_create(
            FrameInfo(
                video=video,
                extraction_version=1,
                frame_number=number,
                timestamp=time,
                is_keyframe=False,
            )
            for number, time in zip(fingerprint.index.number.tolist(), times.tolist(), strict=True)
        )
        SceneCuts.objects.create(video=video, timestamps=fingerprint.cuts.tolist())
        index.store(video.id, fingerprint)
        return video

    return put


@pytest.fixture
def made_up() -> Callable[..., VideoFingerprint]:
    """A video of random pictures: made_up(seconds, seed=1, cuts=(), hashes=None, quality=90)."""

    def make(
        seconds: float = 20,
        *,
        seed: int = 1,
        cuts: tuple[float, ...] = (),
        hashes: Hashes | None = None,
        quality: int = 90,
    ) -> VideoFingerprint:
        rng = np.random.default_rng(seed)
        if hashes is None:
            hashes = rng.integers(0, 256, (round(seconds * RATE), 32), dtype=np.uint8)
        count = len(hashes)
        track = Track(np.arange(count) / RATE, hashes, np.full(count, quality, np.uint8), seconds)
        others = rng.integers(0, 256, (3, count, 32), dtype=np.uint8)
        turned = dict(zip((Turn.MIRRORED, Turn.LEFT, Turn.RIGHT), others, strict=True))
        position = np.arange(0, count, RATE)
        colours = rng.random((len(position), 108), dtype=np.float32)
        return VideoFingerprint(
            version=ENGINE_VERSION,
            media_type="video",
            duration=float(seconds),
            regions=(Region(track, {Turn.NONE: hashes, **turned}),),
            box=None,
            index=IndexFrame(position, position * 6, colours),
            cuts=np.array(cuts, np.float64),
        )

    return make


@pytest.fixture
def flipped() -> Callable[[Hashes, int], Hashes]:
    """Hashes (n, 32) with so many bits turned over in each of their sixteen bands."""

    def flip(hashes: Hashes, bits: int) -> Hashes:
        plain = np.unpackbits(hashes, axis=1)
        plain.reshape(-1, 16, 16)[:, :, :bits] ^= 1
        return np.packbits(plain, axis=1)

    return flip
