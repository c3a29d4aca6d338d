import pickle

import pytest

from videos.media.errors import CODES, MediaError


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_an_owner_a_status_and_a_sentence(code: str) -> None:
    error = MediaError(code)
    assert error.message.endswith(".")
    assert error.owner == ("us" if error.http_status >= 500 else "uploader")
    assert error.http_status in (415, 422, 503)


def test_an_unsupported_file_is_answered_with_415() -> None:
    assert MediaError("UNSUP").http_status == 415


def test_only_what_is_our_fault_may_be_tried_again() -> None:
    assert {code for code in CODES if MediaError(code).retryable} == {
        "TIMEOUT", "FFMPEG_DIED", "SANDBOX",
    }  # fmt: skip


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(MediaError("DURATION", "Too long.", detail="36000 s")))
    assert (error.code, error.message, error.detail) == ("DURATION", "Too long.", "36000 s")
