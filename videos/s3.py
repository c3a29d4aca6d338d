"""S3 and SQS as the settings name them: clients, errors, and an object read in pieces."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

# A piece of an object that is asked for at once: doubled while it is read on and on.
FIRST_PIECE: Final = 256 << 10
LARGEST_PIECE: Final = 8 << 20
PIECE_TRIES: Final = 3
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30
MISSING: Final = frozenset(
    {"404", "NoSuchKey", "NotFound", "AWS.SimpleQueueService.NonExistentQueue"}
)


class StorageUnavailable(OSError):
    """S3 cannot be reached, or refuses us: a fault of ours, and not of the file."""


def s3() -> "S3Client":
    """The client for our own requests."""
    return _client("s3", settings.TVIDZ.s3_endpoint, _signature())


def s3_for_browsers() -> "S3Client":
    """The client that signs addresses for browsers."""
    options = settings.TVIDZ
    return _client("s3", options.s3_browser_endpoint or options.s3_endpoint, _signature())


def sqs() -> "SQSClient":
    return _client("sqs", settings.TVIDZ.s3_endpoint, _signature())


def _signature() -> tuple[str, str, str]:
    options = settings.TVIDZ
    return options.s3_region, options.s3_access_key, options.s3_secret_key


@lru_cache
def _client(service: str, endpoint: str, signature: tuple[str, str, str]) -> Any:
    """One client for all threads, which may share it; making one takes a tenth of a second."""
    region, access_key, secret_key = signature
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        config=client_config(bool(endpoint)),
    )


def client_config(own_endpoint: bool) -> Config:
    """How to speak: S3 that is not Amazon's has no host name for each bucket."""
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if own_endpoint else "auto"},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "max_attempts": 3},
        max_pool_connections=32,
    )


@contextmanager
def answering() -> Iterator[None]:
    """S3's errors as Python's: FileNotFoundError for what is not there, else StorageUnavailable."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in MISSING:
            raise FileNotFoundError(str(error)) from error
        raise StorageUnavailable(str(error)) from error
    except (BotoCoreError, Boto3Error) as error:
        raise StorageUnavailable(str(error)) from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


class LibraryBucket(S3Storage):
    """django-storages' S3, set as ours; each key is written whole, over what was there."""

    def get_default_settings(self) -> dict[str, Any]:
        options = settings.TVIDZ
        told: dict[str, Any] = super().get_default_settings()
        return told | {
            "bucket_name": options.s3_library_bucket,
            "endpoint_url": options.s3_endpoint or None,
            "region_name": options.s3_region,
            "access_key": options.s3_access_key or None,
            "secret_key": options.s3_secret_key or None,
            "client_config": client_config(bool(options.s3_endpoint)),
            "file_overwrite": True,
            "default_acl": None,
        }


class ObjectReader(io.RawIOBase):
    """An object of a bucket as a file that can be sought in, fetched piece by piece.

    `size` in bytes. With `etag` a read raises StorageUnavailable once the object is another.
    """

    def __init__(self, bucket: str, key: str, size: int, etag: str = "") -> None:
        self._where = {"Bucket": bucket, "Key": key} | ({"IfMatch": etag} if etag else {})
        self._size = size
        self._position = 0
        self._start, self._piece = 0, b""
        self._length = FIRST_PIECE

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size:
            return 0
        end = self._start + len(self._piece)
        if not self._start <= self._position < end:
            went_on = self._piece and self._position == end
            self._length = min(2 * self._length, LARGEST_PIECE) if went_on else FIRST_PIECE
            self._fetch()
        at = self._position - self._start
        some = self._piece[at : at + len(buffer)]
        buffer[: len(some)] = some
        self._position += len(some)
        return len(some)

    def _fetch(self) -> None:
        last = min(self._position + self._length, self._size) - 1
        with answering():
            self._start, self._piece = self._position, self._ask(last)
        if not self._piece:
            raise StorageUnavailable(f"{self._where['Key']} is shorter than it was said to be")

    def _ask(self, last: int) -> bytes:
        """The bytes from the position to that one, as S3's errors; asked anew where it breaks off.

        That boto does not: a long object would be begun again for any of its thousands of pieces.
        """
        for left in reversed(range(PIECE_TRIES)):
            answer = s3().get_object(
                **self._where,  # type: ignore[arg-type]
                Range=f"bytes={self._position}-{last}",
            )
            try:
                return answer["Body"].read()
            except BotoCoreError:
                if not left:
                    raise
        raise AssertionError("a piece is tried once at least")
