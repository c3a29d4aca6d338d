"""Listens to the bucket's queue: an event's message goes only once its object is taken in.

As many messages are taken as there are threads free, so none waits here while its time runs out;
what is at work keeps its message to itself by a heartbeat. A process that dies leaves its messages
to come again; after five times one goes to the dead-letter queue.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from videos.errors import Refusal
from videos.heartbeat import beating
from videos.s3 import StorageUnavailable, answering, sqs
from videos.uploads import clamd
from videos.uploads.room import check_room
from videos.uploads.s3.events import Malformed, read_message
from videos.uploads.s3.ingest import handle

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

log = structlog.get_logger(__name__)

# SQS waits so long for a message before it says that there is none.
LONG_POLL_SECONDS: Final = 20
MOST_AT_ONCE: Final = 10
BEATS_A_VISIBILITY: Final = 3
# What failed comes again after a minute, then two, four and eight.
FIRST_PAUSE: Final = 60
# With the disk full, or without the queue, the database or the virus scanner, nothing is asked for.
REST_SECONDS: Final = 10.0


class Poller:
    """`run()` until `stop()`, or with `once` until the queue is empty."""

    def __init__(self, *, once: bool = False, wait_seconds: int = LONG_POLL_SECONDS) -> None:
        self._once, self._wait_seconds = once, wait_seconds
        self._stop = threading.Event()
        self._threads = settings.TVIDZ.s3_poll_threads
        self._free = threading.Semaphore(self._threads)
        self._url = ""

    def stop(self) -> None:
        """Take no more; `run()` returns when what is at work is done."""
        self._stop.set()

    def run(self) -> None:
        with ThreadPoolExecutor(self._threads, thread_name_prefix="s3") as pool:
            while not self._stop.is_set():
                if not self._ready():
                    self._stop.wait(REST_SECONDS)
                    continue
                taken = self._slots()
                messages = self._receive(taken)
                for _ in range(taken - len(messages)):
                    self._free.release()
                for message in messages:
                    pool.submit(self._work, message)
                if self._once and not messages:
                    return

    def _slots(self) -> int:
        """Wait for a free thread, and take as many as are free."""
        self._free.acquire()
        taken = 1
        while taken < min(self._threads, MOST_AT_ONCE) and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _ready(self) -> bool:
        try:
            check_room(0)
            if settings.TVIDZ.clamd:
                clamd.ping(settings.TVIDZ.clamd)
            connections["default"].ensure_connection()
            if not self._url:
                self._url = queue_url()
        except (Refusal, DatabaseError, OSError, clamd.NoVerdict) as error:
            log.warning("not ready for events", error=str(error))
            connections.close_all()
            return False
        return True

    def _receive(self, most: int) -> "list[MessageTypeDef]":
        try:
            with answering():
                answer = sqs().receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=most,
                    WaitTimeSeconds=self._wait_seconds,
                    VisibilityTimeout=settings.TVIDZ.s3_visibility_seconds,
                    MessageSystemAttributeNames=["ApproximateReceiveCount"],
                )
        except OSError as error:
            log.warning("the queue does not answer", error=str(error))
            self._url = ""
            self._stop.wait(REST_SECONDS)
            return []
        return answer.get("Messages", [])

    def _work(self, message: "MessageTypeDef") -> None:
        try:
            every = settings.TVIDZ.s3_visibility_seconds / BEATS_A_VISIBILITY
            with beating(lambda: self._keep(message), every):
                done = _handled(message.get("Body", ""))
            with answering():
                if done is None:
                    sqs().delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                else:
                    self._come_again(message, done)
        except OSError as error:
            log.warning("the message comes again", error=str(error))
        finally:
            connections.close_all()
            self._free.release()

    def _keep(self, message: "MessageTypeDef") -> bool:
        self._visible_after(message, settings.TVIDZ.s3_visibility_seconds)
        return True

    def _come_again(self, message: "MessageTypeDef", pause: Callable[[int], int]) -> None:
        count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        self._visible_after(message, pause(count))

    def _visible_after(self, message: "MessageTypeDef", seconds: int) -> None:
        try:
            with answering():
                sqs().change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=seconds,
                )
        except OSError as error:
            log.warning("a message was not kept", error=str(error))


def queue_url(name: str = "") -> str:
    """The queue's address; raises FileNotFoundError, StorageUnavailable."""
    with answering():
        return sqs().get_queue_url(QueueName=name or settings.TVIDZ.s3_queue)["QueueUrl"]


def _handled(body: str) -> Callable[[int], int] | None:
    """Do what a message asks for. None when that is done; else how long to wait, by its count."""
    try:
        for event in read_message(body):
            handle(event)
    except Malformed as error:
        # Nothing will mend it: off to the dead-letter queue by the shortest way.
        log.warning("no message of S3", error=str(error), body=body[:500])
        return lambda count: 0
    except (Refusal, StorageUnavailable, DatabaseError) as error:
        log.warning("an event has to wait", error=str(error))
        return _patience
    except Exception:
        log.exception("an event failed")
        return _patience
    return None


def _patience(count: int) -> int:
    return int(FIRST_PAUSE * 2 ** (min(count, 5) - 1))
