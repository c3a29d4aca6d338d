"""Lines drawn exactly: the voted ones, and those that only all frames together propose."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matching.engine.agreement import AlignmentSettings
from matching.engine.tracks import NOT_THERE, Track, band, dense_lines, expected
from matching.engine.voting import Line

Floats = NDArray[np.float64]


def _robust_line(x: Floats, y: Floats, weight: Floats, line: Line, with_speed: bool) -> Line:
    """Weighted least squares with Tukey's weights around the line so far."""
    offset, speed = line.offset, line.speed
    for _ in range(8):
        error = y - offset - speed * x
        scale = max(0.1, 2.0 * float(np.median(np.abs(error))))
        w = weight * np.clip(1 - (error / (3 * scale)) ** 2, 0, 1) ** 2
        total = float(w.sum())
        if total <= 0:
            break
        mean_x, mean_y = float(w @ x) / total, float(w @ y) / total
        spread = float(w @ (x - mean_x) ** 2)
        if with_speed and spread > 0:
            speed = float(w @ ((x - mean_x) * (y - mean_y))) / spread
        offset = mean_y - speed * mean_x
    return replace(line, offset=offset, speed=speed)


def fit(query: Track, reference: Track, line: Line, settings: AlignmentSettings) -> Line:
    """The line through the best pairs near it, speed too where enough time is covered."""
    for slack in (settings.search_seconds, settings.search_seconds / 2, settings.slack_seconds * 2):
        near = band(query, reference, line, slack)
        best = near.distance.min(axis=1)
        rows = np.flatnonzero(best <= settings.run_distance)
        if len(rows) < 3:
            return line
        equal = near.distance[rows] <= best[rows, None]
        # Several equal bests (a still scene) say nothing about when: take their middle.
        y = (near.time[rows] * equal).sum(axis=1) / equal.sum(axis=1)
        there = near.distance[rows] < NOT_THERE
        beside = np.where(there, near.distance[rows], 0).sum(axis=1) / there.sum(axis=1)
        weight = np.clip(beside - best[rows], 0, None) + 0.5
        weight *= 1 - best[rows] / (settings.run_distance + 1)
        x = query.times[rows]
        fitted = _robust_line(x, y, weight, line, with_speed=float(np.ptp(x)) >= 3.0)
        if not settings.slowest <= fitted.speed <= settings.fastest:
            return line
        drift = abs(fitted.speed - 1) * float(np.ptp(x))
        if drift < 0.25:
            # Less than a sample over the whole piece: an unaltered speed explains it as well.
            fitted = _robust_line(x, y, weight, replace(fitted, speed=1.0), with_speed=False)
        line = fitted
    return line


def lines_to_try(
    query: Track,
    query_mirrored: Track,
    reference: Track,
    lines: Sequence[Line],
    settings: AlignmentSettings,
) -> list[Line]:
    """The voted lines and those all frames together propose, fitted, without repetition."""
    tried = list(lines)
    for mirrored in sorted({line.mirrored for line in lines}):
        track = query_mirrored if mirrored else query
        first = next(line.speed for line in lines if line.mirrored == mirrored)
        for speed in sorted({1.0, first}):
            tried += dense_lines(
                track, reference, speed, mirrored, settings.run_distance, settings.dense_lines
            )
    kept: list[Line] = []
    ends = np.array([0.0, query.duration])
    for line in tried:
        fitted = fit(query_mirrored if line.mirrored else query, reference, line, settings)
        for other in kept:
            apart = np.abs(expected(fitted, ends) - expected(other, ends)).max()
            if other.mirrored == fitted.mirrored and apart < 0.1:
                break
        else:
            kept.append(fitted)
    return kept
