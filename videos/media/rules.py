"""Which demuxers and decoders an upload may reach, as ffmpeg's and PyAV's own options.

Each rule answers a file seen in the wild or made for the purpose: `-format_whitelist` stops a
playlist that names other files (`-protocol_whitelist file` alone does not), `enable_drefs=0` a
QuickTime file that refers to another, `max_streams` and `max_pixels` bombs.
"""

from videos.media.containers import Container
from videos.media.limits import Limits

VIDEO_DECODERS = (
    "h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mpeg1video", "mpeg2video", "theora",
    "h263", "flv", "msmpeg4", "msmpeg4v2", "mjpeg", "prores", "dnxhd",
)  # fmt: skip
IMAGE_DECODERS = ("mjpeg", "png", "apng", "webp", "vp8")

MAX_ALLOCATION = 256 << 20
"""Largest single block ffmpeg may ask for, bytes."""


def decoders(container: Container) -> tuple[str, ...]:
    """ffmpeg's names of the decoders that a file of this container may use."""
    return VIDEO_DECODERS if container.media_type == "video" else IMAGE_DECODERS


def input_options(container: Container, limits: Limits) -> dict[str, str]:
    """Options for opening the file, name to value; the demuxer itself is forced beside them."""
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _FULL_NAMES.get(container.demuxer, container.demuxer),
        "codec_whitelist": ",".join(decoders(container)),
        "max_streams": str(limits.max_streams),
        "max_pixels": str(limits.max_pixels),
        "probesize": "5000000",
        "analyzeduration": "5000000",
    }
    if container.demuxer == "mov":
        # With edit lists applied frame by frame, keyframes before the first edit go missing; the
        # plain reading only shifts the clock, and what then lies before 0 is dropped.
        options |= {"enable_drefs": "0", "advanced_editlist": "0"}
    return options


def keeps_clock(container: Container) -> bool:
    """Whether time 0 is the file's own zero, as in browsers, or else its first frame.

    Broadcast streams and live recordings start anywhere on their clock.
    """
    return container.demuxer not in ("mpegts", "mpeg", "flv")


# The white list compares whole names, as the demuxer registers them.
_FULL_NAMES = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}
