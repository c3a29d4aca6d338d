"""What tus clients say is read strictly, and a refusal names the header."""

import uuid

import pytest

from videos.errors import Refusal
from videos.uploads.tus_headers import checksum, concat, filename, metadata, number

ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)
SHA1 = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="


def test_metadata_is_pairs_of_key_and_base64() -> None:
    assert metadata("filename d29ybGQ=,empty ,alone") == {
        "filename": b"world",
        "empty": b"",
        "alone": b"",
    }
    assert metadata("") == {}


@pytest.mark.parametrize(
    "value",
    [
        "filename not!base64",
        "a YQ==,a Yg==",
        "n\u00e4me YQ==",
        ",",
        "a YQ==,,b YQ==",
        "a Y",
    ],
)
def test_other_metadata_is_refused_by_name(value: str) -> None:
    with pytest.raises(Refusal, match="Upload-Metadata") as caught:
        metadata(value)
    assert caught.value.status == 400


def test_metadata_has_a_limit() -> None:
    with pytest.raises(Refusal) as caught:
        metadata("a " + "YQ" * 5000)
    assert caught.value.status == 413


def test_the_file_name_is_told_by_either_key_and_may_be_any_bytes() -> None:
    assert filename("filename Y2F0Lm1wNA==") == "cat.mp4"
    assert filename("name Y2F0Lm1wNA==") == "cat.mp4"
    assert filename("filename /w==") == "\ufffd"
    assert filename("") == ""


def test_a_checksum_is_an_algorithm_and_a_digest_of_its_length() -> None:
    assert checksum(SHA1).algorithm == "sha1"
    assert len(checksum(SHA1).digest) == 20


@pytest.mark.parametrize("value", ["sha1", "crc32 AAAAAA==", "sha1 AAAA", "sha1 !", "sha256:abc"])
def test_another_checksum_is_refused_by_name(value: str) -> None:
    with pytest.raises(Refusal, match="Upload-Checksum") as caught:
        checksum(value)
    assert caught.value.status == 400


def test_concat_is_a_part_or_made_of_parts_by_address() -> None:
    assert not concat("partial").final
    told = concat(f"final;/api/v1/uploads/{ONE} https://tvidz.example/api/v1/uploads/{TWO}/")
    assert told.final
    assert told.partials == (ONE, TWO)


@pytest.mark.parametrize("value", ["", "final", "final;", "final;/a/b", "half", f"partial;/{ONE}"])
def test_another_concat_is_refused_by_name(value: str) -> None:
    with pytest.raises(Refusal, match="Upload-Concat"):
        concat(value)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e3", "\u0661"])
def test_a_length_is_a_whole_number(value: str) -> None:
    with pytest.raises(Refusal, match="Upload-Length"):
        number("Upload-Length", value)


@pytest.mark.parametrize(
    ("value", "told"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 5000, 10**18)]
)
def test_a_length_may_be_longer_than_any_file(value: str, told: int) -> None:
    assert number("Upload-Length", value) == told
