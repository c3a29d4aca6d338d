"""Refusals: what went wrong, whose matter it is, and what to do, under a code that stays."""

from dataclasses import dataclass, field
from typing import Any

from videos.media.errors import MediaError


@dataclass
class Refusal(Exception):
    """Something asked of us that we will not or cannot do.

    `code` is stable, `message` a sentence a person can act on, `status` the HTTP status of a
    direct answer; `retryable` says whether the same request may succeed later, `details` what else
    a program may want to know.
    """

    code: str
    message: str
    status: int = 400
    retryable: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def from_media(error: MediaError) -> Refusal:
    """The refusal that a media error amounts to."""
    return Refusal(error.code, error.message, error.http_status, error.retryable)


def too_large(limit_mb: int) -> Refusal:
    return Refusal("TOO_LARGE", f"The file is larger than {limit_mb} MiB. Send a smaller one.", 413)


def over_quota(quota_mb: int) -> Refusal:
    return Refusal(
        "QUOTA",
        f"Your videos may take {quota_mb} MiB in all, and with this one they would take more. "
        "Delete some first.",
        413,
    )


def no_space() -> Refusal:
    return Refusal(
        "NO_SPACE",
        "There is no room left to store the file. Nothing was kept; please try again later.",
        507,
        retryable=True,
        headers={"Retry-After": "600"},
    )


def no_storage() -> Refusal:
    return Refusal(
        "NO_STORAGE",
        "The storage cannot be reached. Nothing was kept; please try again in a moment.",
        503,
        retryable=True,
        headers={"Retry-After": "30"},
    )


def malware() -> Refusal:
    return Refusal(
        "MALWARE",
        "The virus scanner found malware in this file. It was locked away and nobody can open it. "
        "Check the device it comes from.",
        422,
    )


def scan_unavailable() -> Refusal:
    return Refusal(
        "SCAN_UNAVAILABLE",
        "The file could not be scanned for malware. Nothing was kept; please try again later.",
        503,
        retryable=True,
        headers={"Retry-After": "60"},
    )


def not_found() -> Refusal:
    return Refusal("NOT_FOUND", "There is no such video, or it is not yours to see.", 404)


def deleted() -> Refusal:
    """Told only to whoever might have deleted it."""
    return Refusal("DELETED", "This video was deleted, with all that was made of it.", 410)


def sign_in_first() -> Refusal:
    return Refusal("SIGN_IN", "Uploads need an account here. Sign in and try again.", 403)


def sign_in_to_search() -> Refusal:
    return Refusal("SIGN_IN", "Searching needs an account here. Sign in and try again.", 403)


def malware_searched() -> Refusal:
    return Refusal(
        "MALWARE",
        "The virus scanner found malware in this file. Nothing was searched for and nothing was "
        "kept. Check the device it comes from.",
        422,
    )


def search_busy(seconds: int) -> Refusal:
    return Refusal(
        "SEARCH_BUSY",
        "Others are searching just now. Nothing was kept; please try again in a moment.",
        503,
        retryable=True,
        headers={"Retry-After": str(seconds)},
    )


def no_such_search() -> Refusal:
    return Refusal(
        "NO_SEARCH", "There is no such search, or it is not yours, or it has been forgotten.", 404
    )


def no_file() -> Refusal:
    return Refusal("NO_FILE", "No file came with the request. Send it in the field “file”.", 400)


def unreadable_request() -> Refusal:
    return Refusal("BAD_REQUEST", "The request cannot be read as a form. Send it again.", 400)


def bad_value(field: str, why: str) -> Refusal:
    return Refusal("BAD_VALUE", f"The value of “{field}” cannot be used. {why}", 400)


def url_import_off() -> Refusal:
    return Refusal("URL_IMPORT_OFF", "Files are not fetched from addresses here. Upload it.", 403)


def no_such_import() -> Refusal:
    return Refusal("NO_IMPORT", "There is no such import, or it is not yours.", 404)


def too_many_imports(limit: int) -> Refusal:
    return Refusal(
        "TOO_MANY_IMPORTS",
        f"{limit} of your imports are not finished yet. Wait for one of them.",
        429,
        retryable=True,
        headers={"Retry-After": "60"},
    )


def url_refused() -> Refusal:
    # One sentence for every reason: what lies inside our network is not told.
    return Refusal(
        "URL_REFUSED",
        "This address is not fetched. Name a public one that begins with http:// or https://, "
        "without a user name in it.",
        422,
    )


def url_unreachable() -> Refusal:
    return Refusal(
        "URL_UNREACHABLE",
        "The server at this address did not answer, or broke off. Try again later.",
        502,
        retryable=True,
    )


def url_status(status: int) -> Refusal:
    return Refusal(
        "URL_STATUS",
        f"The server at this address answered with status {status} instead of a file.",
        502,
        retryable=status >= 500 or status in (408, 425, 429),
    )


def no_such_upload() -> Refusal:
    return Refusal(
        "NO_UPLOAD", "There is no such upload, or it is not yours. Begin a new one.", 404
    )


def upload_expired() -> Refusal:
    return Refusal("UPLOAD_EXPIRED", "This upload was left for too long. Begin a new one.", 410)


def wrong_offset(received: int) -> Refusal:
    return Refusal(
        "WRONG_OFFSET",
        f"{received} bytes of this upload are here. Go on from there.",
        409,
        retryable=True,
        headers={"Upload-Offset": str(received)},
    )


def upload_busy() -> Refusal:
    return Refusal(
        "UPLOAD_BUSY",
        "Another request is writing to this upload. Try again in a moment.",
        423,
        retryable=True,
        headers={"Retry-After": "1"},
    )


def upload_silent() -> Refusal:
    return Refusal(
        "UPLOAD_SILENT",
        "Nothing came for a minute. What came before is kept; go on from there.",
        408,
        retryable=True,
    )


def over_length(length: int) -> Refusal:
    return Refusal("OVER_LENGTH", f"Upload-Length says {length} bytes, and more were sent.", 413)


def size_differs(declared: int | None, size: int) -> Refusal:
    return Refusal(
        "SIZE_DIFFERS", f"{declared} bytes were announced, and {size} came. Send it again.", 400
    )


def incomplete(there: int, length: int) -> Refusal:
    return Refusal(
        "INCOMPLETE",
        f"{there} of {length} bytes are in the bucket. Send the rest first.",
        409,
        retryable=True,
    )


def direct_off() -> Refusal:
    return Refusal(
        "DIRECT_OFF", "Files cannot be sent to S3 here. Use /api/v1/uploads instead.", 404
    )
