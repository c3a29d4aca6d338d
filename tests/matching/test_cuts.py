"""Scene cuts as a fingerprint of their own, from the database to the match."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from matching import index
from matching.fingerprint import VideoFingerprint
from matching.search import search
from moderation.flagging import worth_a_flag
from videos.models import Video

pytestmark = pytest.mark.django_db

MadeUp = Callable[..., VideoFingerprint]
Shelve = Callable[..., Video]
Flipped = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]

# Lengths of shots as an editor makes them, no two alike.
RHYTHM = (3.1, 7.4, 9.0, 14.7, 16.2, 21.9, 27.3, 30.1, 37.8, 42.2)


@pytest.fixture(scope="session")
def cutty(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds with hard cuts at 1, 3, 4.4, 6.6 and 8.2 s and a keyframe at each."""
    path = tmp_path_factory.mktemp("cutty") / "cutty.mp4"
    lengths = (1, 2, 1.4, 2.2, 1.6, 1.8)
    colours = ("black", "white", "navy", "yellow", "darkgreen", "pink")
    inputs = [
        word
        for length, colour in zip(lengths, colours, strict=True)
        for word in ("-f", "lavfi", "-t", length, "-i", f"color={colour}:s=160x90:r=25")
    ]
    graph = "concat=n=6,format=yuv420p"
    ffmpeg(*inputs, "-filter_complex", graph, "-force_key_frames", "0,1,3,4.4,6.6,8.2", path)
    return path


def test_an_excerpt_from_the_start_and_its_parent_find_each_other_by_equal_cuts(
    cutty: Path,
    ffmpeg: Callable[..., None],
    fingerprint_of: Callable[[Path], VideoFingerprint],
    shelve: Shelve,
) -> None:
    start = cutty.with_name("start.mp4")
    ffmpeg("-i", cutty, "-t", "7.5", "-c", "copy", start)
    whole, part = fingerprint_of(cutty), fingerprint_of(start)
    parent, excerpt = shelve(whole, "parent.mp4"), shelve(part, "excerpt.mp4")

    assert len(whole.cuts) == 5
    assert len(part.cuts) == 4
    assert index.same_cuts(part.cuts.tolist(), excerpt.id) == [parent.id]
    assert index.same_cuts(whole.cuts.tolist(), parent.id) == [excerpt.id]


def test_two_equal_cuts_are_no_reason_to_look(made_up: MadeUp, shelve: Shelve) -> None:
    shelve(made_up(60, cuts=(5.0, 10.0)))

    assert index.same_cuts([5.0, 10.0], None) == []
    assert index.same_cuts([], None) == []
    assert index.same_cuts([5.0, 10.0, 17.0], None) == []


@pytest.fixture
def far_copy(flipped: Flipped, made_up: MadeUp) -> MadeUp:
    """A copy whose every frame differs by four bits in each band, so that no band is shared."""

    def make(of: VideoFingerprint, cuts: tuple[float, ...]) -> VideoFingerprint:
        hashes = flipped(of.regions[0].track.hashes, 4)
        return made_up(of.duration, seed=9, cuts=cuts, hashes=hashes)

    return make


@pytest.mark.parametrize(("cuts", "found"), [(2, False), (3, True)])
def test_three_aligned_cuts_propose_what_no_band_does_and_two_do_not(
    cuts: int, found: bool, made_up: MadeUp, far_copy: MadeUp, shelve: Shelve
) -> None:
    original = made_up(60, seed=1, cuts=RHYTHM[:cuts])
    video = shelve(original)
    copy = far_copy(original, RHYTHM[:cuts])
    assert len(index.draw(copy.regions[0].track.hashes, copy.version, None).query) == 0

    matches = search(copy)

    assert [match.video_id for match in matches] == [video.id] * found
    for match in matches:
        assert match.aligned_cuts == 3
        assert "cuts" in match.score.kinds
        assert worth_a_flag(match.score.score, match.score.kinds)


def test_a_shifted_copy_is_proposed_by_cut_tokens(
    made_up: MadeUp, far_copy: MadeUp, shelve: Shelve
) -> None:
    original = made_up(60, seed=1, cuts=RHYTHM)
    video = shelve(original)
    cut_off = far_copy(original, tuple(cut - 5.0 for cut in RHYTHM if cut > 5))
    region = cut_off.regions[0]
    shifted = made_up(
        55, seed=9, cuts=tuple(cut_off.cuts.tolist()), hashes=region.track.hashes[20:]
    )

    (match,) = search(shifted)

    assert match.video_id == video.id
    assert match.segments[0].r_start - match.segments[0].q_start == pytest.approx(5.0, abs=0.3)


def test_cut_tokens_tell_offset_and_speed(made_up: MadeUp, shelve: Shelve) -> None:
    video = shelve(made_up(60, cuts=RHYTHM))
    faster = made_up(40, seed=2, cuts=tuple((cut + 2.0) / 1.25 for cut in RHYTHM))

    places = index.draw_cuts(faster, None)[video.id]

    assert any(
        speed == pytest.approx(1.25, abs=0.02) and offset == pytest.approx(-2.0, abs=0.4)
        for offset, speed in places
    )


@pytest.mark.parametrize(("cuts", "flagged"), [(7, False), (8, True)])
def test_eight_aligned_cuts_flag_without_any_agreement_of_the_picture(
    cuts: int, flagged: bool, made_up: MadeUp, shelve: Shelve
) -> None:
    video = shelve(made_up(60, seed=1, cuts=RHYTHM[:cuts]))

    matches = search(made_up(60, seed=2, cuts=RHYTHM[:cuts]))

    assert [match.video_id for match in matches] == [video.id] * flagged
    for match in matches:
        assert match.score.matched_frames == 0
        assert worth_a_flag(match.score.score, match.score.kinds)
        assert (match.segments[0].q_start, match.segments[0].q_end) == (3.1, 30.1)


@pytest.mark.parametrize(
    "cuts",
    [(5.0, 10.0), tuple(float(second) for second in range(5, 60, 5))],
    ids=["two round cuts", "a slide show"],
)
def test_round_timestamps_never_flag_strangers(
    cuts: tuple[float, ...], made_up: MadeUp, shelve: Shelve
) -> None:
    shelve(made_up(60, seed=1, cuts=cuts))

    assert search(made_up(60, seed=2, cuts=cuts)) == []


def test_the_settings_say_how_many_cuts_count(
    made_up: MadeUp, shelve: Shelve, change_settings: Callable[..., None]
) -> None:
    shelve(made_up(60, seed=1, cuts=RHYTHM[:6]))
    query = made_up(60, seed=2, cuts=RHYTHM[:6])
    assert search(query) == []

    change_settings(cuts_to_flag=6)
    assert len(search(query)) == 1

    change_settings(cuts_to_flag=7)
    assert search(query) == []
