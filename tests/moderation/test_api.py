"""The queue over REST: see, take, hold, decide, undo; and what a conflict tells."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from moderation.models import AllowRule, Decision, Draft, Event, Flag, Lease
from moderation.registration import Rights, holder_named, register
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.models import Video

pytestmark = pytest.mark.django_db

BASE = "/api/v1/moderation"


@pytest.fixture
def tool() -> Callable[[User], "Tool"]:
    return Tool


class Tool:
    """A moderator's own program."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(f"{BASE}/{path}")
        assert answer.status_code == status, answer.content
        return answer.json()

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        answer = self.client.post(f"{BASE}/{path}", body, "application/json")
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    def take(self, flag: Flag) -> dict[str, Any]:
        told: dict[str, Any] = self.post(f"flags/{flag.pk}/take/")
        return told

    def decide(
        self, verb: str, told: dict[str, Any], reason: str, status: int = 200, **more: Any
    ) -> Any:
        body = {"version": told["version"], "token": told["lease"]["token"], "reason": reason}
        return self.post(f"flags/{told['id']}/{verb}/", status, **(body | more))


def test_the_queue_is_told_in_its_order_and_page_by_page(a_flag: MakeFlag, alice: User) -> None:
    flags = [a_flag(score, query=None) for score in (0.75, 0.95, 0.85)]
    told = Tool(alice).get("flags/")

    assert [row["id"] for row in told["flags"]] == [flags[1].pk, flags[2].pk, flags[0].pk]
    assert told["after"] is None
    first = told["flags"][0]
    assert (first["state"], first["confidence_word"], first["lease"]) == ("open", "certain", None)
    assert first["query"] == {"id": str(flags[1].query_id), "name": "copy.mp4"}
    rest = Tool(alice).get(f"flags/?after={flags[1].pk}")["flags"]
    assert [row["id"] for row in rest] == [flags[2].pk, flags[0].pk]


def test_filters_narrow_the_queue_and_wrong_ones_are_refused(a_flag: MakeFlag, alice: User) -> None:
    sure, unsure = a_flag(0.95), a_flag(0.75, kinds=["flip"])
    tool = Tool(alice)

    assert [row["id"] for row in tool.get("flags/?least_score=0.9")["flags"]] == [sure.pk]
    assert [row["id"] for row in tool.get("flags/?kind=flip")["flags"]] == [unsure.pk]
    assert tool.get("flags/?overdue=true")["flags"] == []
    assert tool.get("flags/?least_score=2", 400)["code"] == "INVALID"
    assert tool.get("flags/?state=nowhere", 400)["code"] == "INVALID"


def test_counts_are_told_by_state(a_flag: MakeFlag, alice: User) -> None:
    a_flag()
    Tool(alice).take(a_flag())

    told = Tool(alice).get("counts/")

    assert {state: row["count"] for state, row in told.items()} == {"open": 1, "leased": 1}
    assert told["open"]["overdue"] == 0


def test_a_case_has_all_that_a_decision_needs(
    a_flag: MakeFlag, alice: User, person: MakeUser, video_row: Callable[..., Video]
) -> None:
    uploader = person("dora")
    flag = a_flag(query=video_row("copy.mp4", owner=uploader), aligned_cuts=4)

    told = Tool(alice).take(flag)

    assert told["match"]["segments"][0]["other_start"] == 50.0
    assert told["match"]["video"]["filename"] == "film.mp4"
    assert told["video"]["id"] == str(flag.query_id)
    assert (told["aligned_cuts"], told["threshold"]) == (4, pytest.approx(0.7, abs=0.3))
    assert told["uploader"] == {
        "name": "dora",
        "since": uploader.date_joined.isoformat(),
        "videos": 1,
        "confirmed": 0,
        "dismissed": 0,
    }
    assert [event["move"] for event in told["history"]] == ["take", "open", "detect"]
    verbs = {choice["verb"]: choice for choice in told["choices"]}
    assert set(verbs) == {"dismiss", "confirm", "escalate"}
    assert "licensed" in [reason["value"] for reason in verbs["dismiss"]["reasons"]]
    assert verbs["escalate"]["needs_note"]
    assert uuid.UUID(told["lease"]["token"])


def test_before_it_is_taken_nothing_can_be_chosen_and_no_token_is_told(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag = a_flag()
    assert Tool(bob).get(f"flags/{flag.pk}/")["choices"] == []
    Tool(alice).take(flag)

    seen = Tool(bob).get(f"flags/{flag.pk}/")

    assert (seen["lease"]["holder"], seen["lease"]["mine"]) == ("alice", False)
    assert "token" not in seen["lease"]
    assert seen["choices"] == []
    assert seen["looking"] == ["alice"]


def test_taking_the_next_passes_over_what_is_held_and_ends_with_an_empty_answer(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    first, second = a_flag(0.95), a_flag(0.8)

    assert Tool(alice).post("flags/next/")["id"] == first.pk
    assert Tool(bob).post("flags/next/")["id"] == second.pk
    assert Tool(bob).post("flags/next/", 204, state="escalated") is None


def test_after_a_skipped_flag_the_next_one_comes(a_flag: MakeFlag, alice: User) -> None:
    first, second = a_flag(0.95), a_flag(0.8)

    assert Tool(alice).post("flags/next/", after=first.pk)["id"] == second.pk
    assert Tool(alice).post("flags/next/", 204, after=second.pk) is None


def test_every_conflict_names_holder_and_expiry(a_flag: MakeFlag, alice: User, bob: User) -> None:
    flag = a_flag()
    held = Tool(alice).take(flag)
    foreign = {"version": held["version"], "token": str(uuid.uuid4()), "reason": "licensed"}

    answers = [
        Tool(bob).post(f"flags/{flag.pk}/take/", 409),
        Tool(bob).post(f"flags/{flag.pk}/dismiss/", 409, **foreign),
        Tool(bob).post(f"flags/{flag.pk}/renew/", 409, token=foreign["token"]),
        Tool(bob).post(f"flags/{flag.pk}/release/", 409, token=foreign["token"]),
        Tool(bob).post(f"flags/{flag.pk}/undo/", 409),
        Tool(alice).decide("dismiss", held | {"version": 1}, "licensed", 409),
    ]

    assert [answer["code"] for answer in answers] == [
        *("HELD", "HELD", "LEASE_LOST", "LEASE_LOST", "WRONG_STATE", "CHANGED")
    ]
    for answer in answers:
        assert (answer["holder"], answer["expires_at"]) == ("alice", held["lease"]["expires_at"])


def test_where_nobody_holds_it_a_conflict_says_so(a_flag: MakeFlag, alice: User) -> None:
    flag = a_flag()

    told = Tool(alice).post(f"flags/{flag.pk}/renew/", 409, token=str(uuid.uuid4()))

    assert (told["code"], told["holder"], told["expires_at"]) == ("LEASE_LOST", None, None)


def test_a_lease_is_renewed_by_its_token_and_given_back(a_flag: MakeFlag, alice: User) -> None:
    flag, tool = a_flag(), Tool(alice)
    token = tool.take(flag)["lease"]["token"]
    Lease.objects.update(expires_at=timezone.now() + timedelta(seconds=1))

    told = tool.post(f"flags/{flag.pk}/renew/", token=token)
    assert Lease.objects.get().expires_at.isoformat() == told["expires_at"]
    assert told["looking"] == []
    tool.post(f"flags/{flag.pk}/release/", 204, token=token)

    flag.refresh_from_db()
    assert (flag.state, Lease.objects.exists()) == ("open", False)


def test_a_draft_outlives_the_lease_and_comes_back_with_the_flag(
    a_flag: MakeFlag, alice: User
) -> None:
    flag, tool = a_flag(), Tool(alice)
    token = tool.take(flag)["lease"]["token"]
    body = {"reason": "licensed", "note": "they wrote to us"}
    answer = tool.client.put(f"{BASE}/flags/{flag.pk}/draft/", body, "application/json")
    assert answer.status_code == 200
    tool.post(f"flags/{flag.pk}/release/", 204, token=token)

    assert tool.take(flag)["draft"] == body


def test_a_dismissal_may_be_remembered(a_flag: MakeFlag, alice: User) -> None:
    flag, tool = a_flag(), Tool(alice)
    told = tool.take(flag)
    done = tool.decide(
        "dismiss", told, "licensed", seen=told["evidence_sha256"], remember=True, days=30
    )

    assert (done["state"], done["lease"]) == ("dismissed", None)
    decision, rule = Decision.objects.get(), AllowRule.objects.get()
    assert (decision.moderator_name, decision.reason) == ("alice", "licensed")
    assert {rule.video_id, rule.other_id} == {flag.query_id, flag.reference_id}
    assert rule.expires_at is not None
    assert hashlib.sha256(decision.evidence.encode()).hexdigest() == decision.evidence_sha256


def test_a_confirmation_names_its_segments_and_can_be_undone(a_flag: MakeFlag, alice: User) -> None:
    stretches = [(0.0, 10.0, 50.0, 60.0), (20.0, 30.0, 80.0, 90.0)]
    flag, tool = a_flag(segments=stretches), Tool(alice)
    told = tool.take(flag)
    assert tool.decide("confirm", told, "partial_copy", 422, segments=[7])["code"] == "BAD_SEGMENTS"
    assert tool.decide("confirm", told, "licensed", 422)["code"] == "BAD_REASON"

    assert tool.decide("confirm", told, "partial_copy", segments=[1])["state"] == "confirmed"
    assert Decision.objects.get().segments == [[20.0, 30.0, 80.0, 90.0]]

    assert tool.post(f"flags/{flag.pk}/undo/")["state"] == "open"
    assert Decision.objects.count() == 1, "the record stays"


def test_what_was_escalated_is_answered_by_a_lead(
    a_flag: MakeFlag, alice: User, charlie: User
) -> None:
    flag, tool = a_flag(), Tool(alice)
    assert tool.decide("escalate", tool.take(flag), "", 422)["code"] == "NOTE_NEEDED"
    tool.decide("escalate", tool.take(flag), "", note="Is this a parody?")
    assert tool.post(f"flags/{flag.pk}/take/", 403)["code"] == "NOT_YOURS"

    lead = Tool(charlie)
    told = lead.take(flag)
    assert [choice["verb"] for choice in told["choices"]] == [
        *("answer-dismiss", "answer-confirm", "send-back")
    ]
    assert lead.decide("answer-dismiss", told, "exception")["state"] == "dismissed"


def test_blocking_asks_for_a_second_moderator_and_says_so_before(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flag = a_flag()
    register(flag.reference_id, Rights(holder_named("Acme"), policy="block"))
    told = Tool(alice).take(flag)
    does = {choice["verb"]: choice["does"] for choice in told["choices"]}["confirm"]
    assert does == (
        "Asks another moderator to agree, because blocking needs two people. Then: "
        "Blocks the video for the public, at once, for Acme, and tells the uploader."
    )

    assert Tool(alice).decide("confirm", told, "full_copy")["state"] == "second_review"
    assert Tool(alice).post(f"flags/{flag.pk}/take/", 403)["code"] == "NOT_YOURS"
    second = Tool(bob).take(flag)
    assert Tool(bob).decide("agree", second, "full_copy")["state"] == "confirmed"


def test_a_lead_hands_over_and_reopens(
    a_flag: MakeFlag, alice: User, bob: User, charlie: User
) -> None:
    flag = a_flag()
    Tool(alice).take(flag)
    lead = Tool(charlie)
    assert lead.post(f"flags/{flag.pk}/hand-over/", to="bob")["holder"] == "bob"
    told = Tool(bob).get(f"flags/{flag.pk}/")
    done = Tool(bob).decide("dismiss", told, "trivial_overlap")

    assert Tool(bob).post(
        f"flags/{flag.pk}/reopen/", 403, version=done["version"], reason="mistake"
    )
    again = lead.post(f"flags/{flag.pk}/reopen/", version=done["version"], reason="mistake")
    assert again["state"] == "open"


def test_a_selection_is_decided_at_once_and_what_cannot_be_is_told(
    a_flag: MakeFlag, alice: User, bob: User
) -> None:
    flags = [a_flag(), a_flag(), a_flag()]
    Tool(bob).take(flags[2])
    selection = [{"id": flag.pk, "version": 2} for flag in flags]

    told = Tool(alice).post("bulk/", flags=selection, verdict="dismissed", reason="trivial_overlap")

    assert {row["id"] for row in told["done"]} == {flags[0].pk, flags[1].pk}
    assert [(row["id"], row["code"]) for row in told["refused"]] == [(flags[2].pk, "HELD")]
    assert Event.objects.filter(bulk_id=told["bulk"]).count() == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "counts/"),
        ("get", "flags/"),
        ("get", "flags/1/"),
        ("get", "flags/1/history/"),
        ("post", "flags/next/"),
        ("post", "flags/1/take/"),
        ("post", "flags/1/undo/"),
        ("put", "flags/1/draft/"),
        ("post", "bulk/"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "uploader", "superuser"])
def test_who_is_no_moderator_is_told_so_and_nothing_else(
    method: str, path: str, who: str, person: MakeUser
) -> None:
    client = Client()
    if who != "nobody":
        user = person(who)
        user.is_superuser = user.is_staff = who == "superuser"
        user.save()
        client.force_login(user)
    body = {
        "flags": [{"id": 1, "version": 1}],
        "verdict": "dismissed",
        "reason": "licensed",
    }
    answer = getattr(client, method)(
        f"{BASE}/{path}",
        **({} if method == "get" else {"data": body, "content_type": "application/json"}),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "NO_MODERATOR")


def test_a_flag_that_is_not_in_ones_queues_does_not_exist(alice: User) -> None:
    tool = Tool(alice)
    assert tool.get("flags/999999/", 404)["code"] == "NO_FLAG"
    assert tool.post("flags/999999/take/", 404)["code"] == "NO_FLAG"
    assert not Draft.objects.exists()
