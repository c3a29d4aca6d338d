"""Frames of a cropped or framed copy are seen in the right video at the right second."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from matching import index
from matching.engine.geometry import moved
from matching.engine.sightings import Sighting
from matching.engine.version import ENGINE_VERSION
from matching.fingerprint import VideoFingerprint
from matching.seeing import LEAST_BEST, LEAST_PLACES, see
from videos.models import Video

pytestmark = pytest.mark.django_db

FingerprintOf = Callable[[Path], VideoFingerprint]
Shelve = Callable[..., Video]
Doctored = Callable[..., Path]


@pytest.fixture
def library(
    film: Path, stranger: Path, clip: Path, fingerprint_of: FingerprintOf, shelve: Shelve
) -> Video:
    """The film among two others."""
    shelve(fingerprint_of(stranger), "stranger.mp4")
    shelve(fingerprint_of(clip), "clip.mp4")
    return shelve(fingerprint_of(film), "film.mp4")


def told(sightings: Sequence[Sighting]) -> str:
    """What was seen, to read when a test fails."""
    return "\n".join(
        f"{one.query_time:.2f} s in {one.reference_time:.2f} s, {one.weight} places"
        f"{' mirrored' if one.mirrored else ''}{' negative' if one.negative else ''}"
        for one in sorted(sightings, key=lambda one: one.query_time)
    )


def seconds_apart(sightings: Sequence[Sighting], offset: float) -> float:
    """How far from their true seconds the sightings lie, the mean by their weight."""
    weight = np.array([one.weight for one in sightings])
    apart = [abs(one.reference_time - one.query_time - offset) for one in sightings]
    return float(weight @ apart / weight.sum())


def test_an_excerpt_cropped_by_30_percent_is_seen_at_its_second(
    doctored: Doctored, fingerprint_of: FingerprintOf, library: Video
) -> None:
    crop = "crop=iw*0.7:ih*0.7:iw*0.15:ih*0.15,scale=320:180"
    cropped = doctored("cropped.mp4", "-ss", "1", "-t", "7", "-vf", crop)

    seen = see(fingerprint_of(cropped), None)

    assert list(seen) == [library.id]
    sightings = seen[library.id]
    assert seconds_apart(sightings, 1.0) < 0.75, told(sightings)
    best = max(sightings, key=lambda one: one.weight)
    assert best.weight >= LEAST_BEST
    assert not best.mirrored
    corners = moved(best.agreement.matrix, np.array([[0.0, 0.0], [320.0, 180.0]]))
    assert corners == pytest.approx(np.array([[48.0, 27.0], [272.0, 153.0]]), abs=4), told(
        sightings
    )


def test_a_picture_in_a_picture_is_seen_at_its_second(
    doctored: Doctored,
    film: Path,
    stranger: Path,
    fingerprint_of: FingerprintOf,
    shelve: Shelve,
    clip: Path,
) -> None:
    video = shelve(fingerprint_of(film), "film.mp4")
    shelve(fingerprint_of(clip), "clip.mp4")
    graph = (
        "[0]trim=2:8,setpts=PTS-STARTPTS,scale=160:90[f];"
        "[1]setpts=PTS-STARTPTS[s];[s][f]overlay=150:80"
    )
    framed = doctored("framed.mp4", "-filter_complex", graph, inputs=(film, stranger))

    seen = see(fingerprint_of(framed), None)

    assert list(seen) == [video.id]
    sightings = seen[video.id]
    assert seconds_apart(sightings, 2.0) < 0.75, told(sightings)
    best = max(sightings, key=lambda one: one.weight)
    corners = moved(best.agreement.matrix, np.array([[150.0, 80.0], [310.0, 170.0]]))
    assert corners == pytest.approx(np.array([[0.0, 0.0], [320.0, 180.0]]), abs=8), told(sightings)


@pytest.mark.parametrize(
    ("name", "change", "mirrored", "negative"),
    [
        ("small-mirror.mp4", "hflip", True, False),
        ("small-negative.mp4", "negate", False, True),
        ("small-mirror-negative.mp4", "hflip,negate", True, True),
    ],
)
def test_a_mirrored_or_negative_crop_is_seen_as_what_it_is(
    name: str,
    change: str,
    mirrored: bool,
    negative: bool,
    doctored: Doctored,
    fingerprint_of: FingerprintOf,
    library: Video,
) -> None:
    crop = f"crop=iw*0.75:ih*0.75,scale=320:180,{change}"
    changed = doctored(name, "-ss", "1", "-t", "7", "-vf", crop)

    seen = see(fingerprint_of(changed), None)

    assert list(seen) == [library.id]
    best = max(seen[library.id], key=lambda one: one.weight)
    assert (best.mirrored, best.negative) == (mirrored, negative), told(seen[library.id])
    assert best.reference_time - best.query_time == pytest.approx(1.0, abs=1.0)


def test_strangers_are_not_seen(
    stranger: Path, fingerprint_of: FingerprintOf, film: Path, shelve: Shelve
) -> None:
    shelve(fingerprint_of(film), "film.mp4")

    assert see(fingerprint_of(stranger), None) == {}


def test_the_query_itself_and_other_versions_are_left_out(
    film: Path, fingerprint_of: FingerprintOf, library: Video
) -> None:
    asked = fingerprint_of(film)

    assert library.id in see(asked, None)
    assert library.id not in see(asked, library.id)
    pictures = asked.pictures
    assert pictures is not None
    frames = [index.AskedWords(*both) for both in zip(pictures.words, pictures.marks, strict=True)]
    assert list(index.draw_words(frames, "other", None, 10)) == []


def test_what_has_no_pictures_sees_nothing(
    made_up: Callable[..., VideoFingerprint], library: Video
) -> None:
    assert see(made_up(20), None) == {}


def test_all_that_is_seen_agrees_in_four_places_at_least(
    excerpt: Path, fingerprint_of: FingerprintOf, library: Video
) -> None:
    (sightings,) = see(fingerprint_of(excerpt), None).values()

    assert min(one.weight for one in sightings) >= LEAST_PLACES
    assert max(one.weight for one in sightings) >= LEAST_BEST


def test_frames_that_share_most_words_come_first_and_no_more_than_asked_for(
    film: Path, fingerprint_of: FingerprintOf, library: Video
) -> None:
    pictures = fingerprint_of(film).pictures
    assert pictures is not None
    frame = index.AskedWords(pictures.words[6], pictures.marks[6])
    empty = index.AskedWords(frame.words[:0], frame.marks[:0])

    drawn = list(index.draw_words([empty, frame], ENGINE_VERSION, None, 3))

    assert len(drawn) == 3
    assert {one.number for one in drawn} == {1}
    assert (drawn[0].video_id, drawn[0].time) == (library.id, pytest.approx(6.0, abs=0.05))
    assert drawn[0].patches.packed() == pictures.patches[6]
    assert list(index.draw_words([empty], ENGINE_VERSION, None, 3)) == []
