"""A manifest is read whole or refused with every fault and its line."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.territories import TERRITORIES
from tvidz.backfill.manifest import COLUMNS, Line, read_manifest
from videos.names import shown_text


def read(text: str, **options: bool) -> list[Line]:
    lines, faults = read_manifest(io.StringIO(text, newline=""), **options)
    assert faults == []
    return lines


def faults_of(text: str, **options: bool) -> list[str]:
    lines, faults = read_manifest(io.StringIO(text, newline=""), **options)
    assert lines == []
    return [str(fault) for fault in faults]


def test_a_line_says_what_it_is_and_whose() -> None:
    text = (
        "source,title,owner,visibility,rights_holder,licence,territories,policy\n"
        'reels/7.mp4,"Life, and Death",alice,Public, Acme  Films ,CC BY 4.0,fr DE fr,Block\n'
        "s3://films/reel 8#1.mp4,,,,,,,\n"
    )

    assert read(text) == [
        Line(
            *(2, "reels/7.mp4", "Life, and Death", "alice", "public", "Acme Films", "CC BY 4.0"),
            *(("DE", "FR"), "block"),
        ),
        Line(3, "s3://films/reel 8#1.mp4"),
    ]


def test_columns_come_in_any_order_and_all_but_one_may_be_missing() -> None:
    assert read(" Title ,SOURCE\r\nOne,a.mp4\r\n\r\nTwo,b.mp4\r\n") == [
        Line(2, "a.mp4", "One"),
        Line(4, "b.mp4", "Two"),
    ]
    assert read("source\n") == []


def test_blank_columns_at_the_end_are_a_spreadsheets() -> None:
    text = "source,title,, \r\na.mp4,One,,\r\nb.mp4,Two\r\nc.mp4,,,\r\n"

    assert read(text) == [
        Line(2, "a.mp4", "One"),
        Line(3, "b.mp4", "Two"),
        Line(4, "c.mp4"),
    ]
    assert faults_of("source,,title\na,,b\n")[0].startswith("line 1: there is no column “”.")
    assert faults_of("source,,\na,,b\n") == ["line 2: 3 values for 1 columns."]


def test_a_line_over_two_lines_is_told_by_its_first() -> None:
    text = 'source,title,policy\na.mp4,"One\nand more",track\n"b.mp4",x,pray\n'

    assert faults_of(text, has_holder=True) == [
        "line 4: policy: “pray” is none of track, monetise, block, review."
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: there is no header row."),
        ("title\nOne\n", "line 1: the column “source” is missing."),
        ("source;title\na;b\n", "line 1: separate the columns by commas."),
        ("source,source\na,b\n", "line 1: the column “source” is there twice."),
        ("source,titel\na,b\n", "line 1: there is no column “titel”. There are: source,"),
        ("source,title\na\n", "line 2: 1 values for 2 columns."),
        ("source,title\na,b,c\n", "line 2: 3 values for 2 columns."),
        ("source,title\n,b\n", "line 2: source: there is none."),
        ('source\n"a\n', "line 2: this is no CSV: unexpected end of data."),
        ("source\na\nb\na\n", "line 4: the same source as in line 2."),
        (
            "source\nhttp://example.org/a.mp4\n",
            "line 2: source: neither a path nor an address that begins with s3://.",
        ),
        ("source\ns3://films\n", "line 2: source: write s3://bucket/key."),
        ("source\ns3:///key\n", "line 2: source: write s3://bucket/key."),
        (
            "source\ns3://films/" + "x" * 1025 + "\n",
            "line 2: source: a key has 1024 bytes at the most.",
        ),
        ("source\n" + "x" * 2001 + "\n", "line 2: source: a path may have 2000 bytes at the most."),
        ("source\na\0b\n", "line 2: source: there is no such path."),
        ("source,title\na," + "x" * 256 + "\n", "line 2: title: 256 characters; 255 at the most."),
        (
            "source,visibility\na,secret\n",
            "line 2: visibility: “secret” is none of public, private.",
        ),
        (
            "source,rights_holder,territories\na,Acme,UK\n",
            "line 2: territories: “UK” is no country of ISO 3166.",
        ),
        ("source,policy\na,block\n", "line 2: policy: no rights_holder is named."),
        (
            "source,rights_holder,licence\na,,CC0\nb,Acme,CC0\n",
            "line 2: licence: no rights_holder is named.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    [fault] = faults_of(text)

    assert fault.startswith(told)


def test_all_faults_are_told_at_once() -> None:
    text = "source,visibility,owner\na,secret,alice\n,public,bob\n"

    assert faults_of(text) == [
        "line 2: visibility: “secret” is none of public, private.",
        "line 3: source: there is none.",
    ]


def test_where_all_are_registered_each_line_needs_a_holder() -> None:
    text = "source,rights_holder\na,Acme\nb,\n"

    assert faults_of(text, needs_holder=True) == [
        "line 3: rights_holder: there is none, and none for all lines."
    ]
    assert len(read(text, needs_holder=True, has_holder=True)) == 2


def test_what_is_no_utf8_is_told() -> None:
    file = io.TextIOWrapper(io.BytesIO(b"source\na.mp4\ncaf\xe9.mp4\n"), "utf-8-sig", newline="")

    [fault] = read_manifest(file)[1]

    assert fault.message == "this is not UTF-8."


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
shown = words.map(shown_text)


@given(st.lists(st.tuples(words, words, words), max_size=5))
def test_whatever_a_file_holds_it_is_read_or_its_faults_are_told(
    rows: Sequence[tuple[str, str, str]],
) -> None:
    text = "source,title,visibility\n" + "\n".join(",".join(row) for row in rows)

    lines, faults = read_manifest(io.StringIO(text, newline=""))

    assert not (lines and faults)
    for fault in faults:
        assert fault.number >= 2
        assert fault.message.endswith(".")


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    read_manifest(io.StringIO(text, newline=""))


@given(
    st.lists(
        st.builds(
            Line,
            number=st.just(0),
            source=words.filter(lambda it: it.strip() and "\0" not in it and "://" not in it),
            title=shown,
            owner=words.map(str.strip),
            visibility=st.sampled_from(["", "public", "private"]),
            rights_holder=st.sampled_from(["Acme", "Bob & Söhne"]),
            licence=shown,
            territories=st.sets(st.sampled_from(sorted(TERRITORIES))).map(sorted).map(tuple),
            policy=st.sampled_from(["", "track", "monetise", "block", "review"]),
        ),
        max_size=6,
        unique_by=lambda line: line.source,
    )
)
def test_what_was_written_is_what_is_read(lines: list[Line]) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for line in lines:
        told = {name: getattr(line, name) for name in COLUMNS}
        writer.writerow((told | {"territories": " ".join(line.territories)}).values())

    back = read(file.getvalue())

    assert [[getattr(line, name) for name in COLUMNS] for line in back] == [
        [getattr(line, name) for name in COLUMNS] for line in lines
    ]
