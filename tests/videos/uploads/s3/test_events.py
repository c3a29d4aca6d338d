"""What the queue's messages say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aws import event
from videos.uploads.s3.events import Malformed, ObjectEvent, is_older, read_message


def test_an_event_names_bucket_key_and_what_happened() -> None:
    assert read_message(json.dumps(event("a.mp4", sequencer="0A"))) == [
        ObjectEvent("videos", "a.mp4", True, "0A")
    ]
    assert read_message(json.dumps(event("a.mp4", made=False))) == [
        ObjectEvent("videos", "a.mp4", False, "")
    ]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("my+holiday+film.mp4", "my holiday film.mp4"),
        ("one%2Btwo.mp4", "one+two.mp4"),
        ("%C3%BCber%2Fk%C3%A4se.mp4", "über/käse.mp4"),
        ("100%25.mp4", "100%.mp4"),
    ],
)
def test_a_key_comes_as_an_address_writes_it(encoded: str, key: str) -> None:
    assert read_message(json.dumps(event(encoded)))[0].key == key


def test_a_message_by_way_of_sns_has_the_other_in_it() -> None:
    wrapped = {"Type": "Notification", "Message": json.dumps(event("a.mp4"))}

    assert [told.key for told in read_message(json.dumps(wrapped))] == ["a.mp4"]


def test_a_test_event_asks_for_nothing() -> None:
    told = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "videos"}
    wrapped = {"Type": "Notification", "Message": json.dumps(told)}

    assert read_message(json.dumps(told)) == read_message(json.dumps(wrapped)) == []


def test_kinds_of_events_that_we_have_not_asked_for_are_passed_over() -> None:
    told = event("a.mp4")
    told["Records"][0]["eventName"] = "ObjectRestore:Completed"

    assert read_message(json.dumps(told)) == []


def test_all_records_of_a_message_are_read() -> None:
    told = {"Records": event("a.mp4")["Records"] + event("b.mp4", made=False)["Records"]}

    assert [(each.key, each.made) for each in read_message(json.dumps(told))] == [
        ("a.mp4", True),
        ("b.mp4", False),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "17",
        "{}",
        '{"Records": 1}',
        '{"Records": ["x"]}',
        '{"Records": [{}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "a"}}}]}',
        '{"Type": "Notification", "Message": "no json"}',
        json.dumps(event("")),
        json.dumps(event("a%00b")),
        '{"Records": [{"eventName": 7, "s3": {"bucket": {"name": "v"}, "object": {"key": "a"}}}]}',
    ],
)
def test_what_s3_would_not_say_is_malformed(body: str) -> None:
    with pytest.raises(Malformed):
        read_message(body)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Records", "s3", "object", "bucket", "key", "name", "eventName"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values)
def test_whatever_json_comes_is_read_or_malformed(value: Any) -> None:
    try:
        read_message(json.dumps(value))
    except Malformed:
        pass


@pytest.mark.parametrize(
    ("sequencer", "known", "older"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", True),
        ("0055AED6DCD90281E6", "0055AED6DCD90281E5", False),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", False),
        ("0055AE", "0055AE01", True),
        ("0055AE", "0055AE00", False),
        ("0055ae", "0055AF", True),
        ("", "0055AF", False),
        ("0055AF", "", False),
    ],
)
def test_sequencers_are_compared_filled_up_on_the_right(
    sequencer: str, known: str, older: bool
) -> None:
    assert is_older(sequencer, known) is older
