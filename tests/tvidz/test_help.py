"""The help page says the limits as they are set, and the glossary as the docs have it."""

from collections.abc import Callable

import pytest
from django.test import Client

from tvidz.help import glossary

pytestmark = pytest.mark.django_db


def test_the_glossary_is_that_of_the_docs() -> None:
    words = {str(word): meaning for word, meaning in glossary()}

    assert len(words) > 40
    assert words["confidence"].startswith("the score of a match from 0 to 1. In words: <em>certain")
    assert "query, reference" in words
    assert all("*" not in word for word in words)


def test_limits_are_the_settings(change_settings: Callable[..., None]) -> None:
    change_settings(max_upload_mb=3, max_duration=90.0, quota_mb=5, anonymous_uploads=False)

    page = Client().get("/help/").content.decode()

    assert "up to 3.0\xa0MB each" in page
    assert "up to 1 minute 30 seconds" in page
    assert "up to 5.0\xa0MB in one account" in page
    assert "<dd>needed" in page


def test_every_page_leads_to_it() -> None:
    for path in ("/", "/library/", "/videos/", "/account/sign-in/", "/help/"):
        assert '<a href="/help/"' in Client().get(path).content.decode()
