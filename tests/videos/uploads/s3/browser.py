"""What a page does that sends a file straight to the bucket."""

from pathlib import Path
from typing import Any

import httpx
from django.test import Client

MIB = 1 << 20
BEGIN = "/api/v1/direct-uploads/"


def begin(client: Client, size: int, name: str = "clip.mp4", **more: Any) -> dict[str, Any]:
    answer = client.post(BEGIN, {"name": name, "size": size, **more}, "application/json")
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    assert answer["Location"].endswith(f"{BEGIN}{told['id']}/")
    return told


def code_of(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    return str(answer.json()["code"])


def send_form(form: dict[str, Any], content: bytes) -> httpx.Response:
    return httpx.post(form["url"], data=form["fields"], files={"file": ("x", content)})


def send_parts(client: Client, told: dict[str, Any], content: bytes, numbers: list[int]) -> None:
    """Put parts of `content` where the server says."""
    size = told["parts"]["bytes"]
    where = f"{BEGIN}{told['id']}/parts/"
    answer = client.post(where, {"numbers": numbers}, "application/json")
    addresses = answer.json()["addresses"]
    for number in numbers:
        part = content[(number - 1) * size : number * size]
        httpx.put(addresses[str(number)], content=part).raise_for_status()


def padded(clip: Path, length: int) -> bytes:
    """The clip, made longer by a box that players pass over."""
    content = clip.read_bytes()
    free = length - len(content)
    return content + free.to_bytes(4, "big") + b"free" + bytes(free - 8)


def complete(client: Client, upload_id: str) -> Any:
    return client.post(f"{BEGIN}{upload_id}/complete/", {}, "application/json")
