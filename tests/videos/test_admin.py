"""The admin: everything can be looked at, hardly anything written."""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from matching.models import CutToken, DuplicateLink, FeatureVector, Fingerprint
from moderation.models import Flag
from videos.models import Analysis, FrameInfo, SceneCuts, State, Upload, Video

pytestmark = pytest.mark.django_db

OURS = [
    *(Video, Upload, Analysis, FrameInfo, SceneCuts),
    *(Fingerprint, FeatureVector, CutToken, DuplicateLink, Flag),
]


@pytest.fixture
def chief() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("alice"))
    return browser


@pytest.fixture
def library(take_in: Callable[..., Video], film: Path, excerpt: Path) -> Video:
    """A film and an excerpt of it that was flagged; at least one row of everything."""
    take_in(film)
    video = take_in(excerpt, "<b>excerpt</b>.mp4")
    CutToken.objects.create(video=video, version="1", token=1, time=0.0, span=1.0)
    return video


def address(model: Any, page: str, *numbers: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=numbers)


def test_every_list_and_every_page_can_be_looked_at_and_not_written(
    chief: Client, library: Video
) -> None:
    for model in OURS:
        row = model._default_manager.first()
        assert row is not None, f"no row of {model.__name__} to look at"
        page = chief.get(address(model, "change", row.pk))
        assert page.status_code == 200, model
        assert b"<b>excerpt</b>" not in page.content
        assert chief.get(address(model, "changelist") + "?q=excerpt").status_code == 200, model
        assert chief.get(address(model, "add")).status_code == 403, model
        assert chief.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert chief.get(address(model, "history", row.pk)).status_code == 200, model


def test_a_links_page_shows_its_matched_points(chief: Client, library: Video) -> None:
    link = DuplicateLink.objects.get()

    page = chief.get(address(DuplicateLink, "change", link.pk)).content.decode()

    (segment,) = link.segments.all()
    assert "matched points" in page
    (url,) = set(re.findall(r'href="(/api/v1/links/[^"]*)"', page))
    picture = chief.get(html.unescape(url))
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/jpeg")
    assert f"/segments/{segment.pk}/evidence.jpg" in url


def test_every_registered_list_can_be_looked_at(chief: Client) -> None:
    for model in admin.site._registry:
        assert chief.get(address(model, "changelist")).status_code == 200, model
    assert chief.get("/admin/").status_code == 200


def test_title_and_visibility_are_all_that_can_be_set(
    chief: Client, video_row: Callable[..., Video]
) -> None:
    video = video_row("holiday.mp4")
    told = {"title": "Beach", "visibility": "public"}
    others = {"filename": "other.mp4", "state": "ready", "owner": "1"}

    page = chief.get(address(Video, "change", video.pk))
    answer = chief.post(address(Video, "change", video.pk), told | others)

    assert list(page.context["adminform"].form.fields) == ["title", "visibility"]
    assert answer.status_code == 302
    video.refresh_from_db()
    assert (video.title, video.visibility) == ("Beach", "public")
    assert (video.filename, video.state) == ("holiday.mp4", State.QUEUED)
    assert video.owner is None


def test_the_secrets_hash_is_shown_to_nobody(
    chief: Client, video_row: Callable[..., Video]
) -> None:
    video = video_row(secret_sha256="abcdef0123456789" * 4)

    assert b"abcdef0123456789" not in chief.get(address(Video, "change", video.pk)).content


def test_failed_analyses_can_be_begun_again(chief: Client, video_row: Callable[..., Video]) -> None:
    failed = video_row(state=State.FAILED, error_code="TIMEOUT")
    ready = video_row(state=State.READY)
    rows = [
        Analysis.objects.create(video=failed, state=State.FAILED, error_code="TIMEOUT"),
        Analysis.objects.create(video=ready, state=State.READY),
    ]

    answer = chief.post(
        address(Analysis, "changelist"),
        {"action": "analyse_again", "_selected_action": [row.pk for row in rows]},
        follow=True,
    )

    assert b"1 queued again" in answer.content
    assert failed.analyses.filter(state=State.QUEUED).count() == 1
    assert not ready.analyses.filter(state=State.QUEUED).exists()


def test_staff_that_may_only_look_cannot_begin_anything_again(
    video_row: Callable[..., Video],
) -> None:
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(
        *Permission.objects.filter(codename__in=["view_analysis", "view_video"])
    )
    browser = Client()
    browser.force_login(bob)
    video = video_row(state=State.FAILED, error_code="TIMEOUT")
    row = Analysis.objects.create(video=video, state=State.FAILED, error_code="TIMEOUT")

    browser.post(
        address(Analysis, "changelist"),
        {"action": "analyse_again", "_selected_action": [row.pk]},
    )
    written = browser.post(address(Video, "change", video.pk), {"visibility": "public"})

    assert Analysis.objects.count() == 1
    assert written.status_code == 403
    video.refresh_from_db()
    assert video.visibility == "private"


def test_visitors_are_sent_to_the_login() -> None:
    answer = Client().get("/admin/videos/video/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")
