"""Colour bars are background however they are dressed, and no other picture is."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from matching.engine.background import is_background
from matching.engine.hashing import dct_hash, to_square
from matching.engine.small import shrunk
from tests.matching.scenery import Bytes, filmed, journey, leaves

Dress = Callable[[Bytes], Bytes]
Source = Callable[[str], Bytes]

SMPTE = ("smptebars", "smptehdbars")
EBU = ("pal75bars", "pal100bars")


@pytest.fixture(scope="module")
def source(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A picture as one of ffmpeg's generators draws it, grey: source("smptebars=s=320x180")."""
    folder = tmp_path_factory.mktemp("bars")

    def made(words: str) -> Bytes:
        path = folder / f"{words}.png"
        if not path.exists():
            ffmpeg("-f", "lavfi", "-i", words, "-frames:v", "1", path)
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)

    return made


def _with_clock(picture: Bytes) -> Bytes:
    """A line of numbers laid over the picture, as generators and studios do."""
    picture = picture.copy()
    height, width = picture.shape
    left, top = width * 7 // 20, height * 6 // 10
    cv2.rectangle(picture, (left, top), (left + width * 3 // 10, top + height // 8), 0, -1)
    place = (left + 4, top + height // 8 - 6)
    cv2.putText(picture, "10:00:17", place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_AA)
    return picture


def _noisy(picture: Bytes) -> Bytes:
    noise = np.random.default_rng(1).integers(-4, 5, picture.shape)
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def _stored_badly(picture: Bytes) -> Bytes:
    stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)


def _pillarboxed(picture: Bytes) -> Bytes:
    return np.pad(picture, ((0, 0), (picture.shape[1] // 6,) * 2))


DRESSED: dict[str, Dress] = {
    "plain": lambda bars: bars,
    "between black sides": _pillarboxed,
    "between black strips": lambda bars: np.pad(bars, ((bars.shape[0] // 6,) * 2, (0, 0))),
    "dim": lambda bars: (bars * 0.8 + 16).astype(np.uint8),
    "blurred": lambda bars: np.asarray(cv2.GaussianBlur(bars, (0, 0), 3), np.uint8),
    "small": lambda bars: shrunk(bars[None])[0],
    "stored badly": _stored_badly,
}
LAID_OVER: dict[str, Dress] = {
    "a clock": _with_clock,
    "a clock, between black sides": lambda bars: _pillarboxed(_with_clock(bars)),
    "noise": _noisy,
}


def _hashed(*pictures: Bytes) -> NDArray[np.uint8]:
    return dct_hash(np.concatenate([to_square(one[None]) for one in pictures])).hashes


@pytest.mark.parametrize("dress", DRESSED)
@pytest.mark.parametrize("size", ["320x180", "320x240"])
@pytest.mark.parametrize("name", [*SMPTE, *EBU])
def test_bars_are_background_however_they_are_dressed(
    name: str, size: str, dress: str, source: Source
) -> None:
    assert is_background(_hashed(DRESSED[dress](source(f"{name}=s={size}")))).all()


@pytest.mark.parametrize("laid", LAID_OVER)
@pytest.mark.parametrize("size", ["320x180", "320x240"])
@pytest.mark.parametrize("name", SMPTE)
def test_bars_are_background_under_what_is_laid_over_them(
    name: str, size: str, laid: str, source: Source
) -> None:
    assert is_background(_hashed(LAID_OVER[laid](source(f"{name}=s={size}")))).all()


@pytest.mark.xfail(
    strict=True,
    reason="bars as high as the picture have no frequency that the hash looks at: what is laid over"
    " them, if only noise, makes all of it",
)
@pytest.mark.parametrize("laid", LAID_OVER)
def test_bars_as_high_as_the_picture_are_background_under_what_is_laid_over_them(
    laid: str, source: Source
) -> None:
    assert is_background(_hashed(LAID_OVER[laid](source("pal75bars=s=320x180")))).all()


def test_no_picture_of_anything_else_is_background() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 64, 64), dtype=np.uint8)
    scenes = filmed(journey(1, np.arange(200) / 4)).frames

    assert not is_background(_hashed(*(leaves(seed) for seed in range(200, 260)))).any()
    assert not is_background(dct_hash(noise).hashes).any()
    assert not is_background(dct_hash(to_square(scenes)).hashes).any()


@pytest.mark.parametrize("name", ["testsrc", "testsrc2", "yuvtestsrc"])
def test_test_pictures_that_move_are_not_background(name: str, source: Source) -> None:
    assert not is_background(_hashed(source(f"{name}=s=320x180"))).any()


def test_bars_mirrored_or_in_negative_colours_are_somebodys_work(source: Source) -> None:
    bars = [source(f"{name}=s=320x180") for name in SMPTE]

    assert not is_background(_hashed(*(one[:, ::-1] for one in bars))).any()
    assert not is_background(_hashed(*(255 - one for one in bars))).any()


def test_nothing_asked_nothing_answered() -> None:
    assert is_background(np.zeros((0, 32), np.uint8)).tolist() == []
