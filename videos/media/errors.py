"""What can go wrong with a media file, as one exception with a stable code."""

from dataclasses import dataclass
from typing import Literal

Owner = Literal["uploader", "us"]


@dataclass(frozen=True)
class _Kind:
    """What every error of one code has in common."""

    message: str
    http_status: int = 422
    owner: Owner = "uploader"
    retryable: bool = False


_KINDS: dict[str, _Kind] = {
    "UNSUP": _Kind(
        "This kind of file is not supported. Upload a video as MP4, MOV, WebM, MKV, AVI, "
        "TS, FLV, MPEG or Ogg, or an image as JPEG, PNG or WebP.",
        http_status=415,
    ),
    "EMPTY": _Kind("The file is empty. Choose it again and upload it once more."),
    "CORRUPT": _Kind(
        "The file is damaged and nothing of it can be read. Export it again, then upload it."
    ),
    "NOVIDEO": _Kind("The file has no moving picture in it. Choose a file that contains video."),
    "CODEC": _Kind(
        "The video's encoding cannot be read. Export it as H.264, HEVC, VP9 or AV1 and try again."
    ),
    "TRACKS": _Kind("The file has too many tracks. Export it with only its picture and sound."),
    "SIZE": _Kind("The picture is too large. Export it with fewer pixels, at most 8K."),
    "DURATION": _Kind("The video is too long. Upload it in shorter parts."),
    "BUDGET": _Kind(
        "Reading this video takes more computing than is allowed. Export it with a lower frame "
        "rate or resolution."
    ),
    "TIMEOUT": _Kind("Reading the video took too long here. Try again later.", 503, "us", True),
    "FFMPEG_MISSING": _Kind(
        "No usable ffmpeg (5.1 or newer) was found. Install ffmpeg, or the imageio-ffmpeg "
        "package, or set the path of one.",
        503,
        "us",
    ),
    "FFMPEG_DIED": _Kind(
        "The program that reads videos was stopped here. Try again later.", 503, "us", True
    ),
    "SANDBOX": _Kind(
        "The sandbox for reading videos could not be set up here. Try again later.",
        503,
        "us",
        True,
    ),
}

CODES: tuple[str, ...] = tuple(_KINDS)


class MediaError(Exception):
    """A file that cannot be used, or a machine that cannot use it.

    `code` is one of `CODES`; `message` is a sentence the person concerned can act on; `owner` says
    whether that is the uploader or us; `retryable` whether the same file may succeed later;
    `detail` is for the log, never for the uploader.
    """

    def __init__(self, code: str, message: str | None = None, *, detail: str = "") -> None:
        kind = _KINDS[code]
        self.code = code
        self.message = message or kind.message
        self.owner: Owner = kind.owner
        self.retryable = kind.retryable
        self.http_status = kind.http_status
        self.detail = detail
        super().__init__(f"{code}: {self.message}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.message, self.detail))


def _rebuild(code: str, message: str, detail: str) -> MediaError:
    return MediaError(code, message, detail=detail)
