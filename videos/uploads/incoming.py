"""The bytes of one request on their way into its part, recorded as they come."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from videos.errors import (
    Refusal,
    no_space,
    over_length,
    over_quota,
    too_large,
    upload_busy,
    upload_silent,
)
from videos.uploads import parts, resumable
from videos.uploads.resumable import Hold, WriterLost
from videos.uploads.room import check_room
from videos.uploads.threads import FILES, in_database, in_thread
from videos.uploads.tus_headers import Checksum

log = structlog.get_logger(__name__)

# What came is recorded at least so often: a crash loses no more.
RECORD_BYTES: Final = 8 << 20
RECORD_SECONDS: Final = 1.0
# Without a byte for so long, while asking every so often whether another request wants the upload.
IDLE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.25

Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass
class Incoming:
    """The bytes of one request on their way into its part."""

    hold: Hold
    wanted: Checksum | None
    receive: Receive
    written: int = 0
    recorded: int = 0

    async def take(self) -> int | None:
        """Bytes that were stored; None when the client went away, which loses none of them.

        Raises Refusal: over the length, another checksum, no room, or another request's turn.
        """
        file = await self._open()
        digest: Any = self.wanted and hashlib.new(self.wanted.algorithm, usedforsecurity=False)
        try:
            end = await self._fill(file, digest)
            right = self.wanted is None or digest.digest() == self.wanted.digest
            keep = right and (self.wanted is None or end == "whole")
            if keep:
                await self._record(file, last=True)
            else:
                await in_database(resumable.record, self.hold, None, last=True)
        except WriterLost:
            raise await in_database(resumable.why_lost, self.hold.upload_id) from None
        except OSError as error:
            raise await self._not_stored(error) from error
        except asyncio.CancelledError:
            # This server is told to stop. A thread ends what it has begun, whatever becomes of us.
            await in_thread(FILES, self._leave, file)
            raise
        finally:
            await in_thread(FILES, self._close, file)
        if end == "over":
            raise too_many(self.hold)
        if end == "yielded":
            raise upload_busy()
        if end == "full":
            raise no_space()
        if end == "silent":
            raise upload_silent()
        if end == "gone":
            return None
        if not keep:
            told = "The bytes do not add up to Upload-Checksum. Send them again."
            raise Refusal("CHECKSUM", told, 460, retryable=True)
        return self.written

    async def _fill(self, file: BinaryIO, digest: Any) -> str:
        """Write until the body ends; how it ended: whole, gone, silent, over, full or yielded."""
        recorded_at = heard_at = time.monotonic()
        waiting: asyncio.Task[dict[str, Any]] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(self.receive())
                await asyncio.wait({waiting}, timeout=LOOK_SECONDS)
                now = time.monotonic()
                if waiting.done():
                    message, waiting, heard_at = waiting.result(), None, now
                    end = await self._take_in(message, file, digest)
                    if end:
                        return end
                elif now - heard_at > IDLE_SECONDS:
                    return "silent"
                many = self.written - self.recorded >= RECORD_BYTES
                if many or now - recorded_at >= RECORD_SECONDS or now - heard_at >= LOOK_SECONDS:
                    recorded_at = now
                    if await self._record(file):
                        return "yielded"
                    if await in_thread(FILES, _is_full):
                        return "full"
        finally:
            if waiting is not None:
                waiting.cancel()

    async def _take_in(self, message: dict[str, Any], file: BinaryIO, digest: Any) -> str:
        if message["type"] == "http.disconnect":
            return "gone"
        body = message.get("body", b"")
        if self.hold.start + self.written + len(body) > most(self.hold):
            return "over"
        if body:
            await in_thread(FILES, parts.write_all, file, body)
            self.written += len(body)
            if digest is not None:
                digest.update(body)
        return "" if message.get("more_body") else "whole"

    async def _record(self, file: BinaryIO, *, last: bool = False) -> bool:
        """Tell the database what is on disk; of bytes with a checksum only once it is right."""
        counts = self.wanted is None or last
        if counts and self.written > self.recorded:
            await in_thread(FILES, parts.settle, file)
            self.recorded = self.written
        told = self.written if counts else None
        return await in_database(resumable.record, self.hold, told, last=last)

    def _leave(self, file: BinaryIO) -> None:
        """Tell what was written so far and let go, from one thread and without waiting for us."""
        try:
            parts.settle(file)
            self.recorded = self.written if self.wanted is None else 0
            resumable.record(self.hold, self.recorded or None, last=True)
        except (OSError, WriterLost, OperationalError, InterfaceError) as error:
            log.warning("an upload was not let go of", error=str(error))
        finally:
            connection.close()

    def _close(self, file: BinaryIO) -> None:
        file.close()
        if not self.recorded:
            # Nothing in it counts, and nobody else writes to it.
            parts.drop(self.hold.upload_id, self.hold.token)

    async def _open(self) -> BinaryIO:
        try:
            return await in_thread(FILES, parts.open_part, self.hold.upload_id, self.hold.token)
        except OSError as error:
            raise await self._not_stored(error) from error

    async def _not_stored(self, error: OSError) -> Refusal:
        """The disk is full or broken: what was recorded stays, and the upload is free again."""
        log.warning("an upload cannot be stored", error=str(error))
        with suppress(WriterLost, OperationalError, InterfaceError):
            await in_database(resumable.record, self.hold, self.recorded or None, last=True)
        return no_space()


def most(hold: Hold) -> int:
    """Bytes the whole upload may have, as far as is known."""
    if hold.length is not None:
        return hold.length
    limit = int(settings.TVIDZ.max_upload_mb << 20)
    return limit if hold.quota is None else min(limit, hold.quota)


def too_many(hold: Hold) -> Refusal:
    """The refusal of more bytes than that."""
    if hold.length is not None:
        return over_length(hold.length)
    limit = settings.TVIDZ.max_upload_mb
    return too_large(limit) if most(hold) == limit << 20 else over_quota(settings.TVIDZ.quota_mb)


def _is_full() -> bool:
    try:
        check_room(0)
    except Refusal:
        return True
    return False
