"""What is taken from the pictures is the same however they come, and no more than is needed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from matching.engine.local import unpacked
from matching.fingerprint import VideoFingerprint
from matching.pictures import ASK_EVERY, ASK_MOST, FEATURES, PictureBuilder, Pictures
from tests.matching.scenery import Bytes, journey
from tvidz.fingerprinting import fingerprint_file

FingerprintOf = Callable[[Path], VideoFingerprint]


def _built(pictures: Bytes, batch: int, every: int = 4) -> Pictures:
    """Four pictures a second, in batches, one in `every` of them an index frame."""
    builder = PictureBuilder()
    place = np.arange(len(pictures))
    for start in range(0, len(pictures), batch):
        some = place[start : start + batch]
        builder.add(pictures[some], some / 4, some % every == 0)
    made = builder.pictures(len(pictures) / 4)
    assert made is not None
    return made


def _same(one: Pictures, two: Pictures) -> bool:
    return (
        [words.tolist() for words in one.words] == [words.tolist() for words in two.words]
        and one.patches == two.patches
        and one.strips == two.strips
        and one.times.tolist() == two.times.tolist()
        and [frame.time for frame in one.asking] == [frame.time for frame in two.asking]
        and (one.height, one.width, one.picture_height, one.duration)
        == (two.height, two.width, two.picture_height, two.duration)
    )


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_everything_is_the_same_to_the_bit_however_frames_are_batched(batch: int) -> None:
    pictures = journey(1, np.arange(41) / 4)

    assert _same(_built(pictures, batch), _built(pictures, 41))


def test_a_film_analysed_in_batches_of_1_and_of_32_has_the_same_pictures(
    film: Path, change_settings: Callable[..., None]
) -> None:
    made = []
    for size in (1, 32):
        change_settings(frame_batch_size=size)
        pictures = fingerprint_file(film, film.name)[0].pictures
        assert pictures is not None
        made.append(pictures)

    assert _same(*made)
    assert len(made[0].words) == 12


def test_an_index_frame_has_the_words_and_the_patches_of_its_features() -> None:
    made = _built(journey(2, np.arange(9) / 4), 9)

    assert len(made.words) == len(made.patches) == 3
    for words, patches in zip(made.words, made.patches, strict=True):
        assert 0 < len(words) <= FEATURES
        assert words.min() >= 0
        assert (np.diff(words) > 0).all()
        assert 8 < len(unpacked(patches)) <= FEATURES


def test_a_picture_that_stands_still_has_the_same_words_in_every_second() -> None:
    once = _built(journey(2, np.zeros(1)), 1)
    still = _built(np.repeat(journey(2, np.zeros(1)), 12, axis=0), 5)

    assert still.patches == (*once.patches,) * 3
    assert [words.tolist() for words in still.words] == [once.words[0].tolist()] * 3


def test_a_flat_index_frame_has_none_but_keeps_its_place() -> None:
    pictures = np.array(journey(3, np.arange(9) / 4))
    pictures[4] = 16

    made = _built(pictures, 4)

    assert [len(words) > 0 for words in made.words] == [True, False, True]
    assert len(unpacked(made.patches[1])) == 0


def test_small_frames_come_back_with_their_times_and_the_size_of_the_pictures() -> None:
    made = _built(journey(4, np.arange(20) / 4), 6).small()

    assert made.frames.shape == (20, 56, 96)
    assert made.times.tolist() == (np.arange(20) / 4).tolist()
    assert (made.width, made.height, made.duration) == (320, 180, 5.0)


def test_a_query_is_looked_for_every_other_second() -> None:
    made = _built(journey(5, np.arange(40) / 4), 10)

    assert [frame.time for frame in made.asking] == [0, 2, 4, 6, 8]
    assert ASK_EVERY == 2


def test_a_long_query_is_looked_for_in_fewer_places_from_its_start_to_its_end() -> None:
    builder = PictureBuilder()
    for start in range(0, 1800, 600):
        times = np.arange(start, start + 600, 2.0)
        flat = np.full((len(times), 18, 32), 90, np.uint8)
        builder.add(flat, times, np.ones(len(times), np.bool_))
    made = builder.pictures(1800.0)
    assert made is not None

    times = np.array([frame.time for frame in made.asking])
    assert ASK_MOST / 2 < len(times) <= ASK_MOST
    assert times[0] == 0
    assert times[-1] > 1780
    assert np.diff(times).max() <= 2 * np.diff(times).min() + 2


def test_before_the_first_picture_there_is_nothing() -> None:
    assert PictureBuilder().pictures(0.0) is None


@pytest.mark.parametrize("size", ["2:2", "16:2", "2:64"])
def test_a_film_of_a_few_pixels_has_no_features_and_no_fault(
    size: str, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    tiny = tmp_path / "tiny.mp4"
    scene = f"testsrc2=s=64x64:r=10:d=2,scale={size}"
    ffmpeg("-f", "lavfi", "-i", scene, "-c:v", "mpeg4", tiny)

    pictures = fingerprint_file(tiny, tiny.name)[0].pictures

    assert pictures is not None
    assert all(len(words) == 0 for words in pictures.words)
    assert len(pictures.small().frames) == 8
