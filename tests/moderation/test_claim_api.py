"""Claims over REST, on the video's page and in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.decide import Because, Ticket, confirm
from moderation.models import Claim
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.access.visibility import new_secret
from videos.models import State, Video

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dora(person: MakeUser) -> User:
    dora = person("dora")
    holder_named("Acme").members.add(dora)
    return dora


@pytest.fixture
def claim(
    a_flag: MakeFlag,
    video_row: Callable[..., Video],
    alice: User,
    dora: User,
    change_settings: Callable[..., None],
) -> Claim:
    """Acme's claim under "block" on a public video of nobody's account."""
    change_settings(block_needs_two=False)
    _, stored = new_secret()
    copy = video_row("copy.mp4", visibility="public", state=State.READY, secret_sha256=stored)
    flag = a_flag(query=copy)
    rights = Rights(holder_named("Acme"), licence="TV", territories=["DE", "FR"], policy="block")
    register(flag.reference_id, rights)
    hold = take(alice, flag.pk)
    confirm(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
    return Claim.objects.get()


@pytest.fixture
def uploader(claim: Claim) -> Client:
    """Without an account: the upload's secret in a header."""
    secret, stored = new_secret()
    Video.objects.filter(pk=claim.query_id).update(secret_sha256=stored)
    return Client(headers={"X-Upload-Secret": secret})


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(client: Client, address: str, status: int = 200, **body: Any) -> Any:
    answer = client.post(address, body, "application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def on_video(claim: Claim) -> str:
    return f"/api/v1/videos/{claim.query_id}/claims/"


def test_the_uploader_is_shown_a_statement_of_reasons(claim: Claim, uploader: Client) -> None:
    told = uploader.get(on_video(claim)).json()

    assert told["policy_applied"] == "block"
    (shown,) = told["claims"]
    assert (shown["holder"], shown["state"], shown["in_effect"]) == ("Acme", "active", True)
    statement = shown["statement"]
    assert statement["restriction"] == "The video is not shown to the public."
    assert statement["territories"] == ["DE", "FR"]
    assert "holds everywhere" in statement["where"]
    assert statement["ground"] == "Rights of Acme in a registered video, under the licence “TV”."
    assert statement["facts"]["seconds"] == 10
    assert (statement["found_by"], statement["decided_by"]) == ("machine", "person")
    assert statement["redress"] == "You can dispute this, with a reason."
    (choice,) = shown["choices"]
    assert choice["address"] == f"{on_video(claim)}{claim.pk}/dispute/"
    assert "licensed" in [reason["value"] for reason in choice["reasons"]]
    assert "alice" not in str(told), "who decided is not named"


def test_it_is_disputed_reinstated_appealed_and_upheld_over_rest(
    claim: Claim, uploader: Client, bob: User, charlie: User, dora: User
) -> None:
    theirs, ours = f"{on_video(claim)}{claim.pk}", f"/api/v1/claims/{claim.pk}"
    words: dict[str, Any] = {"reason": "licensed", "note": "Contract of 3 May."}

    told = post(uploader, f"{theirs}/dispute/", version=1, **words)
    assert (told["state"], told["choices"]) == ("disputed", [])
    assert told["history"][-1]["note"] == "Contract of 3 May."
    assert post(uploader, f"{theirs}/dispute/", 409, version=1, **words)["code"] == "WRONG_STATE"
    holder = signed_in(dora).get("/api/v1/claims/?state=disputed").json()["claims"]
    assert [row["id"] for row in holder] == [claim.pk]
    assert [choice["verb"] for choice in holder[0]["choices"]] == ["release", "withdraw"]
    no: dict[str, Any] = {"reason": "no_licence", "note": "It ended."}
    assert post(signed_in(dora), f"{ours}/reinstate/", 403, version=2, **no)["code"] == "NOT_YOURS"
    post(signed_in(bob), f"{ours}/reinstate/", version=2, **no)
    post(uploader, f"{theirs}/appeal/", version=3, **words)
    assert post(signed_in(bob), f"{ours}/uphold/", 403, version=4, **no)["code"] == "NOT_YOURS"
    told = post(signed_in(charlie), f"{ours}/uphold/", version=4, **no)

    assert (told["state"], told["in_effect"]) == ("upheld", True)
    documents = ["https://acme.example/notice-17"]
    notice: dict[str, Any] = {
        "reason": "formal_notice",
        "note": "Under § 512.",
        "documents": documents,
    }
    told = post(signed_in(dora), f"{ours}/take-down/", version=5, **notice)
    assert told["history"][-1]["documents"] == documents


def test_others_are_told_nothing(
    claim: Claim, uploader: Client, person: MakeUser, a_flag: MakeFlag
) -> None:
    mallory = signed_in(person("mallory"))
    words: dict[str, Any] = {"version": 1, "reason": "licensed", "note": "mine"}
    assert uploader.get(on_video(claim)).status_code == 200

    for client in (mallory, Client()):
        assert client.get(on_video(claim)).status_code == 404
        assert client.get(f"/api/v1/claims/{claim.pk}/").status_code == 404
        assert client.get("/api/v1/claims/").json() == {"claims": [], "after": None}
        refused = post(client, f"{on_video(claim)}{claim.pk}/dispute/", 404, **words)
        assert refused["code"] == "NO_CLAIM"
    public = a_flag().query_id
    Video.objects.filter(pk=public).update(visibility="public")
    assert mallory.get(f"/api/v1/videos/{public}/claims/").status_code == 404


def test_what_is_no_move_of_an_uploader_is_not_found_below_their_video(
    claim: Claim, uploader: Client
) -> None:
    body: dict[str, Any] = {"version": 1, "reason": "settled", "note": "x"}
    told = post(uploader, f"{on_video(claim)}{claim.pk}/withdraw/", 404, **body)
    assert told["code"] == "NO_CLAIM"
    assert post(uploader, f"/api/v1/claims/{claim.pk}/withdraw/", 403, **body)["code"] == (
        "NOT_YOURS"
    )
    assert post(uploader, f"/api/v1/claims/{claim.pk}/withdraw/", 400)["code"] == "INVALID"


def test_the_page_shows_the_statement_and_takes_the_dispute(claim: Claim) -> None:
    secret, stored = new_secret()
    Video.objects.filter(pk=claim.query_id).update(secret_sha256=stored)
    address, client = f"/videos/{claim.query_id}/?secret={secret}", Client()
    page = client.get(address).content.decode()
    for words in ("This video is blocked", "Found by a machine, decided by a person", "Dispute…"):
        assert words in page
    form = {"verb": "dispute", "version": "1", "reason": "licensed", "note": "<b>Contract</b>"}

    at = f"/videos/{claim.query_id}/claims/{claim.pk}/?secret={secret}"
    done = client.post(at, form, follow=True)

    assert done.redirect_chain[-1][0] == f"{address}#claims"
    page = done.content.decode()
    assert "Your dispute is with the rights holder" in page
    assert "&lt;b&gt;Contract&lt;/b&gt;" in page
    assert "Dispute…" not in page
    assert Claim.objects.get().state == "disputed"
    again = client.post(at, form, follow=True).content.decode()
    assert "cannot be done with a claim that is disputed" in again
    assert Client().post(at.partition("?")[0], form).status_code == 302
    assert Claim.objects.get().version == 2


def test_a_public_page_shows_strangers_no_claims(claim: Claim, person: MakeUser) -> None:
    Claim.objects.update(policy="track")
    Video.objects.update(blocked_at=None)

    page = Client().get(f"/videos/{claim.query_id}/").content.decode()

    assert "Claim" not in page
    assert "Acme" not in page


def test_moderators_answer_in_the_admin_and_the_rest_of_the_staff_looks_on(
    claim: Claim, uploader: Client, bob: User, admin_client: Client
) -> None:
    bob.is_staff = True
    bob.save()
    words: dict[str, Any] = {"reason": "licensed", "note": "Contract of 3 May."}
    post(uploader, f"{on_video(claim)}{claim.pk}/dispute/", version=1, **words)
    moderator = signed_in(bob)
    assert "Disputed" in moderator.get("/admin/moderation/claim/?which=answer").content.decode()
    page = moderator.get(f"/admin/moderation/claim/{claim.pk}/change/").content.decode()
    assert "Contract of 3 May." in page
    assert "Reinstate…" in page
    assert "Reinstate…" not in (
        admin_client.get(f"/admin/moderation/claim/{claim.pk}/change/").content.decode()
    )
    form = {"verb": "reinstate", "version": "2", "reason": "no_licence", "note": "It ended."}
    act = f"/admin/moderation/claim/{claim.pk}/act/"
    assert "none of yours" in admin_client.post(act, form, follow=True).content.decode()

    done = moderator.post(act, form, follow=True)

    assert "The claim is reinstated now." in done.content.decode()
    assert Claim.objects.get().state == "reinstated"


@pytest.mark.parametrize("which", ["", "answer", "over", "all"])
def test_the_list_of_claims_takes_few_queries(
    which: str, claim: Claim, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(16):
        answer = admin_client.get(f"/admin/moderation/claim/?which={which}")

    shown = f"/admin/moderation/claim/{claim.pk}/change/" in answer.content.decode()
    assert (answer.status_code, shown) == (200, which in ("", "all"))
