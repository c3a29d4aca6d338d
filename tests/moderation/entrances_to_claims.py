"""Entrances to claims: for the uploader, the holder's members, moderators and leads."""

from typing import Any

from django.contrib.auth.models import User

from moderation.claims import turn
from moderation.decide import Because, Ticket, answer_second_review, confirm
from moderation.models import Claim, Event, Flag, Notice
from moderation.review import take
from moderation.roles import Actor
from tests.moderation.permissions import STRANGERS, Role, Try, World, entrance
from videos.models import Video

# Moves to a state, made by somebody who is none of those that are asked about.
PATHS = {
    "active": (),
    "disputed": ("dispute",),
    "appealed": ("dispute", "reinstate", "appeal"),
    "upheld": ("dispute", "reinstate", "appeal", "uphold"),
    "takedown": ("dispute", "reinstate", "appeal", "uphold", "take_down"),
    "counter_noticed": ("dispute", "reinstate", "appeal", "uphold", "take_down", "counter"),
}
SOMEBODY_ELSE = Actor(Event.Actor.SYSTEM, None, "")


def claim_of(world: World, flag: Flag, state: str = "active") -> Claim:
    """What the holder has on the flag's video. The partner asked about acts for one of them."""
    if world.role is Role.PARTNER and flag == world.theirs and flag.holder is not None:
        Video.objects.filter(pk=flag.query_id).update(owner=None)
        assert world.user is not None
        flag.holder.members.add(world.user)
    full = Because("full_copy")
    hold = take(world.helper, flag.pk)
    confirm(world.helper, Ticket(flag.pk, hold.flag.version, hold.token), full)
    second = User.objects.get(username="second")
    hold = take(second, flag.pk)
    ticket = Ticket(flag.pk, hold.flag.version, hold.token)
    answer_second_review(second, ticket, full, agrees=True)
    claim = Claim.objects.get(flag=flag)
    for name in PATHS[state]:
        turn(claim, name, SOMEBODY_ELSE, "other", "words")
    return claim


def told(claim: Claim, reason: str, **more: Any) -> dict[str, Any]:
    return {"version": claim.version, "reason": reason, "note": "in words", **more}


def became(claim: Claim, state: str) -> bool:
    claim.refresh_from_db()
    return bool(claim.state == state)


@entrance("see a claim", "claim")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    return bool(world.browser.get(f"/api/v1/claims/{claim.pk}/").status_code == 200)


@entrance("see a claim", "claims")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    shown = world.browser.get("/api/v1/claims/").json()["claims"]
    return claim.pk in [each["id"] for each in shown]


@entrance("see a claim", "video-claims", but=frozenset({Role.PARTNER, Role.MODERATOR, Role.ADMIN}))
def _(world: World, flag: Flag) -> bool:
    """Of a video that one may see; a private one is its uploader's."""
    claim = claim_of(world, flag)
    answer = world.browser.get(f"/api/v1/videos/{flag.query_id}/claims/")
    shown = answer.json().get("claims", [])
    return claim.pk in [each["id"] for each in shown]


@entrance("see a claim in the admin", "moderation_claim_change")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    page = world.browser.get(f"/admin/moderation/claim/{claim.pk}/change/")
    return bool(page.status_code == 200)


@entrance("see a claim in the admin", "moderation_claim_changelist")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    page = world.browser.get("/admin/moderation/claim/")
    return page.status_code == 200 and claim in page.context["cl"].result_list


# Action of the table, verb, the claim's state before and after, a reason.
MOVES = (
    ("release a disputed claim", "release", "disputed", "released", "dispute_right"),
    ("let a disputed claim stand", "reinstate", "disputed", "reinstated", "not_shown"),
    ("decide an appeal", "uphold", "appealed", "upheld", "not_shown"),
    ("decide an appeal", "release", "appealed", "released", "dispute_right"),
    ("withdraw a claim, send a notice", "withdraw", "active", "withdrawn", "mistake"),
    ("withdraw a claim, send a notice", "take_down", "upheld", "takedown", "formal_notice"),
    (
        "withdraw a claim, send a notice",
        "hold",
        "counter_noticed",
        "litigation_hold",
        "court_action",
    ),
)


def _over_rest(verb: str, before: str, after: str, reason: str) -> Try:
    def attempt(world: World, flag: Flag) -> bool:
        claim = claim_of(world, flag, before)
        address = f"/api/v1/claims/{claim.pk}/{verb.replace('_', '-')}/"
        world.browser.post(address, told(claim, reason), "application/json")
        return became(claim, after)

    return attempt


def _in_the_admin(verb: str, before: str, after: str, reason: str) -> Try:
    def attempt(world: World, flag: Flag) -> bool:
        claim = claim_of(world, flag, before)
        address = f"/admin/moderation/claim/{claim.pk}/act/"
        world.browser.post(address, told(claim, reason, verb=verb))
        return became(claim, after)

    return attempt


for _action, *_move in MOVES:
    entrance(_action, "claim-act")(_over_rest(*_move))
    # The admin is for staff; a partner has the other one.
    entrance(_action, "moderation_claim_act", but=STRANGERS)(_in_the_admin(*_move))

# The uploader's own, which a claimant or moderator cannot make for them.
for _verb, _before, _after, _reason in (
    ("dispute", "active", "disputed", "exception"),
    ("counter", "takedown", "counter_noticed", "formal_notice"),
):
    entrance("dispute a claim", "claim-act")(_over_rest(_verb, _before, _after, _reason))


@entrance("dispute a claim", "video-claim-act")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    address = f"/api/v1/videos/{flag.query_id}/claims/{claim.pk}/dispute/"
    world.browser.post(address, told(claim, "exception"), "application/json")
    return became(claim, "disputed")


@entrance("dispute a claim", "claim-on-page")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    address = f"/videos/{flag.query_id}/claims/{claim.pk}/"
    world.browser.post(address, told(claim, "exception", verb="dispute"))
    return became(claim, "disputed")


@entrance("write past the verbs", "moderation_claim_add moderation_claim_delete")
def _(world: World, flag: Flag) -> bool:
    claim = claim_of(world, flag)
    for where in ("add", f"{claim.pk}/change", f"{claim.pk}/delete"):
        form = {"post": "yes", "state": "released", "policy": "track"}
        world.browser.post(f"/admin/moderation/claim/{where}/", form)
    return not Claim.objects.filter(pk=claim.pk, state="active").exists()


def a_notice(world: World, flag: Flag) -> Notice:
    claim = claim_of(world, flag)
    event = Event.objects.filter(machine="claim", subject_id=claim.pk).latest("pk")
    return Notice.objects.create(
        claim=claim, event=event, audience="uploader", way="mail", state=Notice.State.GIVEN_UP
    )


@entrance("see what was sent to whom", "moderation_notice_change")
def _(world: World, flag: Flag) -> bool:
    notice = a_notice(world, flag)
    page = world.browser.get(f"/admin/moderation/notice/{notice.pk}/change/")
    return bool(page.status_code == 200)


@entrance("send again what was given up", "send_again")
def _(world: World, flag: Flag) -> bool:
    notice = a_notice(world, flag)
    world.act("notice", "send_again", notice.pk)
    notice.refresh_from_db()
    return notice.state == Notice.State.WAITING


@entrance("write past the verbs", "moderation_notice_add moderation_notice_delete")
def _(world: World, flag: Flag) -> bool:
    notice = a_notice(world, flag)
    for where in ("add", f"{notice.pk}/change", f"{notice.pk}/delete"):
        form = {"post": "yes", "state": "sent", "error": "forged"}
        world.browser.post(f"/admin/moderation/notice/{where}/", form)
    return not Notice.objects.filter(pk=notice.pk, state=Notice.State.GIVEN_UP, error="").exists()
