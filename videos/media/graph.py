"""The one ffmpeg command line that yields everything wanted of a video."""

from pathlib import Path

import ffmpeg

from videos.media import rules
from videos.media.containers import Container
from videos.media.limits import Limits

TIME_BASE = 1_000_000
"""Timestamps are printed as whole microseconds: `pts_time` keeps only six digits before 7.0."""

EPSILON = 0.002
"""Seconds by which a frame may come early for its place on the sampling grid: containers that
count milliseconds round 1/30 s down in two frames of three."""

SCORE_KEY = "lavfi.scd.score"

_TURNS = {0: [], 90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}


def grid_slot(timestamp: float, interval: float) -> int:
    """The place of a timestamp on the sampling grid; ffmpeg's `select` below counts the same."""
    return int((timestamp + EPSILON) // interval)


def filter_graph(
    *,
    size: tuple[int, int],
    rotation: int,
    interval: float,
    scores_fd: int,
    sampled_fd: int,
    intra_fd: int,
    other_fd: int,
    keyframes: bool = False,
) -> str:
    """ffmpeg's filter graph, from the picture stream to `[pictures]`.

    size      width and height of the pictures as decoded, before turning
    interval  seconds of the sampling grid: the first frame of each of its places is taken, so that
              two copies with different frame rates are sampled at the same moments

    Every decoded frame has its time and score printed on `scores_fd`; the sampled ones theirs on
    `sampled_fd`, and once more on `intra_fd` or `other_fd`, by whether the codec calls it an
    I-frame. Printing one chosen key keeps lines in a file's own metadata from being printed too.

    With `keyframes`, for a command that decodes only those, every score is 0: between frames that
    lie seconds apart it would say nothing.
    """

    def told(descriptor: int) -> str:
        return f"metadata=print:key={SCORE_KEY}:file=pipe\\\\:{descriptor}:direct=1"

    slot, last = (f"floor(({t}+{EPSILON})/{interval!r})" for t in ("t", "prev_selected_t"))
    chosen = f"gte(t,-0.0005)*(isnan(prev_selected_t)+gt({slot},{last}))"
    scored = f"metadata=mode=add:key={SCORE_KEY}:value=0" if keyframes else "scdet=threshold=100"
    width, height = size
    scaled = [f"scale={width}:{height}:flags=area", "format=rgb24", *_TURNS[rotation]]
    return ";".join(
        (
            f"[0:V:0]settb=1/{TIME_BASE},{scored},{told(scores_fd)},"
            f"select='{chosen}',{told(sampled_fd)},split[shown][named]",
            "[named]select=n=2:e='if(eq(pict_type,I),1,2)'[intra][other]",
            f"[intra]{told(intra_fd)},nullsink",
            f"[other]{told(other_fd)},nullsink",
            f"[shown]{','.join(scaled)}[pictures]",
        )
    )


def command(
    executable: str,
    path: Path,
    container: Container,
    graph: str,
    *,
    limits: Limits,
    max_pictures: int,
    keyframes_until: float | None = None,
) -> list[str]:
    """The argument list: hostile input options, the graph, raw RGB pictures on standard output.

    With `keyframes_until` only the keyframes of the first so many seconds are decoded, as far as
    the decoder can skip: those of VP9 and AV1 cannot.
    """
    options: dict[str, str | None] = {
        **rules.input_options(container, limits),
        "threads": str(limits.threads),
        "max_alloc": str(rules.MAX_ALLOCATION),
        "noautorotate": None,
        # Changes the small pictures by less than a level, and spares a twentieth of the work.
        "skip_loop_filter": "noref",
    }
    if keyframes_until is not None:
        options |= {"skip_frame": "nokey", "t": f"{keyframes_until:.3f}"}
    source = ffmpeg.input(f"file:{path}", format=container.demuxer, **options)
    wanted = source.output(
        "pipe:1",
        format="rawvideo",
        filter_complex=graph,
        map="[pictures]",
        fps_mode="passthrough",
        flush_packets="1",
        **{"frames:v": str(max_pictures)},
    )
    flags = ["-nostdin", "-v", "error", "-filter_complex_threads", "1"]
    if rules.keeps_clock(container):
        flags.append("-copyts")
    words: list[str] = wanted.compile(cmd=[executable, *flags])
    return words
