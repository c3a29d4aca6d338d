"""A manifest: a CSV file that says what to take in, and for each what it is and whose. Pure."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from sys import intern

from moderation.models import Policy
from moderation.registration import plain_name
from moderation.territories import TERRITORIES
from videos.models import Visibility
from videos.names import shown_text

# What a column of the database holds.
LONGEST_TITLE = 255
LONGEST_NAME = 200
LONGEST_PATH = 2000
LONGEST_KEY = 1024

S3_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,62})/(?P<key>.+)", re.DOTALL)
_OTHER_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says; empty is what it does not say. `number` is its first in the file."""

    number: int
    source: str
    title: str = ""
    owner: str = ""
    visibility: str = ""
    rights_holder: str = ""
    licence: str = ""
    territories: tuple[str, ...] = ()
    policy: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong in a line, as a sentence."""

    number: int
    message: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.message}"


def read_manifest(
    text: Iterable[str], *, has_holder: bool = False, needs_holder: bool = False
) -> tuple[list[Line], list[Fault]]:
    """All lines of a manifest, or what is wrong with it: one of the two lists is empty.

    `text` gives lines with their ends, as a file opened with newline="" does. `has_holder`: lines
    that name no rights holder have one all the same; `needs_holder`: every line must have one.
    """
    lines: list[Line] = []
    faults: list[Fault] = []
    rows = _rows(text, faults)
    header = next(rows, None)
    if header is None:
        return [], faults or [Fault(1, "there is no header row.")]
    columns = _without_blank_end([name.strip().casefold() for name in header[1]], 0)
    faults += _wrong_columns(columns, header[0])
    if faults:
        return [], faults
    first: dict[str, int] = {}
    for number, values in rows:
        line, wrong = _line(number, columns, _without_blank_end(values, len(columns)))
        if not (line.rights_holder or has_holder or wrong):
            wrong += _without_holder(line, needs_holder)
        before = first.setdefault(line.source, number)
        if before != number:
            wrong.append(f"the same source as in line {before}.")
        faults += [Fault(number, message) for message in wrong]
        lines.append(line)
    return ([], faults) if faults else (lines, [])


def _rows(text: Iterable[str], faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its first line."""
    reader = csv.reader(text, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.append(Fault(number, f"this is no CSV: {error}."))
            return
        except UnicodeDecodeError:
            faults.append(Fault(number, "this is not UTF-8."))
            return
        if any(value.strip() for value in row):
            yield number, row


def _without_blank_end(values: list[str], least: int) -> list[str]:
    """The values without those at their end, beyond `least`, that are blank.

    Spreadsheets write columns in which something once stood.
    """
    while len(values) > least and not values[-1].strip():
        values = values[:-1]
    return values


def _wrong_columns(columns: list[str], number: int) -> list[Fault]:
    if len(columns) == 1 and ";" in columns[0]:
        return [Fault(number, "separate the columns by commas.")]
    faults = [
        Fault(number, f"there is no column “{name}”. There are: {', '.join(COLUMNS)}.")
        for name in columns
        if name not in COLUMNS
    ]
    faults += [
        Fault(number, f"the column “{name}” is there twice.")
        for name in COLUMNS
        if columns.count(name) > 1
    ]
    if "source" not in columns:
        faults.append(Fault(number, "the column “source” is missing."))
    return faults


def _line(number: int, columns: list[str], values: list[str]) -> tuple[Line, list[str]]:
    if len(values) != len(columns):
        return Line(number, f"\0{number}"), [f"{len(values)} values for {len(columns)} columns."]
    wrong: list[str] = []
    told = {}
    for name, value in zip(columns, values, strict=True):
        try:
            told[name] = COLUMNS[name](value)
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    source = str(told.pop("source", f"\0{number}"))
    return Line(number, source, **told), wrong  # type: ignore[arg-type]


def _without_holder(line: Line, needed: bool) -> list[str]:
    if needed:
        return ["rights_holder: there is none, and none for all lines."]
    told = {"licence": line.licence, "territories": line.territories, "policy": line.policy}
    return [f"{name}: no rights_holder is named." for name, value in told.items() if value]


def _source(value: str) -> str:
    if not value.strip():
        raise ValueError("there is none.")
    if "\0" in value:
        raise ValueError("there is no such path.")
    if value.startswith("s3://"):
        match = S3_URL.fullmatch(value)
        if match is None:
            raise ValueError("write s3://bucket/key.")
        if len(match["key"].encode()) > LONGEST_KEY:
            raise ValueError(f"a key has {LONGEST_KEY} bytes at the most.")
    elif _OTHER_URL.match(value):
        raise ValueError("neither a path nor an address that begins with s3://.")
    elif len(value.encode()) > LONGEST_PATH:
        raise ValueError(f"a path may have {LONGEST_PATH} bytes at the most.")
    return value


def _text(longest: int) -> Callable[[str], str]:
    def read(value: str) -> str:
        plain = shown_text(value)
        if len(plain) > longest:
            raise ValueError(f"{len(plain)} characters; {longest} at the most.")
        return intern(plain)

    return read


def _holder(value: str) -> str:
    return _text(LONGEST_NAME)(plain_name(value))


def _visibility(value: str) -> str:
    return _one_of(value, Visibility.values)


def _policy(value: str) -> str:
    return _one_of(value, Policy.values)


def _one_of(value: str, words: list[str]) -> str:
    word = value.strip().casefold()
    if word and word not in words:
        raise ValueError(f"“{shown_text(value)}” is none of {', '.join(words)}.")
    return intern(word)


def _territories(value: str) -> tuple[str, ...]:
    codes = sorted(set(value.upper().split()))
    for code in codes:
        if code not in TERRITORIES:
            raise ValueError(f"“{shown_text(code)}” is no country of ISO 3166.")
    return tuple(intern(code) for code in codes)


# A text that is part of none is a ValueError with the rest of a sentence.
COLUMNS: dict[str, Callable[[str], str | tuple[str, ...]]] = {
    "source": _source,
    "title": _text(LONGEST_TITLE),
    "owner": lambda value: intern(value.strip()),
    "visibility": _visibility,
    "rights_holder": _holder,
    "licence": _text(LONGEST_NAME),
    "territories": _territories,
    "policy": _policy,
}
