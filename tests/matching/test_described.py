"""Which frames the operator's own descriptor is made of, and how its vectors are stored."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.described import HeadDescriber, described, shot_heads, store_described
from matching.engine.descriptors import Descriptor
from matching.fingerprint import FingerprintBuilder
from matching.models import DescriptorVector
from videos.models import FrameInfo, Video

Pictures = NDArray[np.uint8]


class Counting:
    """A descriptor that says how bright a picture is, and remembers how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, pictures: Pictures) -> NDArray[np.float32]:
        self.asked += len(pictures)
        means = pictures.reshape(len(pictures), -1).mean(axis=1)
        return np.stack([means, means], axis=1).astype(np.float32)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def bright(counting: Counting) -> Descriptor:
    return Descriptor("bright", "1", 2, "l2", "vector", counting)


def shown(count: int) -> Pictures:
    """Flat pictures (n, 4, 4, 3), frame n with the value n + 1."""
    values = np.arange(1, count + 1, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, 4, 4, 3)).copy()


def watched(descriptor: Descriptor, batch: int, cuts: tuple[float, ...], late: float) -> object:
    """Ten seconds at four frames a second, cuts told up to `late` seconds after they come."""
    describer = HeadDescriber(descriptor)
    told = 0
    for start in range(0, 40, batch):
        numbers = np.arange(start, min(40, start + batch))
        due = sum(cut + late <= numbers[-1] / 4 for cut in cuts)
        describer.add(shown(40)[numbers], numbers / 4, numbers, numbers % 4 == 0, cuts[told:due])
        told = due
    describer.add(shown(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, bool), cuts[told:])
    return describer.described().numbers.tolist()


@pytest.mark.parametrize("batch", [1, 3, 10, 40])
@pytest.mark.parametrize("late", [0.0, 0.25, 0.75])
def test_the_first_index_frame_of_each_shot_is_described(
    batch: int, late: float, bright: Descriptor
) -> None:
    assert watched(bright, batch, (2.5, 6.0, 9.9), late) == [0, 12, 24]


def test_the_model_is_asked_once_a_shot(bright: Descriptor, counting: Counting) -> None:
    watched(bright, 4, (2.5, 6.0), 0.25)

    assert counting.asked == 3


def test_asking_early_changes_nothing(bright: Descriptor) -> None:
    describer = HeadDescriber(bright)
    for number in range(40):
        one = np.array([number])
        describer.add(shown(40)[one], one / 4, one, one % 4 == 0, (5.0,) if number == 21 else ())
        describer.described()

    assert describer.described().numbers.tolist() == [0, 20]


def test_frames_of_which_the_descriptor_says_nothing_are_left_out(bright: Descriptor) -> None:
    nothing = np.zeros(2, np.float32)

    made = described(bright, [(0.0, 0, nothing), (4.0, 16, np.ones(2, np.float32))])
    empty = described(bright, [(0.0, 0, nothing)])

    assert (made.times.tolist(), made.numbers.tolist()) == ([4.0], [16])
    assert empty.vectors.shape == (0, 2)


def test_heads_are_found_by_cuts() -> None:
    times = np.arange(6.0)

    heads = shot_heads(times, np.array([1.5, 1.8, 4.0]))

    assert times[heads].tolist() == [0.0, 2.0, 4.0]
    assert shot_heads(np.zeros(0), np.zeros(0)).tolist() == []


@pytest.mark.django_db
def test_storing_again_replaces_what_was_stored(
    bright: Descriptor, video_row: Callable[..., Video]
) -> None:
    video = video_row()
    for number in (0, 16):
        FrameInfo.objects.create(
            video=video,
            extraction_version=1,
            frame_number=number,
            timestamp=number / 4,
            is_keyframe=False,
        )
    one, two = np.ones(2, np.float32), np.full(2, 2, np.float32)

    store_described(video.id, described(bright, [(0.0, 0, one), (4.0, 16, one)]))
    store_described(video.id, described(bright, [(4.0, 16, two)]))

    (row,) = DescriptorVector.objects.all()
    assert (row.name, row.version, row.timestamp) == ("bright", "1", 4.0)
    assert row.frame.frame_number == 16
    assert np.asarray(row.vector).tolist() == [2.0, 2.0]


def test_without_a_model_nothing_is_described() -> None:
    assert FingerprintBuilder("video").fingerprint(0.0).own is None


def test_a_fingerprint_carries_what_the_settings_name(
    use_model: Callable[..., Path],
) -> None:
    use_model()
    builder = FingerprintBuilder("video")
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (8, 90, 160, 3), dtype=np.uint8)
    numbers = np.arange(8)

    builder.add(pictures, numbers / 4, numbers, numbers % 4 == 0, (0.6,))
    own = builder.fingerprint(2.0).own

    assert own is not None
    assert own.descriptor.name == "mine"
    assert own.numbers.tolist() == [0, 4]
    assert (own.vectors == own.descriptor.compute(pictures[[0, 4]])).all()
