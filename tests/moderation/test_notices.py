"""Who is told of what, by mail and by signed webhook, and what becomes of it where that fails."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django_q.models import OrmQ

from moderation import notices
from moderation.claim_verbs import Said, act
from moderation.decide import Because, Ticket, confirm, undo
from moderation.delivery import PAUSES, deliver
from moderation.models import Claim, Event, Notice, RightsHolder
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeUser
from tests.web_server import Web, serving
from videos import deletion
from videos.access.visibility import Viewer
from videos.models import Video

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "whsec_a-secret-of-the-test"


@pytest.fixture
def receiver(change_settings: Callable[..., None]) -> Iterator[Web]:
    with serving() as web:
        web.page("/hook", b"ok")
        ports = (str(web.port),)
        change_settings(outgoing_allow=("127.0.0.0/8",), outgoing_ports=ports)
        yield web


@pytest.fixture
def acme(db: None) -> RightsHolder:
    return holder_named("Acme")


@pytest.fixture
def eve(person: MakeUser) -> User:
    eve = person("eve")
    eve.email = "eve@example.org"
    eve.save()
    return eve


@pytest.fixture
def opened(
    a_flag: MakeFlag,
    video_row: Callable[..., Video],
    acme: RightsHolder,
    eve: User,
    alice: User,
    change_settings: Callable[..., None],
) -> Callable[..., Claim]:
    """A claim of Acme on eve's video: opened("review")."""
    change_settings(block_needs_two=False, site_url="https://videos.example", undo_seconds=0)

    def make(policy: str = "block") -> Claim:
        flag = a_flag(query=video_row("holiday.mp4", owner=eve))
        register(flag.reference_id, Rights(acme, policy=policy))
        hold = take(alice, flag.pk)
        confirm(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
        return Claim.objects.get(flag=flag)

    return make


def sends_to(acme: RightsHolder, url: str) -> None:
    RightsHolder.objects.filter(pk=acme.pk).update(webhook_url=url, webhook_secret=SECRET)


def mails_to(acme: RightsHolder) -> None:
    RightsHolder.objects.filter(pk=acme.pk).update(contact_email="rights@acme.example")


def told() -> list[tuple[str, str, str]]:
    return list(Notice.objects.order_by("pk").values_list("event__move", "audience", "way"))


def send_all() -> list[str]:
    """As the worker does with what it is woken for."""
    due = Notice.objects.filter(state="waiting", due_at__lte=Now()).order_by("pk")
    return [deliver(pk) for pk in due.values_list("pk", flat=True)]


def bodies(web: Web) -> list[dict[str, Any]]:
    posted = [path for path in web.paths() if path.startswith("POST ")]
    return [json.loads(each.split(" ", 2)[2]) for each in posted]


def test_the_uploader_gets_a_statement_of_reasons(opened: Callable[..., Claim]) -> None:
    claim = opened()
    assert told() == [("activate", "uploader", "mail")]
    woken = [task.task["func"] for task in OrmQ.objects.all()]
    assert "moderation.delivery.deliver" in woken

    assert send_all() == ["sent"]

    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (
        ["eve@example.org"],
        "A claim on your video: holiday.mp4",
    )
    for words in (
        "the video is not shown to the public",
        "Where: everywhere",
        'rights of Acme in a registered video, policy "block"',
        "10 seconds of your video",
        "found by a machine and judged a copy by a person",
        "you can dispute it",
        f"https://videos.example/videos/{claim.query_id}/",
    ):
        assert words in sent.body
    assert send_all() == [], "once"


def test_each_party_is_told_of_the_turns_that_concern_them(
    opened: Callable[..., Claim], acme: RightsHolder, eve: User, bob: User
) -> None:
    mails_to(acme)
    claim = opened()
    act(Viewer(eve), claim.pk, 1, "dispute", Said("licensed", "Contract of 3 May."))
    act(Viewer(bob), claim.pk, 2, "reinstate", Said("no_licence", "It ended in April."))

    assert told() == [
        ("activate", "uploader", "mail"),
        ("dispute", "holder", "mail"),
        ("reinstate", "uploader", "mail"),
        ("reinstate", "holder", "mail"),
    ]
    send_all()
    assert [each.to for each in mail.outbox] == [
        *(["eve@example.org"], ["rights@acme.example"]),
        *(["eve@example.org"], ["rights@acme.example"]),
    ]
    assert "Contract of 3 May." in mail.outbox[1].body
    assert "released on" in mail.outbox[1].body
    assert "It ended in April." in mail.outbox[2].body
    assert "appeal" in mail.outbox[2].body


def test_what_waits_for_the_holder_is_not_told_to_the_uploader(
    opened: Callable[..., Claim], acme: RightsHolder, person: MakeUser
) -> None:
    mails_to(acme)
    claim = opened("review")
    dora = person("dora")
    acme.members.add(dora)
    act(Viewer(dora), claim.pk, 1, "withdraw", Said("settled"))

    assert told() == [("propose", "holder", "mail"), ("withdraw", "holder", "mail")]


def test_every_template_says_something_for_every_move(
    opened: Callable[..., Claim], acme: RightsHolder, eve: User
) -> None:
    mails_to(acme)
    claim = opened()
    event = Event.objects.filter(machine="claim").latest("pk")
    Notice.objects.all().delete()
    for audience, templates in notices.MAILS.items():
        for template in sorted(set(templates.values())):
            Notice.objects.all().delete()
            row = Notice.objects.create(
                claim=claim, event=event, audience=audience, way="mail", template=template
            )
            assert deliver(row.pk) == "sent", template
            text = f"{mail.outbox[-1].subject} {mail.outbox[-1].body}"
            assert "{" not in text, template
            assert len(mail.outbox[-1].subject) > 5, template


def test_a_webhook_comes_signed_and_says_what_happened(
    opened: Callable[..., Claim], acme: RightsHolder, eve: User, receiver: Web
) -> None:
    sends_to(acme, receiver.url("/hook"))
    claim = opened()
    act(Viewer(eve), claim.pk, 1, "dispute", Said("licensed", "Contract – 3 May."))
    send_all()

    first, second = bodies(receiver)
    assert set(first) == {"event", "timestamp", "data"}
    assert (first["event"], second["event"]) == ("claim.active", "claim.disputed")
    assert first["data"]["video"] == str(claim.query_id)
    assert (second["data"]["sequence"], second["data"]["note"]) == (2, "Contract – 3 May.")
    assert second["data"]["segments"] == [[0, 10, 50, 60]]
    headers = receiver.headers[-1]
    moment, proof = (part.partition("=")[2] for part in headers["Tvidz-Signature"].split(","))
    text = f"{moment}.".encode() + receiver.bodies[-1]
    assert proof == hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    assert headers["Tvidz-Event"] == "claim.disputed"
    assert headers["Tvidz-Delivery"] == str(
        Notice.objects.get(event__move="dispute", way="webhook").pk
    )


def test_it_is_tried_again_later_and_given_up_after_days(
    opened: Callable[..., Claim],
    acme: RightsHolder,
    receiver: Web,
    change_settings: Callable[..., None],
) -> None:
    sends_to(acme, receiver.url("/nothing-here"))
    opened()
    row = Notice.objects.get(way="webhook")
    assert deliver(row.pk) == "waiting"
    assert deliver(row.pk) == "not free", "not before its pause is over"
    row.refresh_from_db()
    assert (row.attempts, row.error) == (1, "answered with status 404")
    pause = (row.due_at - row.created_at).total_seconds()
    assert PAUSES[0] - 10 < pause < PAUSES[0] + 30
    OrmQ.objects.all().delete()
    notices.look_after()
    assert not OrmQ.objects.exists()

    Notice.objects.filter(pk=row.pk).update(
        woken_at=Now() - timedelta(seconds=PAUSES[0]), due_at=Now() - timedelta(seconds=1)
    )
    notices.look_after()
    assert OrmQ.objects.count() == 1
    notices.look_after()
    assert OrmQ.objects.count() == 1, "woken once"
    Notice.objects.filter(pk=row.pk).update(created_at=F("created_at") - timedelta(days=4))

    assert deliver(row.pk) == "given_up"
    receiver.page("/nothing-here", b"ok")
    assert deliver(row.pk) == "not free"


def test_after_a_while_the_receiver_answers_and_has_it_once(
    opened: Callable[..., Claim], acme: RightsHolder, receiver: Web
) -> None:
    sends_to(acme, receiver.url("/later"))
    opened()
    row = Notice.objects.get(way="webhook")
    deliver(row.pk)
    receiver.page("/later", b"ok")
    Notice.objects.filter(pk=row.pk).update(due_at=Now())

    assert [deliver(row.pk), deliver(row.pk)] == ["sent", "not free"]
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == ("sent", 2, "")


@pytest.mark.parametrize("path", ["/hook", "/away"])
def test_nothing_is_sent_to_a_private_address_nor_along_a_redirect(
    path: str,
    opened: Callable[..., Claim],
    acme: RightsHolder,
    receiver: Web,
    change_settings: Callable[..., None],
) -> None:
    receiver.redirect("/away", receiver.url("/hook"), 307)
    sends_to(acme, receiver.url(path))
    if path == "/hook":
        change_settings(outgoing_allow=())
    opened()
    row = Notice.objects.get(way="webhook")

    assert deliver(row.pk) == "waiting"

    row.refresh_from_db()
    assert ("127.0.0.1" in row.error) == (path == "/hook"), row.error
    assert [each for each in receiver.paths() if "/hook" in each] == []


def test_a_silent_receiver_is_left_after_the_time_of_the_setting(
    opened: Callable[..., Claim],
    acme: RightsHolder,
    receiver: Web,
    change_settings: Callable[..., None],
) -> None:
    change_settings(webhook_seconds=0.3)
    sends_to(acme, receiver.url("/silence"))
    opened()
    row = Notice.objects.get(way="webhook")

    assert deliver(row.pk) == "waiting"
    row.refresh_from_db()
    assert "Timeout" in row.error


def test_a_turn_that_is_rolled_back_tells_nobody(
    opened: Callable[..., Claim], eve: User, acme: RightsHolder
) -> None:
    mails_to(acme)
    claim = opened()
    before = told()
    OrmQ.objects.all().delete()

    def power_goes() -> None:
        with transaction.atomic():
            act(Viewer(eve), claim.pk, 1, "dispute", Said("licensed", "so"))
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        power_goes()

    assert told() == before
    assert not OrmQ.objects.exists()


def test_what_was_given_up_is_seen_in_the_admin_and_sent_again(
    opened: Callable[..., Claim], acme: RightsHolder, receiver: Web, admin_client: Client
) -> None:
    sends_to(acme, receiver.url("/nothing-here"))
    opened()
    row = Notice.objects.get(way="webhook")
    Notice.objects.filter(pk=row.pk).update(created_at=F("created_at") - timedelta(days=4))
    assert deliver(row.pk) == "given_up"

    page = admin_client.get("/admin/moderation/notice/?state__exact=given_up").content.decode()
    assert "answered with status 404" in page
    receiver.page("/nothing-here", b"ok")
    data = {"action": "send_again", "_selected_action": [row.pk]}
    admin_client.post("/admin/moderation/notice/", data)

    assert send_all()[-1] == "sent"


def test_a_webhook_has_a_secret_that_is_shown_once(
    acme: RightsHolder, admin_client: Client, receiver: Web
) -> None:
    page = f"/admin/moderation/rightsholder/{acme.pk}/change/"
    form = {"name": "Acme", "policy": "review", "least_seconds": "0", "least_share": "0"}
    bad = admin_client.post(page, {**form, "webhook_url": "ftp://acme.example/"})
    assert b"Nothing can be sent to this address" in bad.content

    done = admin_client.post(page, {**form, "webhook_url": receiver.url("/hook")}, follow=True)

    acme.refresh_from_db()
    assert acme.webhook_secret.startswith("whsec_")
    assert acme.webhook_secret in done.content.decode()
    assert acme.webhook_secret not in admin_client.get(page).content.decode()
    again = {"action": "make_secret", "_selected_action": [acme.pk]}
    admin_client.post("/admin/moderation/rightsholder/", again)
    assert RightsHolder.objects.get().webhook_secret != acme.webhook_secret


def test_a_mail_server_that_is_away_is_tried_again_and_no_address_is_kept(
    opened: Callable[..., Claim], settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    opened()
    row = Notice.objects.get()

    assert deliver(row.pk) == "waiting"

    row.refresh_from_db()
    assert (row.error, row.attempts) == ("ConnectionRefusedError", 1)
    assert "example.org" not in row.error


def undo_at_once(user: User, claim: Claim) -> None:
    """Undo a decision that was made while the time to undo was none."""
    options = settings.TVIDZ
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "TVIDZ", options.model_copy(update={"undo_seconds": 600}))
        undo(user, claim.flag_id)


def time_passes(seconds: int) -> None:
    Notice.objects.update(due_at=F("due_at") - timedelta(seconds=seconds))


def test_what_is_undone_in_time_nobody_is_told_of(
    opened: Callable[..., Claim],
    acme: RightsHolder,
    receiver: Web,
    alice: User,
    change_settings: Callable[..., None],
) -> None:
    mails_to(acme)
    sends_to(acme, receiver.url("/hook"))
    claim = opened()
    undo_at_once(alice, claim)
    Notice.objects.all().delete()
    change_settings(undo_seconds=60)
    hold = take(alice, claim.flag_id)
    OrmQ.objects.all().delete()

    confirm(alice, Ticket(claim.flag_id, hold.flag.version, hold.token), Because("full_copy"))
    assert told() == [("activate", "uploader", "mail"), ("activate", "holder", "webhook")]
    notices.look_after()
    assert (send_all(), OrmQ.objects.count()) == ([], 0), "held back"
    undo(alice, claim.flag_id)

    assert told() == []
    assert (mail.outbox, bodies(receiver)) == ([], [])


def test_a_decision_is_told_when_it_cannot_be_undone_any_more(
    opened: Callable[..., Claim],
    alice: User,
    change_settings: Callable[..., None],
) -> None:
    claim = opened()
    Notice.objects.all().delete()
    undo_at_once(alice, claim)
    change_settings(undo_seconds=60)
    hold = take(alice, claim.flag_id)
    confirm(alice, Ticket(claim.flag_id, hold.flag.version, hold.token), Because("full_copy"))
    OrmQ.objects.all().delete()
    assert send_all() == []

    time_passes(61)
    notices.look_after()

    assert OrmQ.objects.count() == 1
    assert send_all() == ["sent"]


def test_who_was_told_already_is_told_that_it_is_undone(
    opened: Callable[..., Claim], acme: RightsHolder, receiver: Web, alice: User
) -> None:
    sends_to(acme, receiver.url("/hook"))
    claim = opened()
    (webhook,) = Notice.objects.filter(way="webhook")
    assert deliver(webhook.pk) == "sent"

    undo_at_once(alice, claim)

    assert told() == [("activate", "holder", "webhook"), ("withdraw", "holder", "webhook")]


@pytest.mark.parametrize(("visibility", "named"), [("private", False), ("public", True)])
def test_a_holder_is_not_told_the_name_of_a_private_video(
    visibility: str,
    named: bool,
    opened: Callable[..., Claim],
    acme: RightsHolder,
    eve: User,
    bob: User,
) -> None:
    mails_to(acme)
    claim = opened("review")
    Video.objects.filter(pk=claim.query_id).update(visibility=visibility)
    act(Viewer(bob), claim.pk, 1, "activate", Said("is_a_copy"))
    act(Viewer(eve), claim.pk, 2, "dispute", Said("licensed", "Contract of 3 May."))
    send_all()

    by_holder = [each for each in mail.outbox if each.to == ["rights@acme.example"]]
    assert len(by_holder) == 2
    for each in by_holder:
        assert ("holiday.mp4" in f"{each.subject} {each.body}") == named
    assert any("holiday.mp4" in each.body for each in mail.outbox if each not in by_holder)


def test_of_what_they_deleted_themselves_nobody_is_told(
    opened: Callable[..., Claim], acme: RightsHolder
) -> None:
    mails_to(acme)
    claim = opened()
    (first,) = Notice.objects.all()

    deletion.delete(claim.query_id)

    assert told() == [("activate", "uploader", "mail"), ("withdraw", "holder", "mail")]
    assert deliver(first.pk) == "given_up", "there is nobody left to be told"
    first.refresh_from_db()
    assert first.error == "the video was deleted"
    assert send_all() == ["sent"]
    assert "a video that was deleted" in mail.outbox[0].body


def test_a_notice_that_cannot_be_written_is_given_up_in_the_end(
    opened: Callable[..., Claim],
) -> None:
    opened()
    row = Notice.objects.get()
    Notice.objects.update(template="no_such_template")

    assert deliver(row.pk) == "waiting"
    row.refresh_from_db()
    assert row.error == "TemplateDoesNotExist"
    Notice.objects.update(created_at=F("created_at") - timedelta(days=4), due_at=Now())
    assert deliver(row.pk) == "given_up"


def test_no_name_of_a_video_breaks_a_line_of_the_header(opened: Callable[..., Claim]) -> None:
    claim = opened()
    Video.objects.filter(pk=claim.query_id).update(title="a\rBcc: all@example.org\u2028b")

    assert send_all() == ["sent"]

    (sent,) = mail.outbox
    assert sent.subject == "A claim on your video: a Bcc: all@example.org b"
    assert sent.recipients() == ["eve@example.org"]
