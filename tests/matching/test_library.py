"""The library: one's own uploads, filtered, sorted, page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from matching.library import PAGE_SIZE, Wanted, duplicates_of, library_page, wanted
from matching.models import DuplicateLink
from videos.access.visibility import Viewer
from videos.models import State, Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def many(video_row: MakeVideo, alice: User) -> list[Video]:
    """Three pages, the newest first; every three were uploaded at the same moment."""
    made = [video_row(f"{n:03}.mp4", owner=alice, duration=n % 7) for n in range(2 * PAGE_SIZE + 9)]
    now = timezone.now()
    for n, video in enumerate(made):
        Video.objects.filter(pk=video.pk).update(uploaded_at=now - timedelta(minutes=n // 3))
    return made


def walk(viewer: Viewer, asked: Wanted) -> list[list[str]]:
    pages, after = [], ""
    while True:
        found = library_page(viewer, asked, after)
        pages.append([video.filename for video in found.rows])
        after = found.after
        if not after:
            return pages


@pytest.mark.parametrize("sort", ["newest", "oldest", "name", "longest"])
def test_pages_show_every_upload_once_in_order(sort: str, many: list[Video], alice: User) -> None:
    pages = walk(Viewer(alice), Wanted(sort=sort))

    names = [name for names in pages for name in names]
    assert [len(names) for names in pages] == [PAGE_SIZE, PAGE_SIZE, 9]
    assert sorted(names) == [video.filename for video in many]
    rows = {video.filename: video for video in Video.objects.all()}
    keys: dict[str, Callable[[Video], Any]] = {
        "newest": lambda video: -video.uploaded_at.timestamp(),
        "oldest": lambda video: video.uploaded_at.timestamp(),
        "name": lambda video: video.filename,
        "longest": lambda video: -(video.duration or 0),
    }
    told = [keys[sort](rows[name]) for name in names]
    assert told == sorted(told)


def test_one_can_go_back_to_where_one_was(many: list[Video], alice: User) -> None:
    viewer, asked = Viewer(alice), Wanted()
    first = library_page(viewer, asked)
    second = library_page(viewer, asked, after=first.after)

    back = library_page(viewer, asked, before=second.before)

    assert [video.pk for video in back.rows] == [video.pk for video in first.rows]
    assert (first.before, back.before) == ("", "")
    assert back.after == first.after


def test_what_comes_in_meanwhile_shifts_no_page(
    many: list[Video], alice: User, video_row: MakeVideo
) -> None:
    viewer = Viewer(alice)
    first = library_page(viewer, Wanted())
    before = library_page(viewer, Wanted(), after=first.after)
    for n in range(5):
        video_row(f"new-{n}.mp4", owner=alice)

    after = library_page(viewer, Wanted(), after=first.after)

    assert [video.pk for video in after.rows] == [video.pk for video in before.rows]


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "W10", "WyJ4IiwieSJd", "W251bGwsbnVsbF0", "A" * 5000, "é", "\x00"]
)
def test_a_made_up_cursor_is_the_first_page(cursor: str, many: list[Video], alice: User) -> None:
    browser = Client()
    browser.force_login(alice)

    for name in ("after", "before"):
        for sort in ("newest", "name", "longest"):
            page = browser.get("/library/", {name: cursor, "sort": sort})
            assert page.status_code == 200


def test_filters_narrow_what_is_shown(video_row: MakeVideo, alice: User) -> None:
    done = video_row("Harbour.mp4", owner=alice, state=State.READY)
    failed = video_row("b.mp4", owner=alice, state=State.FAILED, error_code="X")
    image = video_row("c.jpg", owner=alice, media_type="image", state=State.PROCESSING)
    link(done, failed)
    viewer = Viewer(alice)

    def shown(**fields: str) -> set[Video]:
        return set(library_page(viewer, wanted(fields)).rows)

    assert shown() == shown(state="nonsense", kind="x", sort="y") == {done, failed, image}
    assert shown(state="working") == {image}
    assert shown(state="failed") == {failed}
    assert shown(kind="image") == {image}
    assert shown(text="harb") == {done}
    assert shown(text="100%_") == set()
    assert shown(duplicates="yes") == {done, failed}
    assert shown(duplicates="no", kind="image") == {image}


def link(query: Video, reference: Video, **fields: Any) -> None:
    plain = {"version": "1", "score": 0.9, "matched_frames": 1, "covered_query": 1.0}
    DuplicateLink.objects.create(
        query=query, reference=reference, covered_reference=1.0, **(plain | fields)
    )


def test_duplicates_are_counted_as_videos_not_as_links(video_row: MakeVideo) -> None:
    one, two, three = (video_row(name) for name in ("1.mp4", "2.mp4", "3.mp4"))
    link(one, two)
    link(one, two, version="0")
    link(three, one)

    assert duplicates_of([one.pk, two.pk]) == {one.pk: 2, two.pk: 1}


def test_everybody_sees_their_own(video_row: MakeVideo, alice: User) -> None:
    video_row("alices.mp4", owner=alice)
    session_made = video_row("sessions.mp4")
    video_row("others.mp4", visibility="public")
    video_row("going.mp4", owner=alice, state=State.DELETED)
    browser, visitor = Client(), Client()
    browser.force_login(alice)
    session = visitor.session
    session["uploads"] = [str(session_made.id)]
    session.save()

    def names(client: Client) -> set[str]:
        page = client.get("/library/").content.decode()
        return {name for name in ("alices", "sessions", "others", "going") if f"{name}.mp4" in page}

    assert names(browser) == {"alices"}
    assert names(visitor) == {"sessions"}
    assert names(Client()) == set()


def test_a_name_is_only_text(video_row: MakeVideo, alice: User) -> None:
    video_row('"><script>alert(1)</script>.mp4', owner=alice)
    browser = Client()
    browser.force_login(alice)

    for view in ("table", "grid"):
        page = browser.get("/library/", {"view": view, "text": '"><script>'}).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_a_page_asks_the_database_a_fixed_number_of_times(
    many: list[Video], alice: User, django_assert_max_num_queries: Any
) -> None:
    browser = Client()
    browser.force_login(alice)

    with django_assert_max_num_queries(9):
        browser.get("/library/")


def test_what_is_blocked_says_so_to_who_uploaded_it(
    video_row: MakeVideo, alice: User, admin_user: User
) -> None:
    since = timezone.now()
    video = video_row("a.mp4", owner=alice, visibility="public", state=State.READY)
    mark = ">Blocked<"
    pages = ("/library/", "/library/?view=grid", f"/videos/{video.pk}/")
    owner, boss = Client(), Client()
    owner.force_login(alice)
    boss.force_login(admin_user)
    assert not any(mark in owner.get(page).content.decode() for page in pages)

    Video.objects.update(blocked_at=since)

    for page in pages:
        assert mark in owner.get(page).content.decode(), page
    assert ">Public<" not in owner.get(pages[0]).content.decode()
    assert mark not in boss.get(pages[2]).content.decode()
    assert boss.get(pages[2]).status_code == 200
