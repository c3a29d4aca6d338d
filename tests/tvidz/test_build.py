"""What the footer says of the version that runs."""

from typing import Any

import pytest
from django.test import Client

from tvidz.build import day


def test_a_date_is_said_as_people_read_it() -> None:
    assert day("2026-11-03T21:22:19+00:00") == "3 November 2026"
    assert day("2026-11-03") == "3 November 2026"


def test_what_is_no_date_stays_as_it_was_told() -> None:
    assert day("last Tuesday") == "last Tuesday"


@pytest.mark.django_db
def test_the_footer_leaves_out_what_is_not_known(settings: Any) -> None:
    settings.TVIDZ_BUILD = {"version": "0.1.0", "commit": "unknown", "date": "unknown"}
    page = Client().get("/help/").content.decode()

    assert "tvidz 0.1.0" in page
    assert "unknown" not in page.partition("<footer")[2]


@pytest.mark.django_db
def test_the_footer_has_the_day_and_not_the_second(settings: Any) -> None:
    settings.TVIDZ_BUILD = {"version": "0.1.0", "commit": "abc", "date": "2026-11-03T21:22:19Z"}
    footer = Client().get("/help/").content.decode().partition("<footer")[2]

    assert ">3 November 2026</time>" in footer
    assert "abc" in footer
