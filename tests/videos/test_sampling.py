"""How densely a video is looked at."""

from typing import Any

import numpy as np
import pytest

from videos.sampling import IndexFrames, plan_sampling

LIMITS: dict[str, Any] = {
    "dense_interval": 0.25,
    "index_interval": 1.0,
    "max_dense_frames": 60_000,
    "max_index_frames": 7200,
    "name": "film.mp4",
}


def chosen(interval: float, most: int, times: np.ndarray, batch: int = 1000) -> list[float]:
    frames = IndexFrames(interval, most)
    kept = [
        times[start : start + batch][frames.choose(times[start : start + batch])]
        for start in range(0, len(times), batch)
    ]
    return [round(float(time), 6) for time in np.concatenate(kept)]


def test_an_ordinary_video_is_sampled_as_the_settings_say() -> None:
    planned = plan_sampling(600.0, **LIMITS)

    assert (planned.dense_interval, planned.index_interval) == (0.25, 1.0)
    assert planned.warnings == ()


def test_a_long_video_is_thinned_with_a_warning_that_names_limit_and_video() -> None:
    planned = plan_sampling(100.0, **{**LIMITS, "max_index_frames": 10})

    assert planned.index_interval == pytest.approx(10.0)
    assert [warning["code"] for warning in planned.warnings] == ["INDEX_THINNED"]
    assert "MAX_INDEX_FRAMES=10" in planned.warnings[0]["message"]
    assert "film.mp4" in planned.warnings[0]["message"]


def test_dense_frames_are_bounded_apart_from_index_frames() -> None:
    planned = plan_sampling(100.0, **{**LIMITS, "max_dense_frames": 100})

    assert planned.dense_interval == pytest.approx(1.0)
    assert planned.index_interval == 1.0
    assert "MAX_DENSE_FRAMES=100" in planned.warnings[0]["message"]


def test_a_still_image_needs_no_thinning() -> None:
    assert plan_sampling(0.0, **LIMITS).warnings == ()


@pytest.mark.parametrize("duration", [10.0, 10.04, 99.96, 100.0, 3600.0])
@pytest.mark.parametrize("most", [1, 3, 10])
def test_thinned_frames_span_the_whole_video_evenly_and_never_exceed_the_limit(
    duration: float, most: int
) -> None:
    planned = plan_sampling(duration, **{**LIMITS, "max_index_frames": most})
    times = np.arange(0, duration, 0.04)

    kept = chosen(planned.index_interval, most, times)

    assert len(kept) == most
    assert kept[0] == 0
    assert duration - kept[-1] <= planned.index_interval + 0.05
    assert np.ptp(np.diff(kept)) <= 0.081 if most > 2 else True


def test_an_interval_of_five_seconds_gives_a_fifth_of_the_frames() -> None:
    times = np.arange(0, 100, 0.25)

    assert len(chosen(1.0, 7200, times)) == 100
    assert len(chosen(5.0, 7200, times)) == 20


@pytest.mark.parametrize("batch", [1, 2, 7, 10, 1000])
def test_batching_does_not_change_which_frames_are_chosen(batch: int) -> None:
    times = np.arange(0, 60, 1 / 29.97)

    assert chosen(1.0, 7200, times, batch) == chosen(1.0, 7200, times)


def test_a_gap_in_the_video_does_not_bring_a_burst_of_frames_after_it() -> None:
    times = np.array([0.0, 0.25, 0.5, 5.5, 5.75, 6.0, 6.25])

    assert chosen(1.0, 7200, times) == [0.0, 5.5, 6.0]


def test_timestamps_that_fall_short_of_the_second_by_rounding_are_taken() -> None:
    assert chosen(1.0, 7200, np.array([0.0, 0.9995, 1.2495, 2.0005])) == [0.0, 0.9995, 2.0005]
