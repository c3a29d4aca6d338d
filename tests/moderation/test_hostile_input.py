"""Whatever somebody sends: a refusal in words, and no fault of ours."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.bulk import MOST_AT_ONCE, Verdict, bulk
from moderation.claim_verbs import Said, act
from moderation.decide import Because, Ticket, confirm, dismiss, escalate, reopen
from moderation.models import Claim, Event, Flag, Looking, SavedView
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.access.visibility import Viewer
from videos.errors import Refusal
from videos.models import Video

pytestmark = pytest.mark.django_db

ENDLESS = "9" * 10_000
BASE = "/api/v1/moderation"


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def eve(person: MakeUser) -> User:
    return person("eve")


@pytest.fixture
def charlie(charlie: User) -> User:
    charlie.is_staff = True
    charlie.save()
    return charlie


@pytest.fixture
def lead(charlie: User) -> Client:
    return signed_in(charlie)


@pytest.fixture
def claim(
    a_flag: MakeFlag,
    video_row: Callable[..., Video],
    eve: User,
    alice: User,
    change_settings: Callable[..., None],
) -> Claim:
    change_settings(block_needs_two=False)
    flag = a_flag(query=video_row("copy.mp4", owner=eve))
    register(flag.reference_id, Rights(holder_named("Acme"), policy="block"))
    hold = take(alice, flag.pk)
    confirm(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
    return Claim.objects.get()


def said(answer: Any) -> str:
    assert answer.status_code == 200, answer.content[:300]
    return str(answer.content.decode())


@pytest.mark.parametrize("version", [ENDLESS, "-1", "1.5", "²", "", "NaN", "1\x00"])
def test_a_version_that_is_no_number_is_refused_in_words(
    version: str, claim: Claim, eve: User, lead: Client
) -> None:
    form = {"verb": "dispute", "version": version, "reason": "licensed", "note": "mine"}
    page = f"/videos/{claim.query_id}/claims/{claim.pk}/"
    told = said(signed_in(eve).post(page, form, follow=True))
    assert "Look again, then decide" in told

    at = f"/admin/moderation/claim/{claim.pk}/act/"
    told = said(lead.post(at, {**form, "verb": "release"}, follow=True))
    assert "Look again, then decide" in told
    claim.refresh_from_db()
    assert (claim.state, claim.version) == ("active", 1)


@pytest.mark.parametrize("verb", ["", "propose", "restore", "expire", "no such\x00", "x" * 5000])
def test_a_verb_that_is_none_is_refused_in_words(
    verb: str, claim: Claim, eve: User, lead: Client
) -> None:
    form = {"verb": verb, "version": "1", "reason": "licensed", "note": "mine"}
    page = f"/videos/{claim.query_id}/claims/{claim.pk}/"
    assert "none of yours" in said(signed_in(eve).post(page, form, follow=True))
    at = f"/admin/moderation/claim/{claim.pk}/act/"
    assert "cannot be done" in said(lead.post(at, form, follow=True)) or verb == "expire"
    assert Claim.objects.get().version == 1


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (Said("licensed", "a\x00b"), "BAD_NOTE"),
        (Said("licensed", "x" * 10_001), "BAD_NOTE"),
        (Said("licensed", "mine", ["a\x00b"]), "BAD_DOCUMENTS"),
        (Said("y" * 100_000, "mine"), "BAD_REASON"),
    ],
)
def test_what_the_record_cannot_keep_is_refused(
    told: Said, code: str, claim: Claim, eve: User
) -> None:
    with pytest.raises(Refusal, match=code) as refused:
        act(Viewer(eve), claim.pk, 1, "dispute", told)

    assert len(refused.value.message) < 200
    assert Event.objects.filter(machine="claim").count() == 1


def test_a_note_on_the_page_is_no_fault_whatever_is_in_it(claim: Claim, eve: User) -> None:
    form = {"verb": "dispute", "version": "1", "reason": "licensed", "note": "a\x00b"}
    page = f"/videos/{claim.query_id}/claims/{claim.pk}/"

    assert "A note is a text" in said(signed_in(eve).post(page, form, follow=True))


@pytest.mark.parametrize("note", ["a\x00b", "x" * 10_001])
def test_a_note_about_a_flag_is_refused_by_every_verb(
    note: str, a_flag: MakeFlag, alice: User, charlie: User
) -> None:
    flag, other = a_flag(), a_flag()
    hold = take(alice, flag.pk)
    ticket = Ticket(flag.pk, hold.flag.version, hold.token)
    tries: list[Callable[[], object]] = [
        lambda: dismiss(alice, ticket, Because("licensed", note)),
        lambda: confirm(alice, ticket, Because("full_copy", note)),
        lambda: escalate(alice, ticket, note),
        lambda: bulk(alice, {other.pk: other.version}, Verdict.DISMISSED, "licensed", note),
        lambda: reopen(charlie, flag.pk, hold.flag.version, "mistake", note),
    ]
    for attempt in tries:
        with pytest.raises(Refusal, match="BAD_NOTE"):
            attempt()
    assert set(Flag.objects.values_list("state", flat=True)) == {"leased", "open"}


@pytest.mark.parametrize(
    "asked",
    [
        *("older_than=nan", "older_than=inf", "older_than=1e300", "older_than=-1"),
        *("least_score=nan", "most_score=nan", f"holder={ENDLESS}", f"after={ENDLESS}"),
        *("holder=99999999999999999999", "held_by=99999999999999999999", "kind=%00"),
        *("after=99999999999999999999", "after=-5", "holder=-5", "state=none", "policy=%00"),
    ],
)
def test_filters_of_the_queue_that_are_none(asked: str, a_flag: MakeFlag, alice: User) -> None:
    a_flag()

    answer = signed_in(alice).get(f"{BASE}/flags/?{asked}")

    assert answer.status_code in (200, 400), answer.content


@pytest.mark.parametrize("body", ["[]", "1", '"a"', "null", "{", "\x00", '{"older_than": NaN}'])
@pytest.mark.parametrize("path", ["flags/next/", "bulk/", "flags/{}/take/", "flags/{}/dismiss/"])
def test_bodies_that_are_none(path: str, body: str, a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()

    answer = signed_in(alice).post(f"{BASE}/{path.format(flag.pk)}", body, "application/json")

    assert answer.status_code in (200, 400), answer.content
    assert Flag.objects.get().state in ("open", "leased")


@pytest.mark.parametrize(
    "told",
    [
        {"version": 10**30, "reason": "licensed", "note": "x"},
        {"version": -1, "reason": "licensed", "note": "x"},
        {"version": 1, "reason": "licensed", "note": "a\x00b"},
        {"version": 1, "reason": "licensed", "note": "\ud800"},
        {"version": 1, "reason": "licensed", "note": "x", "documents": ["\x00"]},
        {"version": 1, "reason": "licensed", "note": "x", "documents": "x"},
        {"version": 1.5, "reason": ["licensed"], "note": {}},
    ],
)
def test_moves_of_claims_that_are_none(told: dict[str, Any], claim: Claim, eve: User) -> None:
    path = f"/api/v1/videos/{claim.query_id}/claims/{claim.pk}/dispute/"

    answer = signed_in(eve).post(path, told, "application/json")

    assert answer.status_code in (400, 409, 422), answer.content
    assert Claim.objects.get().version == 1


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/flags/1/history/?before={ENDLESS}",
        f"{BASE}/flags/99999999999999999999/",
        f"{BASE}/flags/{ENDLESS}/",
        "/api/v1/claims/99999999999999999999/",
        f"/api/v1/claims/?after={ENDLESS}",
        "/api/v1/claims/?after=-1&state=%00",
        f"/admin/moderation/claim/{ENDLESS}/change/",
        "/admin/moderation/claim/99999999999999999999/change/",
        f"/admin/moderation/flag/{ENDLESS}/change/",
        f"/admin/moderation/flag/?held={ENDLESS}",
        "/admin/moderation/flag/?kind=%00",
        "/admin/moderation/flag/?age=%00&sure=%00&which=%00",
        "/admin/moderation/claim/?which=%00",
    ],
)
def test_addresses_with_numbers_that_are_none(path: str, claim: Claim, lead: Client) -> None:
    flag = claim.flag_id
    assert lead.get(path.replace("/flags/1/", f"/flags/{flag}/")).status_code < 500


@pytest.mark.parametrize("flag_id", ["999999", "99999999999999999999"])
def test_a_flag_that_is_not_there_is_not_renewed(flag_id: str, alice: User) -> None:
    answer = signed_in(alice).post(f"{BASE}/flags/{flag_id}/renew/", {}, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (404, "NO_FLAG")


def test_who_holds_what_is_not_in_one_s_queues_is_not_told(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag = a_flag()
    take(alice, flag.pk)
    limited = bob.groups.get().queues.create()
    limited.holders.add(holder_named("Other"))

    answer = signed_in(bob).post(f"{BASE}/flags/{flag.pk}/renew/", {}, "application/json")

    assert (answer.status_code, "alice" in answer.content.decode()) == (404, False)
    assert not Looking.objects.exists()


@pytest.fixture
def action() -> dict[str, Any]:
    return {"action": "dismiss_selected", "reason": "licensed"}


def test_a_selection_with_versions_that_are_none_is_left(
    action: dict[str, Any], a_flag: MakeFlag, lead: Client
) -> None:
    flag = a_flag()
    seen = [f"{flag.pk}:{ENDLESS}", f"{ENDLESS}:1", ":", "x:²"]
    told = {**action, "_selected_action": [flag.pk], "seen": seen, "note": "a\x00b"}

    assert "A note is a text" in said(lead.post("/admin/moderation/flag/", told, follow=True))
    told["note"] = "fine"
    assert "1 decided" in said(lead.post("/admin/moderation/flag/", told, follow=True))


def test_no_more_are_decided_at_once_than_one_transaction_should_hold(alice: User) -> None:
    selection = dict.fromkeys(range(MOST_AT_ONCE + 1), 1)

    with pytest.raises(Refusal, match="TOO_MANY"):
        bulk(alice, selection, Verdict.DISMISSED, "licensed")


def test_a_view_is_kept_under_whatever_name(lead: Client) -> None:
    told = {"name": "a\x00b", "query": "which=%00&kind=\x00"}

    assert lead.post("/admin/moderation/flag/views/", told).status_code == 302
    assert SavedView.objects.get().name == "a b"
