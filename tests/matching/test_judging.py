"""What several unrelated videos share is told and not flagged; what one family has is its own."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.engine.alignment import AlignedSegment
from matching.engine.geometry import Agreement
from matching.engine.sightings import Sighting
from matching.engine.version import ENGINE_VERSION
from matching.fingerprint import VideoFingerprint
from matching.judging import SHARED_DOUBT, Match, judge
from matching.models import DuplicateLink
from matching.search import compare, search
from matching.verification import Verified
from moderation.flagging import worth_a_flag
from videos.models import Video

pytestmark = pytest.mark.django_db

MadeUp = Callable[..., VideoFingerprint]
Shelve = Callable[..., Video]
Hashes = NDArray[np.uint8]


def _scene(seed: int, seconds: float) -> Hashes:
    """Dense hashes of footage that nothing else is like."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (round(seconds * 4), 32), dtype=np.uint8)


def _film(made_up: MadeUp, *scenes: Hashes) -> VideoFingerprint:
    hashes = np.concatenate(scenes)
    # Turned pictures are drawn by the seed: no two films may have them in common.
    return made_up(len(hashes) / 4, seed=int(hashes[0, 0]) + 1000, hashes=hashes)


def _flagged(matches: list[Match]) -> list[Match]:
    return [match for match in matches if worth_a_flag(match.score.score, match.score.kinds)]


def _told(matches: list[Match]) -> str:
    return "\n".join(
        f"{match.video_id} {match.score.score:.3f} {match.score.kinds} "
        + ", ".join(
            f"{s.q_start:.2f}–{s.q_end:.2f} is {s.r_start:.2f}–{s.r_end:.2f}"
            for s in match.segments
        )
        for match in matches
    )


LEADER = _scene(1, 6)


def test_a_leader_of_two_unrelated_library_videos_is_shared_and_flagged_in_neither(
    made_up: MadeUp, shelve: Shelve
) -> None:
    videos = {
        shelve(_film(made_up, _scene(10, 9), LEADER, _scene(11, 15)), "one.mp4").id,
        shelve(_film(made_up, _scene(20, 4), LEADER, _scene(21, 25)), "two.mp4").id,
    }

    matches = search(_film(made_up, _scene(30, 7), LEADER, _scene(31, 12)))

    assert {match.video_id for match in matches} == videos, _told(matches)
    assert all("shared" in match.score.kinds for match in matches), _told(matches)
    assert all(match.score.score <= SHARED_DOUBT for match in matches), _told(matches)
    assert _flagged(matches) == []


def test_the_same_leader_in_one_library_video_alone_is_a_copy_of_it(
    made_up: MadeUp, shelve: Shelve
) -> None:
    shelve(_film(made_up, _scene(10, 9), LEADER, _scene(11, 15)), "one.mp4")

    (match,) = search(_film(made_up, _scene(30, 7), LEADER, _scene(31, 12)))

    assert "shared" not in match.score.kinds
    assert _flagged([match]) == [match], _told([match])


def test_at_the_start_of_both_and_with_a_cut_after_it_one_video_is_enough(
    made_up: MadeUp, shelve: Shelve
) -> None:
    shelve(_film(made_up, LEADER, _scene(11, 25)), "one.mp4")

    (match,) = search(_film(made_up, LEADER, _scene(31, 18)))

    assert "shared" in match.score.kinds, _told([match])
    assert _flagged([match]) == []


@pytest.fixture
def film_and_copy(made_up: MadeUp, shelve: Shelve) -> tuple[Video, Video]:
    """A film of half a minute, and the same again under another name."""
    film = _film(made_up, _scene(40, 30))
    return shelve(film, "film.mp4"), shelve(film, "again.mp4")


def _excerpt(made_up: MadeUp) -> VideoFingerprint:
    return _film(made_up, _scene(30, 7), _scene(40, 30)[40:64], _scene(31, 12))


def _linked(one: Video, two: Video, score: float = 0.97, covered: float = 1.0) -> None:
    DuplicateLink.objects.create(
        query=two,
        reference=one,
        version=ENGINE_VERSION,
        score=score,
        matched_frames=99,
        covered_query=covered,
        covered_reference=covered,
    )


def test_an_excerpt_of_a_film_that_the_library_has_twice_is_a_copy_of_both(
    film_and_copy: tuple[Video, Video], made_up: MadeUp
) -> None:
    _linked(*film_and_copy)

    matches = search(_excerpt(made_up))

    assert {match.video_id for match in matches} == {video.id for video in film_and_copy}
    assert all("shared" not in match.score.kinds for match in matches), _told(matches)
    assert len(_flagged(matches)) == 2, _told(matches)


def test_another_film_of_the_same_place_does_not_make_an_excerpt_common(
    made_up: MadeUp, shelve: Shelve
) -> None:
    shelve(_film(made_up, _scene(40, 30)), "film.mp4")
    other = shelve(_film(made_up, _scene(50, 30)), "same-place.mp4")
    excerpt = _excerpt(made_up)
    (sure,) = compare(excerpt)
    alike = tuple(replace(one, evidence=0.3, mean_distance=60.0) for one in sure.segments)
    doubtful = replace(sure, video_id=other.id, segments=alike)

    best, second = judge(excerpt, [doubtful, sure])

    assert best.video_id == sure.video_id
    assert "shared" not in best.score.kinds, _told([best, second])
    assert _flagged([best, second]) == [best], _told([best, second])


@pytest.mark.parametrize(
    ("score", "covered"),
    [
        pytest.param(0.97, 0.0, id="one that covers nothing"),
        pytest.param(0.3, 1.0, id="an unsure one"),
        pytest.param(0.97, 0.3, id="one about a part of either"),
    ],
)
def test_videos_that_no_sure_link_makes_a_family_are_unrelated(
    score: float, covered: float, film_and_copy: tuple[Video, Video], made_up: MadeUp
) -> None:
    _linked(*film_and_copy, score, covered)

    matches = search(_excerpt(made_up))

    assert len(matches) == 2
    assert all("shared" in match.score.kinds for match in matches), _told(matches)
    assert _flagged(matches) == []


def test_a_whole_copy_with_a_shared_leader_in_it_is_flagged_all_the_same(
    made_up: MadeUp, shelve: Shelve
) -> None:
    film = _film(made_up, _scene(10, 9), LEADER, _scene(11, 15))
    video = shelve(film, "one.mp4")
    shelve(_film(made_up, _scene(20, 4), LEADER, _scene(21, 25)), "two.mp4")

    matches = search(film)

    assert [match.video_id for match in _flagged(matches)] == [video.id], _told(matches)
    assert len(matches) == 2
    assert matches[0].video_id == video.id


def test_the_surest_comes_first_and_all_confidences_are_shares(
    made_up: MadeUp, shelve: Shelve
) -> None:
    film = _film(made_up, _scene(50, 20))
    shelve(_film(made_up, _scene(60, 20), film.regions[0].track.hashes[30:38]), "part.mp4")
    whole = shelve(film, "whole.mp4")

    matches = judge(film, compare(film))

    scores = [match.score.score for match in matches]
    assert matches[0].video_id == whole.id, _told(matches)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_what_was_verified_and_has_no_segments_is_no_match(made_up: MadeUp, shelve: Shelve) -> None:
    film = _film(made_up, _scene(50, 20))
    video = shelve(film, "film.mp4")
    track = film.regions[0].track
    nothing = Verified(video.id, 20.0, (), (), 0, False, False, 3, (track,))

    assert judge(film, [nothing]) == []
    assert judge(film, []) == []


@pytest.mark.parametrize(("evidence", "told"), [(0.0, False), (0.5, True)])
def test_places_that_agree_in_a_still_say_nothing_where_the_picture_is_everybodys(
    made_up: MadeUp, shelve: Shelve, evidence: float, told: bool
) -> None:
    film = _film(made_up, _scene(51, 20))
    still = replace(made_up(0, hashes=_scene(51, 1)[:1]), media_type="image")
    places = np.random.default_rng(51).random((40, 2)) * 300
    whole = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    seen = Sighting(0.0, 5.0, False, False, Agreement(whole, places, places, 40))
    one = np.zeros(1)
    segment = AlignedSegment(
        0.0, 0.0, 5.0, 5.25, 1.0, False, 1, 1, 10.0, evidence, 0.0, one, one + 5, one + 10
    )
    video = shelve(film, "film.mp4").id
    track = film.regions[0].track
    verified = Verified(video, 20.0, (segment,), (seen,), 0, False, True, 1, (track,))

    (match,) = judge(still, [verified])

    assert (match.score.score >= 0.5) == told, _told([match])
