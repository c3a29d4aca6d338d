"""A real S3 and SQS over HTTP: moto's server, in a process of its own, empty for each test."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import httpx

from videos.s3 import s3, sqs
from videos.uploads.s3.poller import queue_url
from videos.uploads.s3.setup import dead_queue

KEY, SECRET = "an-access-key", "what-nobody-may-see"
KEYS_A_PAGE = 20


@dataclass
class Aws:
    """The emulator, and what a test asks of it; our settings name it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process of ours use it."""
        return {
            "TVIDZ_S3_ENDPOINT": self.url,
            "TVIDZ_S3_ACCESS_KEY": KEY,
            "TVIDZ_S3_SECRET_KEY": SECRET,
            "TVIDZ_S3_UPLOADS": "true",
        }

    def reset(self) -> None:
        httpx.post(f"{self.url}/moto-api/reset", timeout=30).raise_for_status()

    def put(self, key: str, content: bytes, bucket: str = "videos") -> str:
        """Somebody puts an object into the bucket; its etag."""
        return s3().put_object(Bucket=bucket, Key=key, Body=content)["ETag"].strip('"')

    def keys(self, bucket: str = "videos") -> list[str]:
        pages = s3().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def buckets(self) -> list[str]:
        return [each["Name"] for each in s3().list_buckets()["Buckets"]]

    def notifies(self, bucket: str) -> bool:
        told = s3().get_bucket_notification_configuration(Bucket=bucket)
        return "QueueConfigurations" in told

    def parts_there(self, bucket: str) -> int:
        """Parts of uploads that are not joined yet."""
        begun = s3().list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return sum(
            len(
                s3()
                .list_parts(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
                .get("Parts", [])
            )
            for each in begun
        )

    def send(self, body: Any) -> None:
        """Put a message into the queue as it is, or as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        sqs().send_message(QueueUrl=queue_url(), MessageBody=text)

    def waiting(self, queue: str = "") -> int:
        """Messages in the queue, also those that somebody works on."""
        told = sqs().get_queue_attributes(QueueUrl=queue_url(queue), AttributeNames=["All"])
        numbers: Any = told["Attributes"]
        hidden = numbers["ApproximateNumberOfMessagesNotVisible"]
        return int(numbers["ApproximateNumberOfMessages"]) + int(hidden)

    def dead(self) -> int:
        return self.waiting(dead_queue())

    def messages(self) -> list[str]:
        """Take what is in the queue away."""
        url = queue_url()
        taken = sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in taken:
            sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in taken]


def event(key: str, *, made: bool = True, sequencer: str = "", bucket: str = "videos") -> Any:
    """The event of one object, laid out as S3 does; `key` as it stands there, URL-encoded."""
    name = "ObjectCreated:Put" if made else "ObjectRemoved:Delete"
    item = {"key": key} | ({"sequencer": sequencer} if sequencer else {})
    record = {"eventName": name, "s3": {"bucket": {"name": bucket}, "object": item}}
    return {"Records": [record]}


@contextmanager
def running(folder: Path) -> Iterator[Aws]:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {
        **os.environ,
        # Else it would let every page speak with it, whatever the bucket says.
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        # Not the thousand keys of the real one, so that a long listing is soon there.
        "MOTO_S3_DEFAULT_MAX_KEYS": str(KEYS_A_PAGE),
    }
    with (folder / "moto.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words], stdout=log, stderr=log, env=environment
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(lambda: httpx.get(f"{url}/moto-api/data.json", timeout=5).status_code == 200)
        yield Aws(url)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if answers():
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError("moto's server did not answer within a minute")
