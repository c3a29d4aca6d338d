"""What a message of the bucket's queue says: objects made and removed. Pure; see AWS's
"Event message structure" for the layout.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus


class Malformed(Exception):
    """No message that S3 sends."""


@dataclass(frozen=True)
class ObjectEvent:
    """An object came (`made`) or went. `sequencer` orders the events of one key, see `is_older`."""

    bucket: str
    key: str
    made: bool
    sequencer: str


def read_message(body: str) -> list[ObjectEvent]:
    """The events of a message, none for a test event; raises Malformed.

    A message that came by way of SNS has the other as text in it.
    """
    told = _mapping(_json(body))
    if told.get("Type") == "Notification" and isinstance(told.get("Message"), str):
        told = _mapping(_json(told["Message"]))
    if told.get("Event") == "s3:TestEvent":
        return []
    records = told.get("Records")
    if not isinstance(records, list):
        raise Malformed("neither records nor a test event")
    return [event for record in records if (event := _event(_mapping(record))) is not None]


def is_older(sequencer: str, known: str) -> bool:
    """Whether an event came before the known one: hexadecimal, the shorter filled up on the right.

    An event without a sequencer is never older.
    """
    length = max(len(sequencer), len(known))
    filled = [text.upper().ljust(length, "0") for text in (sequencer, known)]
    return bool(sequencer and known) and filled[0] < filled[1]


def _event(record: dict[str, Any]) -> ObjectEvent | None:
    """The event of a record; None for kinds that we have not asked for."""
    name = record.get("eventName")
    s3 = _mapping(record.get("s3"))
    bucket, item = _mapping(s3.get("bucket")).get("name"), _mapping(s3.get("object"))
    key, sequencer = item.get("key"), item.get("sequencer", "")
    if not all(isinstance(text, str) for text in (name, bucket, key, sequencer)):
        raise Malformed("a record without event, bucket or key")
    kind = str(name).removeprefix("s3:").partition(":")[0]
    if kind not in ("ObjectCreated", "ObjectRemoved"):
        return None
    plain = unquote_plus(str(key))
    if not plain or "\x00" in plain:
        raise Malformed("a key that cannot be")
    return ObjectEvent(str(bucket), plain, kind == "ObjectCreated", str(sequencer))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Malformed(f"no JSON: {error}") from None


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("not the layout of an S3 event")
    return value
