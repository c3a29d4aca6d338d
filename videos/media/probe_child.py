"""Reads a file's facts with PyAV, inside the sandbox; prints one JSON object.

Run as `python -I -S probe_child.py '<json>'` by `videos.media.probe`, never imported by it:
whatever the file does to PyAV, it does to this process. The answer is `{"refused": code}` or the
facts; the parent believes neither beyond their types.
"""

import json
import math
import sys
from fractions import Fraction
from typing import Any

SPEC: dict[str, Any] = json.loads(sys.argv[1])
sys.path.append(SPEC["site"])

import av  # noqa: E402
from av.container import InputContainer  # noqa: E402
from av.video.frame import VideoFrame  # noqa: E402
from av.video.stream import VideoStream  # noqa: E402

MAX_TRACKS_COUNTED = 100_000
PACKETS_WITHOUT_PICTURE = 600
RATE_PACKETS = 120


class Refused(Exception):
    """The file cannot be used; the argument is one of the codes of `videos.media.errors`."""


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    try:
        answer = facts(SPEC)
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except MemoryError:
        answer = {"refused": "CORRUPT"}
    print(json.dumps(answer))


def facts(spec: dict[str, Any]) -> dict[str, Any]:
    with open_file(spec, spec["options"]) as container:
        stream = picture_stream(container)
        check_stream(stream, spec)
        frame = first_frame(container, stream, spec)
        rotation = -round(frame.rotation / 90) * 90 % 360
        width, height = displayed(frame, stream.sample_aspect_ratio)
        if rotation in (90, 270):
            width, height = height, width
        found = {
            "codec": stream.codec_context.codec.canonical_name,
            "width": width,
            "height": height,
            "rotation": rotation,
            "frames": stream.frames,
        }
    return found | times(spec)


def open_file(spec: dict[str, Any], options: dict[str, str]) -> InputContainer:
    """Open with the demuxer given. Raises Refused, by the reason as far as it can be told."""
    try:
        return av.open(
            "file:" + spec["path"],
            format=spec["demuxer"],
            options=options,
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, MemoryError, ValueError):
        raise Refused(reason(spec, options)) from None


def reason(spec: dict[str, Any], options: dict[str, str]) -> str:
    """TRACKS when the file opens once more tracks are allowed: libavformat has no error for it."""
    many = str(MAX_TRACKS_COUNTED)
    if options["max_streams"] != many and spec["demuxer"] != "mov":  # boxes.py counts those
        with open_file(spec, options | {"max_streams": many}) as container:
            if len(container.streams) > int(options["max_streams"]):
                return "TRACKS"
    return "CORRUPT"


def picture_stream(container: InputContainer) -> VideoStream:
    """The stream ffmpeg calls 0:V:0: the first video stream that is no cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise Refused("NOVIDEO")


def check_stream(stream: VideoStream, spec: dict[str, Any]) -> None:
    context = stream.codec_context
    if context is None or context.codec.name not in spec["decoders"]:
        raise Refused("CODEC")
    if context.width * context.height > spec["max_pixels"]:
        raise Refused("SIZE")
    context.options = {"max_pixels": str(spec["max_pixels"])}
    context.thread_count = 1


def first_frame(container: InputContainer, stream: VideoStream, spec: dict[str, Any]) -> VideoFrame:
    """Decode until one picture comes out: headers alone prove nothing."""
    packets = 0
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            frame = next(iter(pictures(packet)), None)
            if frame is not None:
                return frame
            if packets > PACKETS_WITHOUT_PICTURE:
                break
    except av.error.FFmpegError:
        pass
    if stream.codec_context.width * stream.codec_context.height == 0:
        raise Refused("CODEC")
    raise Refused("CORRUPT")


def pictures(packet: Any) -> list[VideoFrame]:
    try:
        return list(packet.decode())
    except av.error.FFmpegError:  # damaged here; the next one may be whole
        return []


def displayed(frame: VideoFrame, ratio: Fraction | None) -> tuple[int, int]:
    """Width and height as a player shows them: never smaller than coded, ratio applied."""
    if ratio is None or not Fraction(1, 10) <= ratio <= 10:
        return frame.width, frame.height
    if ratio >= 1:
        return round(frame.width * ratio), frame.height
    return frame.width, round(frame.height / ratio)


def times(spec: dict[str, Any]) -> dict[str, Any]:
    """Duration and frame rate, from the header; where that is silent, from all packets' times."""
    with open_file(spec, spec["options"]) as container:
        stream = picture_stream(container)
        start = float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0
        if not spec["keeps_clock"]:
            start = 0.0
        duration = header_duration(container, stream, start)
        known = duration is not None
        stamps, reached_end = read_times(container, stream, spec, everything=not known)
        if duration is None:
            first = 0.0 if spec["keeps_clock"] else min(stamps, default=0.0)
            duration = max(stamps, default=0.0) - first + spacing(stamps)
            known = reached_end
        return {
            "duration": max(0.0, duration),
            "duration_known": known,
            "frame_rate": frame_rate(stream, stamps),
        }


def header_duration(container: InputContainer, stream: VideoStream, start: float) -> float | None:
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base) + start
    if container.duration and container.duration > 0:
        whole = container.duration / av.time_base
        text = stream.metadata.get("DURATION", "")
        parts = text.split(":")
        if len(parts) == 3 and all(part.replace(".", "", 1).isdigit() for part in parts):
            own = int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2])
            return min(whole, own) if own > 0 else whole
        return whole
    return None


def read_times(
    container: InputContainer, stream: VideoStream, spec: dict[str, Any], *, everything: bool
) -> tuple[list[float], bool]:
    """Presentation times of the video packets, undecoded; whether the end was reached."""
    stamps: list[float] = []
    try:
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            stamps.append(float(packet.pts * packet.time_base))
            enough = len(stamps) >= (spec["max_frames"] if everything else RATE_PACKETS)
            if enough or stamps[-1] - stamps[0] > spec["max_duration"]:
                return stamps, False
    except av.error.FFmpegError:
        pass
    return stamps, True


def spacing(stamps: list[float]) -> float:
    """Median seconds from one frame to the next, 0 when there is one frame only."""
    ordered = sorted(stamps)
    steps = sorted(later - sooner for sooner, later in zip(ordered, ordered[1:], strict=False))
    return steps[len(steps) // 2] if steps else 0.0


def frame_rate(stream: VideoStream, stamps: list[float]) -> float:
    """Frames a second. Recorders of WebM announce 1000; measured times are believed over that."""
    ordered = sorted(stamps)
    if len(ordered) > 2 and ordered[-1] > ordered[0]:
        measured = (len(ordered) - 1) / (ordered[-1] - ordered[0])
        announced = float(stream.average_rate or 0)
        # Rounded timestamps blur the measurement; the announced figure is exact when it agrees.
        return announced if math.isclose(measured, announced, rel_tol=0.02) else measured
    return float(stream.average_rate or 0)


if __name__ == "__main__":
    main()
