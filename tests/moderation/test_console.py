"""The moderators' console in the admin: first page, record, rules, queues, actions, kept views."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from moderation.apps import make_groups
from moderation.decide import Because, Ticket, dismiss
from moderation.models import AllowRule, Decision, Event, Flag, Lease, Queue, SavedView
from moderation.queue_filters import wanted_of
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.models import Video

pytestmark = pytest.mark.django_db

FLAGS = "/admin/moderation/flag/"
MOST_QUERIES = 15


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    def browser(user: User) -> Client:
        User.objects.filter(pk=user.pk).update(is_staff=True)
        client = Client()
        client.force_login(user)
        return client

    return browser


BrowserOf = Callable[[User], Client]


def decided(flag: Flag, by: User, reason: str = "licensed") -> Decision:
    hold = take(by, flag.pk)
    return dismiss(by, Ticket(flag.pk, hold.flag.version, hold.token), Because(reason, "seen it"))


def words(page: Any) -> str:
    """What is read on a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_the_first_page_tells_a_moderator_what_waits_and_of_their_own_work(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User, browser_of: BrowserOf
) -> None:
    a_flag()
    take(alice, a_flag().pk)
    decided(a_flag(), alice)
    decided(a_flag(), bob)

    page = words(browser_of(alice).get("/admin/"))
    assert "open 1 leased 1" in " ".join(re.findall(r"(?:open|leased) \d+", page))
    assert "mine 1" in page
    assert "In the last 14 days you decided 1; overturned since: 0%." in page
    assert "everybody decided 2" in words(browser_of(charlie).get("/admin/"))
    assert "Statistics" not in page

    stranger = User.objects.create_superuser("chief")
    assert "Review the queue" not in words(browser_of(stranger).get("/admin/"))


def test_a_decision_is_read_with_its_frozen_evidence(
    a_flag: MakeFlag, alice: User, charlie: User, browser_of: BrowserOf
) -> None:
    decision = decided(a_flag(), alice)

    page = browser_of(charlie).get(f"/admin/moderation/decision/{decision.pk}/change/")

    text = words(page)
    assert "0:00–0:10 as 0:50–1:00" in text
    assert "the evidence adds up to it" in text
    assert decision.evidence_sha256 in text
    assert "None was frozen." in text
    assert f"{FLAGS}{decision.flag_id}/review/" in page.content.decode()
    assert 'name="_save"' not in page.content.decode()


def test_moderators_read_their_own_part_of_the_record_and_leads_all(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User, browser_of: BrowserOf
) -> None:
    decided(a_flag(), alice)
    other = decided(a_flag(), bob)

    def read(user: User, model: str) -> set[str]:
        page = browser_of(user).get(f"/admin/moderation/{model}/")
        rows = page.context["cl"].result_list
        names = ("moderator_name", "actor_name")
        return {getattr(row, names[model == "event"]) for row in rows}

    assert (read(alice, "decision"), read(alice, "event")) == ({"alice"}, {"alice"})
    assert read(charlie, "decision") == {"alice", "bob"}
    assert read(charlie, "event") == {"", "alice", "bob"}
    # What was decided about a flag that is in one's queue is part of looking at it.
    page = f"/admin/moderation/decision/{other.pk}/change/"
    assert browser_of(alice).get(page).status_code == 200


@pytest.mark.parametrize("asked", ["q=alice", "q=17", "machine__exact=flag", "q=%00", "at__year=x"])
def test_events_are_filtered_and_searched_whatever_is_typed(
    asked: str, charlie: User, browser_of: BrowserOf
) -> None:
    page = browser_of(charlie).get(f"/admin/moderation/event/?{asked}", follow=True)
    assert page.status_code == 200


def test_a_lead_makes_a_rule_and_ends_it_and_is_told_what_is_missing(
    a_flag: MakeFlag, charlie: User, browser_of: BrowserOf
) -> None:
    flag, browser = a_flag(), browser_of(charlie)
    add, listed = "/admin/moderation/allowrule/add/", "/admin/moderation/allowrule/"
    assert browser.get(add).status_code == 200

    told = {"kind": "pair", "video": flag.query_id, "reason": "licensed"}
    assert "Say which pair the rule is about." in words(browser.post(add, told))
    told["other"] = flag.reference_id
    assert browser.post(add, told).status_code == 302

    rule = AllowRule.objects.get()
    flag.refresh_from_db()
    assert (flag.state, flag.rule_id) == ("suppressed", rule.pk)
    assert Event.objects.get(machine="rule", move="made").actor_name == "charlie"
    assert "In force" in words(browser.get(f"{listed}?holds=yes"))

    told = {"action": "revoke_selected", "_selected_action": rule.pk}
    assert "1 revoked" in words(browser.post(listed, told, follow=True))
    flag.refresh_from_db()
    assert flag.state == "open"
    assert browser.get(f"{listed}?holds=yes").context["cl"].result_count == 0
    assert browser.get(f"{listed}{rule.pk}/change/").status_code == 200


def test_an_admin_says_which_group_sees_what(alice: User, browser_of: BrowserOf) -> None:
    chief = browser_of(User.objects.create_superuser("chief"))
    group, holder = Group.objects.get(name="Moderators"), holder_named("Acme")
    told = {"group": group.pk, "holders": [holder.pk], "policies": ["block", ""]}

    assert chief.post("/admin/moderation/queue/add/", told).status_code == 302

    row = Queue.objects.get()
    assert (row.policies, [one.name for one in row.holders.all()]) == (["block", ""], ["Acme"])
    assert "block, none" in words(chief.get("/admin/moderation/queue/"))
    assert browser_of(alice).get("/admin/moderation/queue/").status_code == 403


def test_a_lead_hands_over_gives_back_and_reopens_a_selection(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User, browser_of: BrowserOf
) -> None:
    held, free, done = a_flag(), a_flag(), a_flag()
    take(alice, held.pk)
    decided(done, alice)
    browser, everything = browser_of(charlie), f"{FLAGS}?which=all"
    numbers = [held.pk, free.pk]

    def act(action: str, chosen: list[int], **more: str) -> str:
        told = {"action": action, "_selected_action": chosen, **more}
        return words(browser.post(everything, told, follow=True))

    asked = act("hand_over_selected", numbers)
    assert "Who is to have these?" in asked
    assert "alice bob charlie" in asked
    told = act("hand_over_selected", numbers, reason="bob")
    assert "1 handed to bob." in told
    assert "1 left as they are" in told
    assert Lease.objects.get().moderator_name == "bob"

    assert "1 given back." in act("give_back_selected", [held.pk])
    assert not Lease.objects.exists()

    assert "Why are these opened again?" in act("reopen_selected", [done.pk])
    assert "1 back in the queue." in act("reopen_selected", [done.pk], reason="mistake", note="no")
    event = Event.objects.filter(machine="flag", subject_id=done.pk).latest("sequence")
    assert (event.move, event.reason, event.note) == ("reopen", "mistake", "no")
    assert "dismiss_selected" in browser.get(FLAGS).content.decode()
    plain = browser_of(bob).get(FLAGS).content.decode()
    assert "reopen_selected" not in plain


def test_a_view_is_kept_under_a_name_changed_and_forgotten(
    a_flag: MakeFlag, alice: User, bob: User, browser_of: BrowserOf
) -> None:
    a_flag()
    browser = browser_of(alice)
    told = {"name": " Late  ones ", "query": "which=overdue&sure=certain&p=3&e=1&evil=x"}

    answer = browser.post(f"{FLAGS}views/", told)

    assert answer.headers["Location"] == f"{FLAGS}?which=overdue&sure=certain"
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("Late ones", "which=overdue&sure=certain")
    page = browser.get(f"{FLAGS}?sure=certain&which=overdue").content.decode()
    assert '<a href="?which=overdue&amp;sure=certain" aria-current="true">Late ones</a>' in page
    browser.post(f"{FLAGS}views/", {"name": "Late ones", "query": "which=mine"})
    assert SavedView.objects.get().query == "which=mine"
    browser.post(f"{FLAGS}views/", {"name": "  ", "query": "which=mine"})
    assert SavedView.objects.count() == 1

    forget = f"{FLAGS}views/{view.pk}/forget/"
    assert browser_of(bob).post(forget).status_code == 404
    assert browser.get(forget).status_code == 405
    assert browser.post(forget).status_code == 302
    assert not SavedView.objects.exists()


def test_the_review_screen_works_through_what_the_list_is_narrowed_to(
    a_flag: MakeFlag, alice: User, browser_of: BrowserOf
) -> None:
    asked = "which=second_review&sure=likely&age=week&kind=mirrored&policy__exact=block&q=film"
    told = wanted_of(dict(pair.split("=") for pair in asked.split("&")))
    assert told == {
        "state": "second_review",
        "least_score": "0.7",
        "most_score": "0.9",
        "older_than": "168",
        "kind": "mirrored",
        "policy": "block",
    }
    assert wanted_of({"which": "overdue"}) == {"overdue": "true"}
    assert wanted_of({"which": "mine"}) == {}
    assert wanted_of({"policy__exact": ""}) == {"policy": ""}
    page = browser_of(alice).get(f"{FLAGS}?which=escalated&sure=certain").content.decode()
    assert "review/?state=escalated&amp;least_score=0.9&amp;most_score=1.0" in page
    # What the link says, the screen asks REST for: both must know the names.
    answer = browser_of(alice).get("/api/v1/moderation/flags/", told)
    assert answer.status_code == 200


def test_the_list_is_narrowed_by_who_holds_it(
    a_flag: MakeFlag, alice: User, bob: User, browser_of: BrowserOf
) -> None:
    flags = [a_flag(), a_flag(), a_flag()]
    take(alice, flags[0].pk)
    take(bob, flags[1].pk)
    browser = browser_of(alice)

    def shown(held: str) -> set[int]:
        page = browser.get(f"{FLAGS}?which=waiting&held={held}")
        return {row.pk for row in page.context["cl"].result_list}

    assert shown(str(bob.pk)) == {flags[1].pk}
    assert shown("nobody") == {flags[2].pk}
    assert shown("anybody") == {flags[0].pk, flags[1].pk}
    assert shown("nonsense") == {flag.pk for flag in flags}
    assert shown("9" * 30) == set()


def test_a_decided_flag_is_looked_at_without_a_lease(
    a_flag: MakeFlag, alice: User, charlie: User, browser_of: BrowserOf
) -> None:
    flag = a_flag()
    decision = decided(flag, alice)

    page = browser_of(charlie).get(f"{FLAGS}{flag.pk}/review/")
    assert page.context["review"]["waits"] is False
    told = browser_of(charlie).get(f"/api/v1/moderation/flags/{flag.pk}/").json()
    assert [choice["verb"] for choice in told["choices"]] == ["reopen"]
    assert told["decisions"][0]["id"] == decision.pk
    assert told["hand_to"] == []
    own = browser_of(alice).get(f"/api/v1/moderation/flags/{flag.pk}/").json()
    assert [choice["verb"] for choice in own["choices"]] == ["undo"]
    assert browser_of(alice).get(f"{FLAGS}999999/review/").status_code == 404


def test_a_lead_is_told_who_may_be_given_a_flag_that_is_held(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User, browser_of: BrowserOf
) -> None:
    flag = a_flag()
    take(alice, flag.pk)
    page = f"/api/v1/moderation/flags/{flag.pk}/"

    assert browser_of(charlie).get(page).json()["hand_to"] == ["bob", "charlie"]
    assert browser_of(bob).get(page).json()["hand_to"] == []


def test_groups_that_were_there_before_are_given_what_came_later_once(
    db: None,
) -> None:
    leads = Group.objects.get(name="Leads")
    leads.permissions.clear()

    class Plan:
        name, app_label = "0007_console", "moderation"

    make_groups("default", plan=[(Plan, False)])
    assert {row.codename for row in leads.permissions.all()} == {"add_allowrule", "view_video"}
    leads.permissions.clear()
    make_groups("default")
    assert not leads.permissions.exists()


@pytest.fixture
def sixty(
    a_flag: MakeFlag, video_row: Callable[..., Video], alice: User, person: MakeUser
) -> list[Flag]:
    """Flags of many uploaders and holders, some of them held."""
    flags = []
    for number in range(60):
        film = video_row(f"{number}.mp4", title=f"Film {number}")
        if number % 3 == 0:
            register(film.pk, Rights(holder_named(f"Holder {number % 9}"), policy="block"))
        copy = video_row("copy.mp4", owner=person(f"uploader {number % 7}"))
        flags.append(a_flag(query=copy, reference=film))
    for row in flags[:3]:
        take(alice, row.pk)
    return flags


PAGES = (
    *(f"{FLAGS}?which=waiting", FLAGS, f"{FLAGS}?which=overdue&sure=certain", "/admin/"),
    *("/api/v1/moderation/flags/", "/api/v1/moderation/flags/?state="),
    *("/admin/moderation/event/", "/admin/moderation/decision/"),
)


@pytest.mark.parametrize("who", ["Moderators", "Leads"])
def test_a_page_of_sixty_flags_takes_few_queries(
    who: str,
    sixty: list[Flag],
    person: MakeUser,
    browser_of: BrowserOf,
    django_assert_max_num_queries: Any,
) -> None:
    user = person("reader", who)
    if who == "Moderators":
        Queue.objects.create(group=Group.objects.get(name=who), policies=["", "block"])
    for flag in sixty[10:30]:
        decided(flag, user)
    browser = browser_of(user)

    for page in PAGES:
        with django_assert_max_num_queries(MOST_QUERIES, info=page):
            answer = browser.get(page)
        assert answer.status_code == 200
