"""More different frames make surer; order, coverage and sharing count; thresholds do not."""

import numpy as np
import pytest

from matching.engine.alignment import AlignedSegment
from matching.engine.confidence import covered, score_link


def _segment(
    q: tuple[float, float],
    r: tuple[float, float],
    evidence: float = 5.0,
    contrast: float = 60.0,
    speed: float = 1.0,
    mirrored: bool = False,
) -> AlignedSegment:
    times = np.arange(q[0], q[1], 0.25)
    return AlignedSegment(
        q_start=q[0],
        q_end=q[1],
        r_start=r[0],
        r_end=r[1],
        speed=speed,
        mirrored=mirrored,
        frames=len(times),
        matched_frames=len(times),
        mean_distance=10.0,
        evidence=evidence,
        contrast=contrast,
        pairs_query=times,
        pairs_reference=times,
        pairs_distance=np.full(len(times), 10.0),
    )


def test_a_full_copy_outranks_an_excerpt_of_it() -> None:
    full = score_link([_segment((0, 20), (0, 20), 20)], 20, 20)
    excerpt = score_link([_segment((5, 10), (5, 10), 5)], 30, 20)
    assert full.score > excerpt.score
    assert full.kinds == ()
    assert excerpt.kinds == ("excerpt", "inserted")


def test_a_shuffled_copy_scores_lower_than_one_in_order() -> None:
    in_order = [_segment((0, 5), (0, 5)), _segment((5, 10), (5, 10))]
    shuffled = [_segment((0, 5), (5, 10)), _segment((5, 10), (0, 5))]
    kept, lost = score_link(in_order, 10, 10), score_link(shuffled, 10, 10)
    assert kept.order_kept
    assert not lost.order_kept
    assert kept.score > lost.score
    assert lost.kinds == ("reordered",)


def test_a_still_scene_leaves_doubt_and_three_pictures_hardly_any() -> None:
    still = score_link([_segment((0, 20), (0, 20), evidence=1.0, contrast=0.0)], 20, 20)
    three = score_link([_segment((0, 20), (0, 20), evidence=3.0)], 20, 20)
    assert 0.4 < still.score < 0.7
    assert three.score > 0.95


def test_no_evidence_is_no_confidence() -> None:
    assert score_link([_segment((0, 20), (0, 20), evidence=0.0)], 20, 20).score == 0
    assert score_link([], 20, 20).score == 0
    assert not score_link([], 20, 20).reported


def test_the_same_seconds_of_the_reference_twice_are_no_second_witness() -> None:
    once = score_link([_segment((0, 4), (0, 4), 1.0)], 8, 20)
    twice = score_link([_segment((0, 4), (0, 4), 1.0), _segment((4, 8), (0, 4), 1.0)], 8, 20)
    assert twice.score == pytest.approx(once.score, abs=0.05)


def test_what_agrees_as_well_a_second_away_counts_less() -> None:
    timely = score_link([_segment((0, 9), (0, 9), 1.0, contrast=60)], 9, 9)
    timeless = score_link([_segment((0, 9), (0, 9), 1.0, contrast=0)], 9, 9)
    assert timely.score > timeless.score


def test_min_matches_decides_what_is_reported_and_not_how_surely() -> None:
    segments = [_segment((0, 0.75), (0, 0.75))]
    three = score_link(segments, 10, 10, min_matches=3)
    four = score_link(segments, 10, 10, min_matches=4)
    assert three.reported
    assert not four.reported
    assert three.score == four.score


def test_an_intro_that_two_videos_have_is_called_shared() -> None:
    intro = [_segment((0, 5), (0, 5))]
    both = np.array([2, 2, 2, 2, 2] + [0] * 20)
    shared = score_link(intro, 25, 60, both)
    assert "shared" in shared.kinds
    assert shared.score < score_link(intro, 25, 60, np.minimum(both, 1)).score


def test_a_copy_with_a_shared_intro_in_front_is_not_called_shared() -> None:
    counts = np.array([2, 2, 2, 2, 2] + [1] * 20)
    assert "shared" not in score_link([_segment((0, 25), (0, 25))], 25, 25, counts).kinds


def test_a_whole_copy_of_a_video_that_the_library_has_twice_is_not_called_shared() -> None:
    assert "shared" not in score_link([_segment((0, 9), (0, 9))], 9, 9, np.full(10, 2)).kinds


def test_kinds_name_mirror_and_speed() -> None:
    kinds = score_link([_segment((0, 8), (0, 10), speed=1.25, mirrored=True)], 8, 10).kinds
    assert kinds == ("mirrored", "speed")


def test_a_still_covers_itself() -> None:
    link = score_link([_segment((0, 0.25), (7, 7.25), 1.0)], 0, 20, min_matches=1)
    assert link.covered_query == 1
    assert link.reported


def test_overlaps_are_covered_once() -> None:
    assert covered([(0, 5), (3, 8), (10, 11)]) == 9
    assert covered([]) == 0
