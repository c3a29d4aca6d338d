"""Doctored copies of a film are found where they lie, and strangers are not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matching.fingerprint import VideoFingerprint
from matching.judging import Match
from matching.search import search
from videos.models import Video

pytestmark = pytest.mark.django_db

FingerprintOf = Callable[[Path], VideoFingerprint]
Shelve = Callable[..., Video]
Doctored = Callable[..., Path]


@pytest.fixture(scope="session")
def other_film(ffmpeg: Callable[..., None], film: Path) -> Path:
    """Ten seconds of two scenes that are neither the film's nor the stranger's."""
    path = film.with_name("other-film.mp4")
    scenes = (
        "mandelbrot=s=320x180:r=25:start_x=-0.16:start_y=1.0375:start_scale=0.3:end_scale=0.01"
        ":end_pts=100",
        "life=s=160x90:r=25:seed=77:ratio=0.3:mold=14,scale=320:180:flags=neighbor,boxblur=4",
    )
    inputs = [word for scene in scenes for word in ("-f", "lavfi", "-t", "5", "-i", scene)]
    graph = "[0]format=yuv420p,setsar=1[a];[1]format=yuv420p,setsar=1[b];[a][b]concat"
    ffmpeg(*inputs, "-filter_complex", graph, path)
    return path


@pytest.fixture
def film_in_library(film: Path, fingerprint_of: FingerprintOf, shelve: Shelve) -> Video:
    return shelve(fingerprint_of(film), "film.mp4")


def timeline(matches: list[Match]) -> str:
    """What was found, to read when a test fails."""
    return "\n".join(
        f"{match.video_id} {match.score.score:.3f} {match.score.kinds} "
        + ", ".join(
            f"{part.q_start:.2f}–{part.q_end:.2f} is {part.r_start:.2f}–{part.r_end:.2f}"
            f" x{part.speed:.2f}{' mirrored' if part.mirrored else ''}"
            for part in match.segments
        )
        for match in matches
    )


def the_one(matches: list[Match], video: Video) -> Match:
    assert [match.video_id for match in matches] == [video.id], timeline(matches)
    return matches[0]


def stretch(match: Match) -> tuple[float, float, float, float]:
    """First and last second of the match in query and reference."""
    parts = match.segments
    return (
        min(part.q_start for part in parts),
        max(part.q_end for part in parts),
        min(part.r_start for part in parts),
        max(part.r_end for part in parts),
    )


@pytest.mark.parametrize(
    ("name", "words", "kind"),
    [
        ("worse.mp4", ("-vf", "scale=208:118", "-crf", "36"), ""),
        ("mirrored.mp4", ("-vf", "hflip"), "mirrored"),
        ("negative.mp4", ("-vf", "negate"), "inverted"),
        ("letterboxed.mp4", ("-vf", "pad=320:240:0:30"), ""),
        ("bright.mp4", ("-vf", "eq=brightness=0.15:gamma=1.5"), ""),
        ("slow-frames.mp4", ("-r", "15"), ""),
    ],
)
def test_a_whole_copy_is_found_from_end_to_end(
    name: str,
    words: tuple[str, ...],
    kind: str,
    doctored: Doctored,
    fingerprint_of: FingerprintOf,
    film_in_library: Video,
) -> None:
    matches = search(fingerprint_of(doctored(name, *words)))

    match = the_one(matches, film_in_library)
    assert match.score.score > 0.9, timeline(matches)
    assert stretch(match) == pytest.approx((0, 12, 0, 12), abs=0.75), timeline(matches)
    assert match.score.covered_query > 0.9
    assert match.score.covered_reference > 0.9
    told = {"mirrored", "inverted", "turned", "speed"} & set(match.score.kinds)
    assert told == ({kind} if kind else set())


def test_an_excerpt_is_told_with_its_offset(
    excerpt: Path, fingerprint_of: FingerprintOf, film_in_library: Video
) -> None:
    matches = search(fingerprint_of(excerpt))

    match = the_one(matches, film_in_library)
    assert stretch(match) == pytest.approx((0, 6, 3, 9), abs=0.5), timeline(matches)
    assert match.score.covered_query == pytest.approx(1.0, abs=0.1)
    assert match.score.covered_reference == pytest.approx(0.5, abs=0.1)
    assert "excerpt" in match.score.kinds


def test_the_whole_film_asks_for_the_excerpt_that_lies_in_the_library(
    film: Path, excerpt: Path, fingerprint_of: FingerprintOf, shelve: Shelve
) -> None:
    part = shelve(fingerprint_of(excerpt), "excerpt.mp4")

    matches = search(fingerprint_of(film))

    assert stretch(the_one(matches, part)) == pytest.approx((3, 9, 0, 6), abs=0.5)


def test_a_copy_at_another_speed_is_told_with_the_speed(
    doctored: Doctored, fingerprint_of: FingerprintOf, film_in_library: Video
) -> None:
    fast = doctored("fast.mp4", "-vf", "setpts=PTS/1.25", "-r", "25")

    matches = search(fingerprint_of(fast))

    match = the_one(matches, film_in_library)
    longest = max(match.segments, key=lambda part: part.q_end - part.q_start)
    assert longest.speed == pytest.approx(1.25, abs=0.03), timeline(matches)
    assert "speed" in match.score.kinds
    assert match.score.covered_reference > 0.8, timeline(matches)


def test_an_excerpt_inside_another_video_is_found_and_the_rest_is_not_claimed(
    doctored: Doctored,
    film: Path,
    stranger: Path,
    fingerprint_of: FingerprintOf,
    film_in_library: Video,
) -> None:
    graph = (
        "[0]trim=5:9,setpts=PTS-STARTPTS,setsar=1[f];"
        "[1]split[a][b];[a]trim=0:3,setpts=PTS-STARTPTS,setsar=1[s];"
        "[b]trim=3:6,setpts=PTS-STARTPTS,setsar=1[e];[s][f][e]concat=n=3"
    )
    inside = doctored("inside.mp4", "-filter_complex", graph, inputs=(film, stranger))

    matches = search(fingerprint_of(inside))

    match = the_one(matches, film_in_library)
    assert stretch(match) == pytest.approx((3, 7, 5, 9), abs=0.6), timeline(matches)
    assert "inserted" in match.score.kinds


def test_two_references_in_one_video_are_both_found_each_once(
    doctored: Doctored,
    film: Path,
    other_film: Path,
    fingerprint_of: FingerprintOf,
    shelve: Shelve,
    film_in_library: Video,
) -> None:
    other = shelve(fingerprint_of(other_film), "other.mp4")
    graph = (
        "[0]trim=1:6,setpts=PTS-STARTPTS,setsar=1[f];"
        "[1]trim=3:8,setpts=PTS-STARTPTS,setsar=1[o];[f][o]concat"
    )
    both = doctored("both.mp4", "-filter_complex", graph, inputs=(film, other_film))

    matches = search(fingerprint_of(both))

    found = {match.video_id: stretch(match) for match in matches}
    assert len(matches) == 2, timeline(matches)
    assert found[film_in_library.id] == pytest.approx((0, 5, 1, 6), abs=0.6), timeline(matches)
    assert found[other.id] == pytest.approx((5, 10, 3, 8), abs=0.6), timeline(matches)


STILL = ("-frames:v", "1", "-q:v", "8")


@pytest.mark.parametrize("second", [2.08, 5.0, 10.04])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_still_finds_its_video_and_the_second(
    suffix: str,
    second: float,
    doctored: Doctored,
    fingerprint_of: FingerprintOf,
    film_in_library: Video,
) -> None:
    still = doctored(f"still-{second}.{suffix}", "-ss", second, "-vf", "scale=256:144", *STILL)

    matches = search(fingerprint_of(still))

    match = the_one(matches, film_in_library)
    assert match.segments[0].r_start == pytest.approx(second, abs=0.3), timeline(matches)


def test_a_still_from_between_two_index_frames_finds_its_video(
    doctored: Doctored, fingerprint_of: FingerprintOf, film_in_library: Video
) -> None:
    still = doctored("still-between.png", "-ss", 4.5, *STILL)

    the_one(search(fingerprint_of(still)), film_in_library)


def test_a_still_finds_a_video_in_which_nothing_moves(
    made_up: Callable[..., VideoFingerprint], shelve: Shelve
) -> None:
    picture = made_up(1, seed=5).regions[0].track.hashes[:1]
    slide = shelve(made_up(60, hashes=np.repeat(picture, 240, axis=0)), "slide.mp4")
    still = replace(made_up(0, hashes=picture), media_type="image")

    matches = search(still)

    assert the_one(matches, slide).score.matched_frames == 1, timeline(matches)


@pytest.mark.parametrize("bars", ["256:224:0:40", "320:176:32:16:white"])
def test_a_still_between_bars_finds_its_video_by_what_is_inside(
    bars: str, doctored: Doctored, fingerprint_of: FingerprintOf, film_in_library: Video
) -> None:
    words = ("-ss", "5", "-vf", f"scale=256:144,pad={bars}")
    still = fingerprint_of(doctored(f"boxed-{bars.replace(':', '-')}.jpg", *words, *STILL))

    # By hashes alone: local features may find it, too.
    matches = search(replace(still, pictures=None))

    match = the_one(matches, film_in_library)
    assert match.segments[0].r_start == pytest.approx(5.0, abs=0.3), timeline(matches)


def test_a_still_finds_images_and_videos_together_each_once(
    doctored: Doctored, fingerprint_of: FingerprintOf, shelve: Shelve, film_in_library: Video
) -> None:
    image = doctored("in-library.png", "-ss", "5", "-frames:v", "1")
    picture = shelve(fingerprint_of(image), "picture.png")
    saved_again = doctored("again.jpg", "-ss", "5", "-frames:v", "1", "-q:v", "12")

    matches = search(fingerprint_of(saved_again))

    assert len(matches) == 2, timeline(matches)
    assert {match.video_id for match in matches} == {film_in_library.id, picture.id}


def test_strangers_find_nothing(
    stranger: Path, other_film: Path, fingerprint_of: FingerprintOf, film_in_library: Video
) -> None:
    assert search(fingerprint_of(stranger)) == []
    assert search(fingerprint_of(other_film)) == []


def test_an_empty_library_answers_with_nothing(
    excerpt: Path, fingerprint_of: FingerprintOf
) -> None:
    assert search(fingerprint_of(excerpt)) == []


def test_a_full_copy_outranks_an_excerpt(
    film: Path,
    excerpt: Path,
    doctored: Doctored,
    fingerprint_of: FingerprintOf,
    shelve: Shelve,
    film_in_library: Video,
) -> None:
    shelve(fingerprint_of(excerpt), "excerpt.mp4")

    matches = search(fingerprint_of(doctored("worse.mp4", "-vf", "scale=208:118", "-crf", "36")))

    assert [match.video_id for match in matches][0] == film_in_library.id, timeline(matches)
    assert len(matches) == 2


def test_the_query_itself_is_left_out(
    film: Path, fingerprint_of: FingerprintOf, film_in_library: Video
) -> None:
    assert search(fingerprint_of(film), exclude=film_in_library.id) == []
    assert len(search(fingerprint_of(film))) == 1


def test_no_more_library_videos_are_compared_than_the_setting_allows(
    film: Path,
    excerpt: Path,
    fingerprint_of: FingerprintOf,
    shelve: Shelve,
    change_settings: Callable[..., None],
) -> None:
    for number in range(3):
        shelve(fingerprint_of(film), f"film-{number}.mp4")

    found = len(search(fingerprint_of(excerpt)))
    change_settings(max_candidates=2)

    assert found == 3
    assert len(search(fingerprint_of(excerpt))) == 2


def test_a_threshold_of_0_999_loses_a_re_encode(
    excerpt: Path,
    fingerprint_of: FingerprintOf,
    film_in_library: Video,
    change_settings: Callable[..., None],
) -> None:
    change_settings(similarity_threshold=0.999)

    assert search(fingerprint_of(excerpt)) == []


def test_fewer_matches_than_demanded_are_not_reported(
    excerpt: Path,
    fingerprint_of: FingerprintOf,
    film_in_library: Video,
    change_settings: Callable[..., None],
) -> None:
    (match,) = search(fingerprint_of(excerpt))
    frames = match.score.matched_frames

    change_settings(min_matches=frames)
    just_enough = search(fingerprint_of(excerpt))
    change_settings(min_matches=frames + 1)
    too_few = search(fingerprint_of(excerpt))

    assert [found.score for found in just_enough] == [match.score]
    assert too_few == []


@pytest.mark.parametrize(("frames", "reported"), [(2, False), (3, True)])
def test_two_agreeing_frames_are_not_reported_and_three_are(
    frames: int,
    reported: bool,
    made_up: Callable[..., VideoFingerprint],
    shelve: Shelve,
) -> None:
    library, query = made_up(20, seed=1), made_up(20, seed=2)
    hashes = query.regions[0].track.hashes.copy()
    hashes[40 : 40 + frames] = library.regions[0].track.hashes[40 : 40 + frames]
    video = shelve(library)

    matches = search(made_up(20, seed=2, hashes=hashes))

    assert [match.video_id for match in matches] == [video.id] * reported, timeline(matches)


def test_flat_frames_agree_with_nothing(
    made_up: Callable[..., VideoFingerprint], shelve: Shelve
) -> None:
    black = made_up(20, seed=1, quality=0)
    shelve(black)

    assert search(black) == []


def test_the_confidence_decides_what_is_kept(
    excerpt: Path,
    fingerprint_of: FingerprintOf,
    film_in_library: Video,
    change_settings: Callable[..., None],
) -> None:
    change_settings(report_confidence=1.0)

    assert search(fingerprint_of(excerpt)) == []
