"""One file, decoded once, to its fingerprint: what the pipeline and every search have in common."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from matching.fingerprint import FingerprintBuilder, VideoFingerprint
from videos.extraction import Taken
from videos.limits import media_limits
from videos.media.ahead import ReadAhead
from videos.media.decode import Decoding, Outcome
from videos.media.ffmpeg import find_ffmpeg
from videos.media.probe import Probe, probe
from videos.sampling import IndexFrames, Sampling, plan_sampling
from videos.uploads.accept import recognise_path


def sampling_of(told: Probe, name: str) -> Sampling:
    """How densely to look at a probed file, from the settings as they stand."""
    options = settings.TVIDZ
    return plan_sampling(
        told.duration,
        dense_interval=options.dense_frame_interval,
        index_interval=options.index_frame_interval,
        max_dense_frames=options.max_dense_frames,
        max_index_frames=options.max_index_frames,
        name=name,
    )


def index_frames(sampling: Sampling) -> IndexFrames:
    return IndexFrames(sampling.index_interval, settings.TVIDZ.max_index_frames)


def decoding(path: Path, told: Probe, sampling: Sampling, patience: float = math.inf) -> ReadAhead:
    """The one ffmpeg run over a file, of `patience` seconds at most."""
    limits = media_limits()
    options = settings.TVIDZ
    return ReadAhead(
        Decoding(
            path,
            told,
            sample_interval=sampling.dense_interval,
            scene_threshold=options.scene_threshold,
            batch_size=options.frame_batch_size,
            limits=replace(limits, wall_seconds=min(limits.wall_seconds, patience)),
            ffmpeg=find_ffmpeg(options.ffmpeg or None),
        )
    )


def add_to(builder: FingerprintBuilder, taken: Taken) -> None:
    frames = taken.frames
    builder.add(frames.pictures, frames.timestamps, frames.numbers, taken.index, taken.cuts)


def conclusion(stream: ReadAhead, told: Probe) -> tuple[Outcome, float]:
    """How a decoding that was read to its end went, and the video's duration in seconds."""
    outcome = stream.outcome
    if outcome is None:
        raise RuntimeError("the decoding was not read to its end")
    return outcome, told.duration if told.duration_known else outcome.last_timestamp


def share_done(position: float, duration: float) -> float:
    return min(1.0, position / duration) if duration > 0 else 1.0


def fingerprint_file(
    path: Path,
    name: str,
    report: Callable[[float], None] | None = None,
    *,
    told: Probe | None = None,
    patience: float = math.inf,
) -> tuple[VideoFingerprint, Outcome]:
    """The fingerprint of a file that is not stored: the same steps without the rows.

    Raises MediaError for what cannot be read, TIMEOUT after `patience` seconds. `report` hears the
    share done; `told` is what probing told, if that is known.
    """
    told = told or probe(path, recognise_path(path), media_limits())
    sampling = sampling_of(told, name)
    chooser = index_frames(sampling)
    builder = FingerprintBuilder(told.container.media_type)
    with decoding(path, told, sampling, patience) as stream:
        for frames in stream:
            chosen = chooser.choose(frames.timestamps)
            cuts = tuple(cut.timestamp for cut in frames.cuts)
            add_to(builder, Taken(frames, chosen, cuts))
            if report is not None:
                report(share_done(frames.position, told.duration))
    outcome, duration = conclusion(stream, told)
    return builder.fingerprint(duration), outcome
