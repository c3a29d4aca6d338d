"""Every row of the claim table by a verb: who may, who may not, what is on record."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User

from moderation.claim_clocks import look_after
from moderation.claim_verbs import Said, act, choices, claims_on, visible_claims
from moderation.claims import turn
from moderation.decide import Because, Ticket, confirm, undo
from moderation.models import Claim, Event, Flag, RightsHolder
from moderation.reasons import BySystem
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from moderation.roles import SYSTEM
from moderation.states import CLAIM_MOVES, MOVES, STANDING, Machine, Who
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.access.visibility import Viewer, new_secret
from videos.errors import Refusal
from videos.models import Video

pytestmark = pytest.mark.django_db

WORDS = {
    "activate": Said("is_a_copy"),
    "dispute": Said("licensed", "Contract of 3 May."),
    "release": Said("licensed", "Found the contract."),
    "reinstate": Said("no_licence", "It ended in April."),
    "appeal": Said("licensed", "It was renewed."),
    "uphold": Said("no_licence", "The renewal is for another film."),
    "take_down": Said("formal_notice", "Under § 512.", ["notice-17.pdf"]),
    "counter": Said("formal_notice", "In good faith."),
    "hold": Said("court_action", "Case 4 O 17/26.", ["https://court.example/17"]),
    "withdraw": Said("mistake"),
}


@pytest.fixture
def eve(person: MakeUser) -> User:
    """The uploader."""
    return person("eve")


@pytest.fixture
def dora(person: MakeUser) -> User:
    """She acts for Acme."""
    dora = person("dora")
    holder_named("Acme").members.add(dora)
    return dora


@pytest.fixture
def frank(person: MakeUser) -> User:
    """A second lead."""
    return person("frank", "Leads")


@pytest.fixture
def a_claim(
    a_flag: MakeFlag,
    video_row: Callable[..., Video],
    eve: User,
    dora: User,
    alice: User,
    change_settings: Callable[..., None],
) -> Callable[..., Claim]:
    """Acme's claim on eve's video, which alice confirmed: a_claim("block", "disputed")."""
    change_settings(block_needs_two=False)
    ways: dict[str, list[tuple[str, User]]] = {
        "active": [],
        "potential": [],
        "disputed": [("dispute", eve)],
    }
    ways["reinstated"] = [*ways["disputed"], ("reinstate", alice)]
    ways["appealed"] = [*ways["reinstated"], ("appeal", eve)]

    def make(policy: str = "block", state: str = "", **fields: Any) -> Claim:
        flag = a_flag(query=video_row("copy.mp4", **({"owner": eve} | fields)))
        register(flag.reference_id, Rights(holder_named("Acme"), policy=policy))
        hold = take(alice, flag.pk)
        confirm(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
        claim = Claim.objects.get(flag=flag)
        for name, user in ways.get(state, []):
            claim = do(user, claim, name)
        return claim

    return make


def do(user: User, claim: Claim, name: str, said: Said | None = None) -> Claim:
    version = Claim.objects.get(pk=claim.pk).version
    return act(Viewer(user), claim.pk, version, name, said or WORDS[name])


def state(claim: Claim) -> str:
    return Claim.objects.get(pk=claim.pk).state


def let_time_pass(claim: Claim) -> None:
    claim.refresh_from_db()
    assert claim.until is not None
    Claim.objects.filter(pk=claim.pk).update(until=claim.opened_at)
    look_after()


def test_the_whole_way_to_the_court(
    a_claim: Callable[..., Claim], eve: User, dora: User, bob: User, frank: User
) -> None:
    claim = a_claim()
    steps = [
        ("dispute", eve, "disputed", "uploader"),
        ("reinstate", bob, "reinstated", "moderator"),
        ("appeal", eve, "appealed", "uploader"),
        ("uphold", frank, "upheld", "lead"),
        ("take_down", dora, "takedown", "claimant"),
        ("counter", eve, "counter_noticed", "uploader"),
        ("hold", dora, "litigation_hold", "claimant"),
    ]
    for name, user, after, kind in steps:
        assert name in choices(Viewer(user), Claim.objects.get())
        do(user, claim, name)
        event = Event.objects.filter(machine="claim").latest("pk")
        assert (state(claim), event.after, event.actor_kind) == (after, after, kind)
        assert (event.actor_id, event.actor_name) == (user.pk, user.username)
        assert (event.reason, event.note) == (WORDS[name].reason, WORDS[name].note)
    assert event.facts["documents"] == ["https://court.example/17"]
    claim.refresh_from_db()
    assert (claim.until, claim.version) == (None, 8)


def test_what_ends_in_favour_of_the_uploader(
    a_claim: Callable[..., Claim], eve: User, dora: User, alice: User, frank: User
) -> None:
    ways = [
        ("disputed", "release", dora, "released"),
        ("disputed", "release", alice, "released"),
        ("appealed", "release", frank, "released"),
        ("active", "withdraw", dora, "withdrawn"),
        ("disputed", "withdraw", dora, "withdrawn"),
        ("appealed", "withdraw", dora, "withdrawn"),
    ]
    for before, name, user, after in ways:
        claim = a_claim("block", before)
        do(user, claim, name)
        assert state(claim) == after, (before, name)


def test_what_waits_for_the_holder_takes_effect_when_they_say_so(
    a_claim: Callable[..., Claim], dora: User, bob: User, eve: User
) -> None:
    claim, other = a_claim("review"), a_claim("review")
    assert claims_on(Viewer(eve), Video.objects.get(pk=claim.query_id)) == []
    assert list(visible_claims(Viewer(eve))) == []
    with pytest.raises(Refusal, match="NO_CLAIM"):
        do(eve, claim, "activate")
    with pytest.raises(Refusal, match="BAD_REASON"):
        do(dora, claim, "activate", Said("is_a_copy", policy="review"))

    do(dora, claim, "activate", Said("is_a_copy", policy="block"))
    do(bob, other, "activate")

    told = Claim.objects.order_by("pk").values_list("state", "policy", "until")
    assert list(told) == [("active", "block", None), ("active", "track", None)]
    assert [c.pk for c in claims_on(Viewer(eve), Video.objects.get(pk=claim.query_id))] == [
        claim.pk
    ]


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [
        ("review", "potential", "expired"),
        ("block", "disputed", "released"),
        ("block", "appealed", "released"),
    ],
)
def test_what_nobody_answers_moves_by_itself(
    policy: str, before: str, after: str, a_claim: Callable[..., Claim]
) -> None:
    claim = a_claim(policy, before)
    look_after()
    assert state(claim) == before, "not before its time"

    let_time_pass(claim)

    assert state(claim) == after
    event = Event.objects.filter(machine="claim").latest("pk")
    assert (event.actor_kind, event.reason) == ("system", "time_over")
    look_after()
    assert Event.objects.filter(machine="claim").latest("pk") == event


def test_a_counter_notice_that_no_court_answers_restores(
    a_claim: Callable[..., Claim], eve: User, dora: User, frank: User
) -> None:
    claim = a_claim("block", "appealed")
    do(frank, claim, "uphold")
    do(dora, claim, "take_down")
    do(eve, claim, "counter")

    let_time_pass(claim)

    assert state(claim) == "restored"


@pytest.mark.parametrize(("before", "days"), [("potential", 30), ("disputed", 30), ("appealed", 7)])
def test_clocks_run_as_long_as_the_settings_say(
    before: str, days: int, a_claim: Callable[..., Claim]
) -> None:
    claim = a_claim("review" if before == "potential" else "block", before)
    claim.refresh_from_db()
    event = Event.objects.filter(machine="claim").latest("pk")

    assert claim.until is not None
    assert round((claim.until - event.at).total_seconds()) == days * 86_400
    assert event.facts["until"] == claim.until.isoformat()


def test_whoever_has_no_part_in_it_does_not_even_learn_of_it(
    a_claim: Callable[..., Claim], person: MakeUser
) -> None:
    claim = a_claim()
    for stranger in (Viewer(person("mallory")), Viewer(AnonymousUser())):
        assert list(visible_claims(stranger)) == []
        with pytest.raises(Refusal, match="NO_CLAIM"):
            act(stranger, claim.pk, claim.version, "dispute", WORDS["dispute"])


def test_each_party_has_its_own_moves_and_no_others(
    a_claim: Callable[..., Claim], eve: User, dora: User, bob: User, frank: User, person: MakeUser
) -> None:
    boss = person("root", "Leads")
    boss.is_superuser = True
    boss.save()
    parties = {"uploader": eve, "claimant": dora, "moderator": bob, "lead": frank}
    told = {
        before: {name: choices(Viewer(user), a_claim(policy, before)) for name, user in rows}
        for policy, before, rows in [
            ("review", "potential", parties.items()),
            ("block", "active", parties.items()),
            ("block", "disputed", parties.items()),
            ("block", "reinstated", parties.items()),
            ("block", "appealed", parties.items()),
        ]
    }

    assert told == {
        "potential": {
            "uploader": [],
            "claimant": ["activate", "withdraw"],
            "moderator": ["activate"],
            "lead": ["activate"],
        },
        "active": {
            "uploader": ["dispute"],
            "claimant": ["withdraw"],
            "moderator": [],
            "lead": [],
        },
        "disputed": {
            "uploader": [],
            "claimant": ["release", "withdraw"],
            "moderator": ["release", "reinstate"],
            "lead": ["release", "reinstate"],
        },
        "reinstated": {
            "uploader": ["appeal"],
            "claimant": ["withdraw"],
            "moderator": [],
            "lead": [],
        },
        "appealed": {
            "uploader": [],
            "claimant": ["withdraw"],
            "moderator": [],
            "lead": ["release", "uphold"],
        },
    }


def test_every_row_of_the_table_that_is_a_persons_has_a_verb(
    a_claim: Callable[..., Claim],
) -> None:
    theirs = {each.name for each in CLAIM_MOVES if set(each.who) - {Who.SYSTEM}}

    assert theirs == set(WORDS)
    assert set(STANDING) <= {s for each in MOVES[Machine.CLAIM] for s in each.before} | {
        "litigation_hold"
    }


def test_nobody_decides_in_their_own_matter(
    a_claim: Callable[..., Claim], person: MakeUser, dora: User, alice: User
) -> None:
    eve, both = person("eve", "Leads"), person("gina", "Moderators")
    holder_named("Acme").members.add(both)
    claim = a_claim("block", "disputed")
    for name in ("release", "reinstate"):
        with pytest.raises(Refusal, match="OWN_VIDEO"):
            do(eve, claim, name)
    with pytest.raises(Refusal, match="OWN_VIDEO"):
        do(both, claim, "reinstate")
    browser = Viewer(alice, frozenset({claim.query_id}))
    with pytest.raises(Refusal, match="OWN_VIDEO"):
        act(browser, claim.pk, claim.version, "reinstate", WORDS["reinstate"])

    do(both, claim, "release")

    assert Event.objects.filter(machine="claim").latest("pk").actor_kind == "claimant"


def test_a_claimant_who_uploaded_the_copy_answers_no_dispute_of_theirs(
    a_claim: Callable[..., Claim], eve: User
) -> None:
    claim = a_claim("block", "disputed")
    holder_named("Acme").members.add(eve)

    for name in ("release", "withdraw"):
        with pytest.raises(Refusal, match="OWN_VIDEO"):
            do(eve, claim, name)


def test_an_appeal_is_for_a_lead_who_had_nothing_to_do_with_it(
    a_claim: Callable[..., Claim], alice: User, charlie: User, frank: User, eve: User, bob: User
) -> None:
    claim = a_claim("block", "disputed")
    do(charlie, claim, "reinstate")
    do(eve, claim, "appeal")
    decided = a_claim("block", "appealed")
    alice.groups.add(*frank.groups.all())

    for lead, other in ((charlie, claim), (alice, decided)):
        with pytest.raises(Refusal, match="DECIDED_BEFORE"):
            do(lead, other, "uphold")
    with pytest.raises(Refusal, match="NOT_YOURS"):
        do(bob, claim, "uphold")
    do(frank, claim, "uphold")
    do(charlie, decided, "release")


def test_a_stale_version_or_a_missing_word_is_refused(
    a_claim: Callable[..., Claim], eve: User
) -> None:
    claim, me = a_claim(), Viewer(eve)
    tries = [
        (claim.version - 1, WORDS["dispute"], "CHANGED"),
        (claim.version, Said("because", "I say so"), "BAD_REASON"),
        (claim.version, Said("licensed", "  "), "NOTE_NEEDED"),
        (claim.version, Said("licensed", "see", ["x"] * 21), "BAD_DOCUMENTS"),
        (claim.version, Said("licensed", "see", ["x" * 501]), "BAD_DOCUMENTS"),
    ]
    for version, said, code in tries:
        with pytest.raises(Refusal, match=code):
            act(me, claim.pk, version, "dispute", said)
    with pytest.raises(Refusal, match="WRONG_STATE"):
        do(eve, claim, "appeal", WORDS["appeal"])
    assert (state(claim), Event.objects.filter(machine="claim").count()) == ("active", 1)


def test_who_uploaded_without_an_account_disputes_by_browser_or_secret(
    a_claim: Callable[..., Claim],
) -> None:
    secret, stored = new_secret()
    claim, other = (a_claim(owner=None, secret_sha256=stored) for _ in range(2))
    nobody = AnonymousUser()

    act(Viewer(nobody, secret=secret), claim.pk, 1, "dispute", WORDS["dispute"])
    act(Viewer(nobody, frozenset({other.query_id})), other.pk, 1, "dispute", WORDS["dispute"])

    event = Event.objects.filter(machine="claim").latest("pk")
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("uploader", None, "")
    assert {state(claim), state(other)} == {"disputed"}
    with pytest.raises(Refusal, match="NO_CLAIM"):
        act(Viewer(nobody, secret="guess"), claim.pk, 2, "appeal", WORDS["appeal"])


def test_moderators_see_the_claims_of_their_queues(
    a_claim: Callable[..., Claim], alice: User, bob: User
) -> None:
    claim = a_claim()
    other = holder_named("Other")
    queue = bob.groups.get().queues.create()
    queue.holders.add(other)

    assert list(visible_claims(Viewer(bob))) == []
    with pytest.raises(Refusal, match="NO_CLAIM"):
        do(bob, claim, "reinstate")


def test_what_is_in_court_stays_whatever_becomes_of_the_flag(
    a_claim: Callable[..., Claim], eve: User, dora: User, alice: User, frank: User
) -> None:
    claim = a_claim("block", "appealed")
    for name, user in (("uphold", frank), ("take_down", dora), ("counter", eve), ("hold", dora)):
        do(user, claim, name)

    undo(alice, claim.flag_id)
    hold = take(alice, claim.flag_id)
    confirm(alice, Ticket(claim.flag_id, hold.flag.version, hold.token), Because("full_copy"))

    assert (state(claim), Claim.objects.count()) == ("litigation_hold", 1)


def test_what_was_released_is_not_tracked_again_by_itself(
    a_flag: MakeFlag, video_row: Callable[..., Video], eve: User, dora: User
) -> None:
    flag = a_flag(query=video_row(owner=eve))
    register(flag.reference_id, Rights(holder_named("Acme"), policy="track"))
    claim = Claim.objects.get()
    do(eve, claim, "dispute")
    do(dora, claim, "release")

    register(flag.reference_id, Rights(holder_named("Bravo"), policy="track"))

    told = Claim.objects.order_by("pk").values_list("holder__name", "state")
    assert list(told) == [("Acme", "released"), ("Bravo", "active")]


def test_a_move_that_the_table_does_not_name_changes_nothing(
    a_claim: Callable[..., Claim],
) -> None:
    claim = a_claim()
    with pytest.raises(Refusal, match="WRONG_STATE"):
        turn(claim, "uphold", SYSTEM, BySystem.POLICY)

    assert (state(claim), uuid.UUID(str(claim.query_id))) == ("active", claim.query_id)
    assert Flag.objects.get().state == "confirmed"
    assert RightsHolder.objects.count() == 1


def test_an_answer_after_its_time_is_refused_also_where_the_look_is_behind(
    a_claim: Callable[..., Claim], bob: User, dora: User
) -> None:
    claim, waiting = a_claim("block", "disputed"), a_claim("review")
    Claim.objects.update(until=claim.opened_at)

    for each, user, name in ((claim, bob, "reinstate"), (waiting, dora, "activate")):
        with pytest.raises(Refusal, match="TIME_OVER"):
            do(user, each, name)
    look_after()

    assert (state(claim), state(waiting)) == ("released", "expired")
