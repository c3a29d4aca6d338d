"""Segments come out where the copies are, to the sample, and nowhere else."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from matching.engine.agreement import AlignmentSettings, similarity
from matching.engine.alignment import AlignedSegment, align, merge
from matching.engine.tracks import Track, band, dense_lines
from matching.engine.voting import Line

MakeVideo = Callable[..., Track]
CopyOf = Callable[..., Track]

Timeline = list[tuple[float, float, float, float]]


def _unlike(track: Track) -> Track:
    """A mirrored version that agrees with nothing."""
    rng = np.random.default_rng(1234)
    return replace(track, hashes=rng.integers(0, 256, track.hashes.shape, dtype=np.uint8))


def _joined(*tracks: Track) -> Track:
    starts = np.cumsum([0.0] + [track.duration for track in tracks])
    return Track(
        np.concatenate([t.times + start for t, start in zip(tracks, starts, strict=False)]),
        np.concatenate([track.hashes for track in tracks]),
        np.concatenate([track.quality for track in tracks]),
        float(starts[-1]),
    )


def _timeline(segments: Sequence[AlignedSegment]) -> Timeline:
    return [(s.q_start, s.q_end, s.r_start, s.r_end) for s in segments]


def _assert_timeline(
    segments: Sequence[AlignedSegment], truth: Timeline, within: float = 0.26
) -> None:
    found = _timeline(segments)
    told = "\n".join(
        ["found (query from, to; reference from, to):"]
        + [str(tuple(round(x, 2) for x in row)) for row in found]
        + ["true:"]
        + [str(row) for row in truth]
    )
    assert len(found) == len(truth), told
    assert np.abs(np.array(found) - np.array(truth)).max(initial=0) <= within, told


def _line(offset: float, speed: float = 1.0, mirrored: bool = False) -> Line:
    return Line(offset, speed, mirrored, 5.0)


def test_a_whole_copy_covers_all_of_both_videos(make_video: MakeVideo, copy_of: CopyOf) -> None:
    reference = make_video(20, seed=1)
    query = copy_of(reference, reference.times)
    found = align(query, _unlike(query), reference, [_line(0.2)])
    _assert_timeline(found, [(0, 20, 0, 20)], within=0.01)
    assert found[0].matched_frames == 80
    assert found[0].mean_distance == pytest.approx(10)


def test_an_excerpt_gives_its_seconds_in_the_reference(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(60, seed=2)
    query = copy_of(reference, 31 + np.arange(40) / 4)
    found = align(query, _unlike(query), reference, [_line(30.6)])
    _assert_timeline(found, [(0, 10, 31, 41)])


def test_an_excerpt_inside_another_video_is_found_to_the_sample(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(30, seed=3)
    piece = copy_of(reference, 8 + np.arange(24) / 4, bits=30)
    query = _joined(make_video(7, seed=4), piece, make_video(9, seed=5))
    found = align(query, _unlike(query), reference, [_line(1.3)])
    _assert_timeline(found, [(7, 13, 8, 14)])


def test_shuffled_pieces_are_separate_segments_and_never_a_bounding_box(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(30, seed=6)
    seconds = np.concatenate([20 + np.arange(20) / 4, 2 + np.arange(20) / 4])
    query = copy_of(reference, seconds)
    found = align(query, _unlike(query), reference, [_line(20), _line(-3)])
    _assert_timeline(found, [(0, 5, 20, 25), (5, 10, 2, 7)])


def test_two_pieces_on_one_line_with_something_else_between_stay_two(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(40, seed=7)
    whole = copy_of(reference, reference.times)
    query = _joined(
        whole.take(np.arange(0, 40)),
        make_video(10, seed=8),
        replace(whole.take(np.arange(80, 160)), times=np.arange(80) / 4),
    )
    query = replace(query, times=np.arange(len(query.times)) / 4, duration=40.0)
    found = align(query, _unlike(query), reference, [_line(0)])
    _assert_timeline(found, [(0, 10, 0, 10), (20, 40, 20, 40)])


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_speed_is_found_from_a_line_that_is_only_roughly_right(
    make_video: MakeVideo, copy_of: CopyOf, speed: float
) -> None:
    reference = make_video(40, seed=9, change=12)
    query = copy_of(reference, 2 + speed * np.arange(64) / 4)
    found = align(query, _unlike(query), reference, [_line(2.4, speed * 1.02)])
    _assert_timeline(found, [(0, 16, 2, 2 + 16 * speed)], within=0.4)
    assert found[0].speed == pytest.approx(speed, rel=0.02)


def test_an_unaltered_speed_is_told_as_exactly_1(make_video: MakeVideo, copy_of: CopyOf) -> None:
    reference = make_video(30, seed=10)
    query = copy_of(reference, 5 + np.arange(60) / 4, bits=40)
    assert align(query, _unlike(query), reference, [_line(4.8, 1.03)])[0].speed == 1


def test_a_mirrored_copy_is_found_through_the_mirrored_hashes(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(20, seed=11)
    copy = copy_of(reference, reference.times)
    found = align(_unlike(copy), copy, reference, [_line(0, mirrored=True)])
    _assert_timeline(found, [(0, 20, 0, 20)])
    assert found[0].mirrored


def test_strangers_on_a_wrong_line_give_nothing(make_video: MakeVideo) -> None:
    query, reference = make_video(20, seed=12), make_video(20, seed=13)
    assert align(query, _unlike(query), reference, [_line(0), _line(3, 1.1)]) == []


def test_black_frames_are_not_equal_to_each_other(make_video: MakeVideo) -> None:
    black = make_video(10, seed=14, change=0, quality=0)
    assert align(black, black, black, [_line(0)]) == []


def test_black_that_adjoins_a_copy_belongs_to_it_on_both_sides(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    dark = make_video(3, seed=15, change=0, quality=0)
    reference = _joined(dark, make_video(12, seed=16))
    query = copy_of(reference, reference.times)
    found = align(query, _unlike(query), reference, [_line(0)])
    _assert_timeline(found, [(0, 15, 0, 15)], within=0.01)
    assert found[0].matched_frames == 48


def test_a_shuffled_nearly_still_scene_goes_to_the_lines_that_agree_best(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(16, seed=17, change=2)
    seconds = np.concatenate([10 + np.arange(16) / 4, np.arange(16) / 4])
    query = copy_of(reference, seconds, bits=2)
    found = align(query, _unlike(query), reference, [_line(0), _line(10), _line(-4)])
    _assert_timeline(found, [(0, 4, 10, 14), (4, 8, 0, 4)], within=0.6)


def test_all_frames_together_find_a_line_that_no_vote_proposed(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(30, seed=18)
    query = copy_of(reference, 12 + np.arange(40) / 4)
    found = align(query, _unlike(query), reference, [_line(2)])
    _assert_timeline(found, [(0, 10, 12, 22)])
    assert dense_lines(query, reference, 1.0, False, 108, 1)[0].offset == pytest.approx(12, abs=0.2)


def test_the_threshold_decides_whether_a_pair_is_told_and_moves_nothing_else(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(20, seed=19)
    query = copy_of(reference, reference.times, bits=20)
    usual = align(query, _unlike(query), reference, [_line(0)])
    strict = AlignmentSettings(similarity_threshold=0.94)
    equal = AlignmentSettings(similarity_threshold=0.999)
    same = align(query, _unlike(query), reference, [_line(0)], strict)
    assert same[0].evidence == usual[0].evidence
    assert _timeline(same) == _timeline(usual)
    assert align(query, _unlike(query), reference, [_line(0)], equal) == []


def test_0_999_keeps_a_bit_exact_copy_and_loses_a_re_encoded_one(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(20, seed=20)
    settings = AlignmentSettings(similarity_threshold=0.999)
    exact, encoded = (
        copy_of(reference, reference.times, bits=0),
        copy_of(reference, reference.times, bits=2),
    )
    assert align(exact, _unlike(exact), reference, [_line(0)], settings)
    assert align(encoded, _unlike(encoded), reference, [_line(0)], settings) == []


@pytest.mark.parametrize(("matched", "told"), [(2, False), (3, True)])
def test_three_matching_frames_are_told_and_two_are_not(
    make_video: MakeVideo, copy_of: CopyOf, matched: int, told: bool
) -> None:
    reference = make_video(20, seed=21, change=60)
    piece = copy_of(reference, 8 + np.arange(matched) / 4, bits=0)
    query = _joined(make_video(5, seed=22), piece, make_video(5, seed=23))
    found = align(query, _unlike(query), reference, [_line(3)])
    assert bool(found) is told, _timeline(found)


def test_min_matches_of_a_hundred_silences_a_copy_with_eighty(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(20, seed=24)
    query = copy_of(reference, reference.times)
    many = AlignmentSettings(min_matches=81)
    assert align(query, _unlike(query), reference, [_line(0)], many) == []


def test_a_still_needs_only_its_one_frame(make_video: MakeVideo, copy_of: CopyOf) -> None:
    reference = make_video(20, seed=25)
    still = replace(copy_of(reference, np.array([7.25])), duration=0.0)
    found = align(still, _unlike(still), reference, [_line(7.1)])
    _assert_timeline(found, [(0, 0, 7.25, 7.5)])
    assert found[0].matched_frames == 1


def test_a_still_is_found_where_it_is_alike_however_far_from_the_line(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(20, seed=25, change=60)
    # Nearer than strangers, but so far that it would not pay the price of a line.
    still = replace(copy_of(reference, np.array([12.25]), bits=66), duration=0.0)
    stranger = replace(make_video(0.25, seed=26), duration=0.0)

    _assert_timeline(align(still, _unlike(still), reference, [_line(2)]), [(0, 0, 12.25, 12.5)])
    assert align(stranger, _unlike(stranger), reference, [_line(2)]) == []


def test_nothing_to_align_gives_nothing(make_video: MakeVideo) -> None:
    video = make_video(5, seed=26)
    empty = video.take(np.zeros(0, dtype=np.int64))
    assert align(video, video, video, []) == []
    assert align(empty, empty, video, [_line(0)]) == []
    assert align(video, video, empty, [_line(0)]) == []


def test_a_still_scene_is_little_evidence_however_long(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    still, moving = make_video(30, seed=27, change=0), make_video(30, seed=28)
    for video, least, most in ((still, 0.5, 1.1), (moving, 20, 120)):
        query = copy_of(video, video.times, bits=4)
        evidence = align(query, _unlike(query), video, [_line(0)])[0].evidence
        assert least <= evidence <= most


def test_merging_gives_each_moment_of_the_query_to_the_strongest(
    make_video: MakeVideo, copy_of: CopyOf
) -> None:
    reference = make_video(20, seed=29)
    query = copy_of(reference, reference.times)
    strong = align(query, _unlike(query), reference, [_line(0)])[0]
    inside = replace(strong, q_start=4.0, q_end=9.0, frames=20)
    beyond = replace(strong, q_start=15.0, q_end=25.0, r_start=0.0, r_end=10.0, frames=40)
    _assert_timeline(merge([inside, beyond, strong]), [(0, 20, 0, 20), (20, 25, 5, 10)])


def test_a_line_between_two_sparse_samples_still_has_a_band(make_video: MakeVideo) -> None:
    video = make_video(20, seed=30)
    sparse = video.take(np.arange(0, 80, 8))
    near = band(video.take(np.arange(76)), sparse, _line(0), slack=0.1)
    assert near.distance.min(axis=1).max() < 999


def test_similarity_is_1_for_equals_and_the_default_threshold_at_72_bits() -> None:
    assert similarity(np.array([0, 72])).tolist() == pytest.approx([1.0, 0.8])
    assert AlignmentSettings().max_distance == pytest.approx(72)


def test_tracks_that_do_not_fit_together_are_refused(make_video: MakeVideo) -> None:
    video = make_video(5, seed=31)
    with pytest.raises(ValueError, match="one hash"):
        Track(video.times[:-1], video.hashes, video.quality, 5.0)
    with pytest.raises(ValueError, match="rise"):
        Track(video.times[::-1], video.hashes, video.quality, 5.0)
