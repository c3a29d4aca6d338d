"""From batches of frames to a fingerprint, and from a fingerprint to its stored row and back."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from matching.engine.hashing import Turn, hamming_pairs
from matching.fingerprint import FingerprintBuilder, VideoFingerprint, packed, unpacked
from matching.models import Fingerprint
from videos.models import Video

Pictures = NDArray[np.uint8]


def moving(count: int, seed: int = 3) -> Pictures:
    """Soft pictures (n, 90, 160, 3) that change altogether from frame to frame."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 9, 13, 3), dtype=np.uint8)
    large = [cv2.resize(each, (160, 90), interpolation=cv2.INTER_CUBIC) for each in small]
    return np.asarray(large, np.uint8)


def letterboxed(pictures: Pictures) -> Pictures:
    pictures = pictures.copy()
    pictures[:, :15] = pictures[:, -15:] = 0
    return pictures


def built(
    pictures: Pictures, batch: int, media_type: str = "video", every: int = 4
) -> VideoFingerprint:
    builder = FingerprintBuilder(media_type)
    count = len(pictures)
    times = np.arange(count) / 4
    for start in range(0, count, batch):
        part = slice(start, start + batch)
        numbers = np.arange(count)[part]
        builder.add(pictures[part], times[part], numbers, numbers % every == 0, ())
    return builder.fingerprint(count / 4)


def same(one: VideoFingerprint, two: VideoFingerprint) -> bool:
    return one.box == two.box and all(
        (mine.track.times == other.track.times).all()
        and (mine.track.quality == other.track.quality).all()
        and all((hashes == other.turned[turn]).all() for turn, hashes in mine.turned.items())
        for mine, other in zip(one.regions, two.regions, strict=True)
    )


def test_a_picture_that_fills_the_frame_has_one_region() -> None:
    fingerprint = built(moving(100), 10)

    assert fingerprint.box is None
    assert len(fingerprint.regions) == 1


def test_still_borders_are_cut_off_in_a_region_of_its_own() -> None:
    fingerprint = built(letterboxed(moving(100)), 10)

    assert fingerprint.box is not None
    assert fingerprint.box.top == pytest.approx(15 / 90, abs=0.02)
    assert fingerprint.box.height == pytest.approx(60 / 90, abs=0.04)
    assert len(fingerprint.regions) == 2
    assert len(fingerprint.regions[1].track.hashes) == 100


@pytest.mark.parametrize("batch", [1, 7, 32, 200])
def test_borders_are_the_same_however_the_frames_are_batched(batch: int) -> None:
    pictures = letterboxed(moving(120))
    # Content comes into the borders late: those who look at more frames see another box.
    pictures[85:, :15] = moving(120)[85:, :15]

    assert same(built(pictures, batch), built(pictures, 10))


@pytest.mark.parametrize("batch", [3, 7, 200])
def test_where_index_frames_are_rare_borders_are_judged_on_others_and_soon(batch: int) -> None:
    pictures = letterboxed(moving(200))
    tracemalloc.start()
    fingerprint = built(pictures, batch, every=240)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    often = built(pictures, 10)
    assert fingerprint.box == often.box is not None
    ours, theirs = (one.regions[1].track.hashes for one in (fingerprint, often))
    assert (hamming_pairs(ours, theirs) <= 2).all()
    assert peak < 16 << 20


def test_a_short_video_is_judged_on_the_frames_it_has_and_a_very_short_one_not_at_all() -> None:
    assert built(letterboxed(moving(16)), 4).box is not None
    assert built(letterboxed(moving(8)), 4).box is None


def test_a_still_is_cut_out_of_its_flat_bars_by_itself() -> None:
    whole = moving(1)
    bars = np.full((1, 120, 160, 3), 16, np.uint8)
    bars[:, 15:105] = whole

    plain, boxed = built(whole, 1, "image"), built(bars, 1, "image")

    assert plain.box is None
    assert boxed.box is not None
    assert (boxed.box.top, boxed.box.height) == (15 / 120, 90 / 120)
    inside, alone = boxed.regions[1].track.hashes, plain.regions[0].track.hashes
    # Regions are hashed from rounded grey levels.
    assert hamming_pairs(inside, alone)[0] <= 4


def test_asking_early_does_not_change_what_comes_later() -> None:
    pictures = letterboxed(moving(100))
    asked, left = FingerprintBuilder("video"), FingerprintBuilder("video")
    for number in range(100):
        one = np.array([number])
        for builder in (asked, left):
            builder.add(pictures[one], one / 4, one, one % 4 == 0, ())
        if number % 20 == 0:
            asked.fingerprint(number / 4)

    assert same(asked.fingerprint(25.0), left.fingerprint(25.0))


def test_index_frames_and_cuts_are_kept_in_order() -> None:
    builder = FingerprintBuilder("video")
    times = np.arange(8) / 4
    index = np.arange(8) % 4 == 0
    builder.add(moving(8)[:4], times[:4], np.array([0, 6, 12, 18]), index[:4], (0.6,))
    builder.add(moving(8)[4:], times[4:], np.array([25, 31, 37, 43]), index[4:], (1.3,))

    fingerprint = builder.fingerprint(2.0)

    assert fingerprint.index.position.tolist() == [0, 4]
    assert fingerprint.index.number.tolist() == [0, 25]
    assert fingerprint.index.colours.shape == (2, 108)
    assert fingerprint.cuts.tolist() == [0.6, 1.3]


def test_a_mirrored_picture_has_the_mirrored_hash_of_its_original() -> None:
    pictures = moving(8)
    plain, mirrored = built(pictures, 8), built(pictures[:, :, ::-1], 8)

    distance = hamming_pairs(
        plain.regions[0].turned[Turn.MIRRORED], mirrored.regions[0].track.hashes
    )

    assert int(distance.max()) <= 4


def test_a_builder_that_saw_nothing_gives_an_empty_fingerprint() -> None:
    fingerprint = FingerprintBuilder("video").fingerprint(0.0)

    assert fingerprint.regions[0].track.hashes.shape == (0, 32)
    assert fingerprint.index.colours.shape == (0, 108)


def test_memory_does_not_grow_with_the_pictures_of_a_long_video() -> None:
    builder = FingerprintBuilder("video")
    pictures = letterboxed(moving(40))
    tracemalloc.start()
    for start in range(0, 800, 40):
        numbers = np.arange(start, start + 40)
        builder.add(pictures, numbers / 4, numbers, numbers % 4 == 0, ())
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # 800 pictures of 160 by 90 are 35 MB; their hashes in two regions and four turns 0.2 MB.
    assert held < 2e6
    assert peak < 20e6


@pytest.mark.django_db
@pytest.mark.parametrize("bordered", [False, True])
def test_a_fingerprint_comes_back_from_its_row_as_it_was(
    bordered: bool, video_row: Callable[..., Video]
) -> None:
    pictures = moving(60)
    fingerprint = built(letterboxed(pictures) if bordered else pictures, 10)
    row = packed(video_row().id, fingerprint)
    row.save()

    tracks = unpacked(Fingerprint.objects.get(pk=row.pk))

    assert len(tracks) == len(fingerprint.regions) == 1 + bordered
    for track, region in zip(tracks, fingerprint.regions, strict=True):
        assert (track.times == region.track.times).all()
        assert (track.hashes == region.track.hashes).all()
        assert (track.quality == region.track.quality).all()
        assert track.duration == region.track.duration


def test_a_film_has_a_dense_frame_four_times_a_second_and_an_index_frame_every_second(
    film: Path, fingerprint_of: Callable[[Path], VideoFingerprint]
) -> None:
    fingerprint = fingerprint_of(film)

    assert len(fingerprint.regions[0].track.times) == 48
    assert len(fingerprint.index.position) == 12
    assert fingerprint.duration == pytest.approx(12.0, abs=0.05)
    assert fingerprint.cuts.tolist() == pytest.approx([4.0, 8.0], abs=0.041)
