"""Runs of good samples, ended where they have lost too much."""

import numpy as np

from matching.engine.runs import scoring_runs


def test_one_good_stretch_is_one_run() -> None:
    assert scoring_runs(np.array([-1, -1, 1, 1, 1, -1, -1.0]), 2.0) == [(2, 5)]


def test_a_short_gap_stays_inside_and_a_long_one_parts() -> None:
    short = np.array([1, 1, 1, -0.5, 1, 1, 1.0])
    long = np.array([1, 1, 1, -1, -1, -1, -1, 1, 1, 1.0])
    assert scoring_runs(short, 2.0) == [(0, 7)]
    assert scoring_runs(long, 2.0) == [(0, 3), (7, 10)]


def test_two_long_runs_do_not_swallow_a_long_gap_however_good_they_are() -> None:
    worth = np.concatenate([np.ones(1000), -np.ones(20), np.ones(1000)])
    assert scoring_runs(worth, 6.0) == [(0, 1000), (1020, 2020)]


def test_runs_begin_and_end_with_something_good() -> None:
    assert scoring_runs(np.array([0.0, 1, 0, 0]), 5.0) == [(1, 2)]


def test_nothing_good_gives_no_run() -> None:
    assert scoring_runs(-np.ones(5), 2.0) == []
    assert scoring_runs(np.zeros(5), 2.0) == []
    assert scoring_runs(np.zeros(0), 2.0) == []
