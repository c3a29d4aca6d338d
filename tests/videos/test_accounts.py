"""Signing up, in and out, passwords by mail, and what a browser uploaded before."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from tvidz.email import read_email_url
from tvidz.options import read_options
from videos.access.mail import send
from videos.models import Mail, Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]
ADDRESS, PASSWORD = "alice@example.org", "correct horse 9"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user(ADDRESS, ADDRESS, PASSWORD)


def sign_in(browser: Client, name: str, password: str, path: str = "") -> object:
    return browser.post("/account/sign-in/" + path, {"username": name, "password": password})


def mailed() -> list[mail.EmailMessage]:
    """What a worker sends of what waits for it."""
    for row in Mail.objects.order_by("created_at"):
        assert send(str(row.pk)) == "sent"
    return mail.outbox


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"http://testserver(/\S+)", str(message.body))
    assert found
    return found[1]


def test_a_mailed_link_makes_the_account_and_signs_in() -> None:
    browser = Client()

    asked = browser.post("/account/sign-up/", {"email": "Alice@Example.org"})

    assert asked.headers["Location"] == "/account/mail-sent/"
    assert not User.objects.exists()
    (message,) = mailed()
    link = link_in(message)
    assert ADDRESS in browser.get(link).content.decode()
    weak = browser.post(link, {"new_password1": "12345678", "new_password2": "12345678"})
    assert "entirely numeric" in weak.content.decode()
    done = browser.post(link, {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert done.headers["Location"] == "/library/"
    user = User.objects.get()
    assert (user.username, user.email, user.is_staff) == (ADDRESS, ADDRESS, False)
    assert ADDRESS in browser.get("/account/").content.decode()
    again = Client().post(
        link, {"new_password1": "other horse 9", "new_password2": "other horse 9"}
    )
    assert "used up" in again.content.decode()
    assert User.objects.get().check_password(PASSWORD)


def test_signing_up_and_resetting_tell_nobody_which_addresses_have_accounts(alice: User) -> None:
    for path in ("/account/sign-up/", "/account/reset/"):
        known = Client().post(path, {"email": ADDRESS})
        unknown = Client().post(path, {"email": "bob@example.org"})
        assert (known.status_code, known.headers["Location"], known.content) == (
            unknown.status_code,
            unknown.headers["Location"],
            unknown.content,
        )
    told = [message.to for message in mailed()]
    assert sorted(told) == [[ADDRESS], [ADDRESS], ["bob@example.org"]]
    assert "has an account already" in str(mail.outbox[0].body)


def test_a_wrong_password_and_an_unknown_address_are_told_alike(alice: User) -> None:
    User.objects.create_user("bob@example.org", password=PASSWORD, is_active=False)
    told = []
    for name in (ADDRESS, "nobody@example.org", "bob@example.org"):
        password = "wrong" if name == ADDRESS else PASSWORD
        answer = sign_in(Client(), name, password)
        text = re.sub(r'value="[^"]*"', "", answer.content.decode())  # type: ignore[attr-defined]
        told.append((answer.status_code, text))  # type: ignore[attr-defined]

    assert told[0] == told[1] == told[2]
    assert "do not go together" in told[0][1]


def test_an_address_is_taken_in_any_case(alice: User) -> None:
    browser = Client()

    sign_in(browser, "ALICE@example.org", PASSWORD)

    assert browser.get("/account/").status_code == 200


@pytest.mark.parametrize(
    "told, goes",
    [
        ("/videos/", "/videos/"),
        ("https://evil.example/", "/library/"),
        ("//evil.example/", "/library/"),
        ("javascript:alert(1)", "/library/"),
        ("", "/library/"),
    ],
)
def test_next_leads_to_our_own_pages_only(alice: User, told: str, goes: str) -> None:
    answer = sign_in(Client(), ADDRESS, PASSWORD, f"?next={told}")

    assert answer.headers["Location"] == goes  # type: ignore[attr-defined]


def test_a_forgotten_password_is_replaced_once(alice: User) -> None:
    browser = Client()
    browser.post("/account/reset/", {"email": ADDRESS})
    (message,) = mailed()

    page = browser.get(link_in(message), follow=True)
    form = {"new_password1": "other horse 9", "new_password2": "other horse 9"}
    browser.post(page.redirect_chain[-1][0], form)

    alice.refresh_from_db()
    assert alice.check_password("other horse 9")
    assert browser.get("/account/").status_code == 200
    assert "used up" in Client().get(link_in(message), follow=True).content.decode()


def test_a_password_is_changed_by_who_knows_it(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    form = {"new_password1": "other horse 9", "new_password2": "other horse 9"}

    assert (
        b"entered incorrectly"
        in browser.post("/account/password/", form | {"old_password": "wrong"}).content
    )
    browser.post("/account/password/", form | {"old_password": PASSWORD})

    alice.refresh_from_db()
    assert alice.check_password("other horse 9")
    assert browser.get("/account/").status_code == 200


def test_only_a_post_signs_out(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)

    assert browser.get("/account/sign-out/").status_code == 405
    assert browser.get("/account/").status_code == 200
    browser.post("/account/sign-out/")
    assert browser.get("/account/").headers["Location"].startswith("/account/sign-in/")


def remembers(browser: Client, *videos: Video) -> None:
    session = browser.session
    session["uploads"] = [str(video.id) for video in videos]
    session.save()


def test_what_the_browser_uploaded_before_is_offered_and_kept(
    alice: User, video_row: MakeVideo
) -> None:
    before, of_bob = video_row("before.mp4"), video_row("bobs.mp4")
    of_bob.owner = User.objects.create_user("bob")
    of_bob.save()
    browser = Client()
    remembers(browser, before, of_bob)
    sign_in(browser, ADDRESS, PASSWORD)

    page = browser.get("/library/").content.decode()
    assert "One upload of this browser is" in page
    assert "before.mp4" not in page
    kept = browser.post("/library/keep/", follow=True).content.decode()

    assert "This upload is in your account now." in kept
    assert "before.mp4" in kept
    before.refresh_from_db()
    of_bob.refresh_from_db()
    assert (before.owner, of_bob.owner_id != alice.pk) == (alice, True)
    assert "of this browser" not in kept


def test_a_quota_is_not_got_round_by_keeping_afterwards(
    alice: User, video_row: MakeVideo, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=1)
    video = video_row(size_bytes=2 << 20)
    browser = Client()
    browser.force_login(alice)
    remembers(browser, video)

    told = browser.post("/library/keep/", follow=True).content.decode()

    assert "Delete some first" in told
    video.refresh_from_db()
    assert video.owner is None


def test_who_signs_out_without_keeping_has_them_in_the_browser_still(
    alice: User, video_row: MakeVideo
) -> None:
    kept, left = video_row("kept.mp4", owner=alice), video_row("left.mp4")
    browser = Client()
    browser.force_login(alice)
    remembers(browser, kept, left)

    browser.post("/account/sign-out/")

    page = browser.get("/library/").content.decode()
    assert "left.mp4" in page
    assert "kept.mp4" not in page


def test_nobody_signs_up_where_that_is_off(change_settings: Callable[..., None]) -> None:
    change_settings(sign_up=False)

    answer = Client().post("/account/sign-up/", {"email": ADDRESS})

    assert answer.status_code == 403
    assert not Mail.objects.exists()
    assert b"Sign up" not in Client().get("/account/sign-in/").content


def test_production_signs_up_only_where_it_can_send_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVIDZ_ENVIRONMENT", "production")
    monkeypatch.setenv("TVIDZ_SECRET_KEY", "x" * 60)
    monkeypatch.setenv("TVIDZ_ALLOWED_HOSTS", "tvidz.example")
    assert read_options().sign_up is False

    monkeypatch.setenv("TVIDZ_SIGN_UP", "true")
    with pytest.raises(ImproperlyConfigured, match="TVIDZ_EMAIL_URL"):
        read_options()
    monkeypatch.setenv("TVIDZ_EMAIL_URL", "imap://alice:pa55word@host")
    with pytest.raises(ImproperlyConfigured) as refused:
        read_options()
    assert "pa55word" not in str(refused.value)
    monkeypatch.setenv("TVIDZ_EMAIL_URL", "smtps://alice:p%40ss@mail.example")
    assert read_options().sign_up is True


def test_the_address_of_a_mail_server_is_read() -> None:
    server = read_email_url("smtp+starttls://alice:p%40ss@mail.example")

    assert server is not None
    assert (server.host, server.port, server.user, server.password) == (
        "mail.example",
        587,
        "alice",
        "p@ss",
    )
    assert (server.starttls, server.tls) == (True, False)
    assert read_email_url("") is None
