"""Threads for what an ASGI application must not wait for itself."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

T = TypeVar("T")

# Threads that talk to the database (few, as each keeps a connection), that write, and that accept
# whole files: probing one takes up to half a minute, which must not keep others from writing.
_DATABASE = ThreadPoolExecutor(4, "uploads")
FILES = ThreadPoolExecutor(8, "upload-files")
ACCEPTING = ThreadPoolExecutor(4, "upload-accepting")


async def in_thread(pool: ThreadPoolExecutor, work: Callable[..., T], *words: Any) -> T:
    """What `work` gives, from a thread of `pool`."""
    return await asyncio.get_running_loop().run_in_executor(pool, work, *words)


async def in_database(work: Callable[..., T], *words: Any, **options: Any) -> T:
    """What `work` gives that asks the database."""

    def run() -> T:
        # These few threads keep their connections: an upload asks for one every second.
        if connection.connection is not None and not connection.is_usable():
            connection.close()
        return work(*words, **options)

    return await in_thread(_DATABASE, run)
