"""Who may do what: one table, and every entrance that moderation has is held to it.

A role may do a thing (YES), may not (NO), or may with some of the objects (SOME): an uploader with
their own, a moderator with what is in their queues. Each entrance is tried with such an object and
with another one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import DatabaseError, connection, transaction
from django.test import Client

from matching.witnesses import shown_segment
from moderation.decide import Because, Ticket, confirm, dismiss, escalate
from moderation.flagging import flag as make_flag
from moderation.models import (
    AllowRule,
    Decision,
    Event,
    Flag,
    FrozenPicture,
    Lease,
    Queue,
    Reference,
    RightsHolder,
    SavedView,
)
from moderation.queue_actions import QueueActions
from moderation.registration import Rights, holder_named, register
from moderation.review import Hold, take
from moderation.rules import NewRule, make
from moderation.urls import urlpatterns
from tests.moderation.conftest import MakeLink
from videos.access.visibility import SESSION_KEY, Viewer
from videos.errors import Refusal
from videos.models import Video, Visibility

pytestmark = pytest.mark.django_db
REST = "/api/v1/moderation"
MODELS = (AllowRule, Decision, Event, Flag, Queue, Reference, RightsHolder)
# Lists and histories show what is tried one by one; nobody but staff comes near them.
LISTS = ("_changelist", "_history", "rightsholder_delete")
# Who may do what with claims hangs on the claim's parties: `test_claim_api.py` tries them.
CLAIMS = {"video-claims", "video-claim-act", "claims", "claim", "claim-act", "claim-on-page"}


class Role(StrEnum):
    ANYBODY = "A"
    UPLOADER = "U"
    PARTNER = "P"  # a member of a rights holder, until there are partner keys
    MODERATOR = "M"
    LEAD = "L"
    ADMIN = "D"


YES, NO, SOME = "yes", "–", "some"
TABLE = {
    #                                 A     U     P     M     L    D
    "see a flag over REST":          (NO,   NO,   NO,   SOME, YES, NO),
    "see a flag in the admin":       (NO,   NO,   NO,   SOME, YES, YES),
    "take":                          (NO,   NO,   NO,   SOME, YES, NO),
    "decide":                        (NO,   NO,   NO,   SOME, YES, NO),
    "decide about one's own video":  (NO,   NO,   NO,   NO,   NO,  NO),
    "overturn, answer, hand over":   (NO,   NO,   NO,   NO,   YES, NO),
    "make and end allow rules":      (NO,   NO,   NO,   NO,   YES, NO),
    "have a screen of one's own":    (NO,   NO,   NO,   YES,  YES, NO),
    "edit the reference library":    (NO,   NO,   NO,   NO,   YES, YES),
    "say who sees which queue":      (NO,   NO,   NO,   NO,   NO,  YES),
    "read statistics":               (NO,   NO,   NO,   NO,   YES, YES),
    "read the audit log":            (NO,   NO,   NO,   SOME, YES, YES),
    "change or delete the audit log": (NO,  NO,   NO,   NO,   NO,  NO),
    "write past the verbs":          (NO,   NO,   NO,   NO,   NO,  NO),
    "match evidence":                (SOME, SOME, SOME, SOME, YES, YES),
    "play":                          (SOME, SOME, SOME, SOME, YES, YES),
}  # fmt: skip


@dataclass
class World:
    """Two flags, each with its private videos, before somebody in a role.

    `theirs` is in the moderators' queue or about a video of the uploader's; `others` is neither.
    """

    role: Role
    user: User | None
    browser: Client
    helper: User
    theirs: Flag
    others: Flag

    def take(self, flag: Flag, helper: User | None = None) -> Hold:
        """In the hands of whoever is asked about, or of a lead if it cannot be theirs."""
        try:
            return take(self.user or AnonymousUser(), flag.pk)
        except Refusal:
            return take(helper or self.helper, flag.pk)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        told = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.browser, method)(f"{REST}/{path}", **told)

    def act(self, model: str, action: str, pk: object, **more: Any) -> None:
        told = {"action": action, "_selected_action": [pk], **more}
        everything = "?which=all" if model == "flag" else ""
        self.browser.post(f"/admin/moderation/{model}/{everything}", told)


Try = Callable[[World, Flag], bool]
ENTRANCES: dict[str, list[tuple[str, Try, frozenset[Role]]]] = {action: [] for action in TABLE}
STRANGERS = frozenset({Role.ANYBODY, Role.UPLOADER, Role.PARTNER})


def entrance(action: str, names: str, but: frozenset[Role] = frozenset()) -> Callable[[Try], Try]:
    """Try to do it through these addresses or admin actions; whether it was done.

    `but` are roles that have another entrance.
    """

    def keep(attempt: Try) -> Try:
        ENTRANCES[action].append((names, attempt, but))
        return attempt

    return keep


@entrance("see a flag over REST", "flag")
def _(world: World, flag: Flag) -> bool:
    return bool(world.rest("get", f"flags/{flag.pk}/").status_code == 200)


@entrance("see a flag over REST", "history")
def _(world: World, flag: Flag) -> bool:
    return bool(world.rest("get", f"flags/{flag.pk}/history/").status_code == 200)


@entrance("see a flag over REST", "queue")
def _(world: World, flag: Flag) -> bool:
    answer = world.rest("get", "flags/")
    return answer.status_code == 200 and flag.pk in [row["id"] for row in answer.json()["flags"]]


@entrance("see a flag over REST", "draft")
def _(world: World, flag: Flag) -> bool:
    return bool(world.rest("put", f"flags/{flag.pk}/draft/", {"note": "x"}).status_code == 200)


@entrance("see a flag in the admin", "moderation_flag_changelist")
def _(world: World, flag: Flag) -> bool:
    page = world.browser.get("/admin/moderation/flag/")
    return page.status_code == 200 and str(flag.pk) in {
        str(row.pk) for row in page.context["cl"].result_list
    }


@entrance("see a flag in the admin", "moderation_flag_change")
def _(world: World, flag: Flag) -> bool:
    page = world.browser.get(f"/admin/moderation/flag/{flag.pk}/change/", follow=True)
    return page.status_code == 200 and "/login/" not in str(page.redirect_chain)


@entrance("take", "take")
def _(world: World, flag: Flag) -> bool:
    return bool(world.rest("post", f"flags/{flag.pk}/take/").status_code == 200)


@entrance("take", "next")
def _(world: World, flag: Flag) -> bool:
    world.rest("post", "flags/next/", {})
    world.rest("post", "flags/next/", {})
    return Lease.objects.filter(flag=flag).exists()


@entrance("take", "moderation_flag_review")
def _(world: World, flag: Flag) -> bool:
    page = world.browser.get(f"/admin/moderation/flag/{flag.pk}/review/")
    return bool(page.status_code == 200)


@entrance("take", "renew release")
def _(world: World, flag: Flag) -> bool:
    hold = world.take(flag)
    kept = world.rest("post", f"flags/{flag.pk}/renew/", {"token": str(hold.token)})
    given = world.rest("post", f"flags/{flag.pk}/release/", {"token": str(hold.token)})
    return (kept.status_code, given.status_code) == (200, 204)


def _verdict(verb: str, reason: str) -> Try:
    def attempt(world: World, flag: Flag) -> bool:
        hold = world.take(flag)
        body = {"version": hold.flag.version, "token": str(hold.token), "reason": reason}
        answer = world.rest("post", f"flags/{flag.pk}/{verb}/", body | {"note": "why"})
        flag.refresh_from_db()
        return answer.status_code == 200 and flag.state != "leased"

    return attempt


for _verb, _reason in (("dismiss", "licensed"), ("confirm", "full_copy"), ("escalate", "")):
    entrance("decide", f"verdict {_verb}")(_verdict(_verb, _reason))


@entrance("decide", "verdict agree disagree")
def _(world: World, flag: Flag) -> bool:
    hold = take(world.helper, flag.pk)
    confirm(world.helper, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
    assert Flag.objects.get(pk=flag.pk).state == "second_review"
    hold = world.take(flag, helper=User.objects.get(username="second"))
    body = {"version": hold.flag.version, "token": str(hold.token), "reason": "full_copy"}
    return bool(world.rest("post", f"flags/{flag.pk}/agree/", body).status_code == 200)


@entrance("decide", "bulk")
def _(world: World, flag: Flag) -> bool:
    body = {"flags": [{"id": flag.pk, "version": flag.version}], "verdict": "dismissed"}
    world.rest("post", "bulk/", body | {"reason": "licensed"})
    return Decision.objects.filter(flag=flag).exists()


@entrance("decide", "dismiss_selected")
def _(world: World, flag: Flag) -> bool:
    world.act("flag", "dismiss_selected", flag.pk, reason="licensed")
    return Decision.objects.filter(flag=flag).exists()


@entrance("decide", "confirm_selected")
def _(world: World, flag: Flag) -> bool:
    world.act("flag", "confirm_selected", flag.pk, reason="full_copy")
    return Decision.objects.filter(flag=flag).exists()


@entrance("decide", "undo")
def _(world: World, flag: Flag) -> bool:
    """One's own decision; where it cannot be one's own, somebody else's."""
    hold = world.take(flag)
    by = User.objects.get(pk=Lease.objects.get(flag=flag).moderator_id)
    dismiss(by, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))
    return bool(world.rest("post", f"flags/{flag.pk}/undo/", {}).status_code == 200)


def _own(world: World, flag: Flag) -> None:
    Video.objects.filter(pk=flag.query_id).update(owner=world.user)


@entrance("decide about one's own video", "take")
def _(world: World, flag: Flag) -> bool:
    _own(world, flag)
    return bool(world.rest("post", f"flags/{flag.pk}/take/").status_code == 200)


@entrance("decide about one's own video", "next")
def _(world: World, flag: Flag) -> bool:
    _own(world, flag)
    Flag.objects.exclude(pk=flag.pk).update(place=-1)
    world.rest("post", "flags/next/", {})
    return Lease.objects.filter(flag=flag).exists()


@entrance("decide about one's own video", "bulk dismiss_selected")
def _(world: World, flag: Flag) -> bool:
    _own(world, flag)
    world.act("flag", "dismiss_selected", flag.pk, reason="licensed")
    return Decision.objects.filter(flag=flag).exists()


@entrance("decide about one's own video", "reopen reopen_selected")
def _(world: World, flag: Flag) -> bool:
    _settled(world, flag)
    _own(world, flag)
    world.act("flag", "reopen_selected", flag.pk, reason="mistake")
    return Flag.objects.get(pk=flag.pk).state == "open"


@entrance("decide about one's own video", "a member's reference")
def _(world: World, flag: Flag) -> bool:
    if world.user is not None:
        (holder,) = RightsHolder.objects.filter(references__video_id=flag.reference_id)
        holder.members.add(world.user)
    return bool(world.rest("post", f"flags/{flag.pk}/take/").status_code == 200)


def _settled(world: World, flag: Flag) -> None:
    hold = take(world.helper, flag.pk)
    dismiss(world.helper, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))
    flag.refresh_from_db()


@entrance("overturn, answer, hand over", "reopen")
def _(world: World, flag: Flag) -> bool:
    _settled(world, flag)
    body = {"version": flag.version, "reason": "mistake"}
    return bool(world.rest("post", f"flags/{flag.pk}/reopen/", body).status_code == 200)


@entrance("overturn, answer, hand over", "reopen_selected")
def _(world: World, flag: Flag) -> bool:
    _settled(world, flag)
    world.act("flag", "reopen_selected", flag.pk, reason="mistake")
    return Flag.objects.get(pk=flag.pk).state == "open"


@entrance("overturn, answer, hand over", "verdict answer-confirm answer-dismiss send-back")
def _(world: World, flag: Flag) -> bool:
    hold = take(world.helper, flag.pk)
    escalate(world.helper, Ticket(flag.pk, hold.flag.version, hold.token), "hard")
    done = []
    for verb, reason in (("send-back", "look_again"), ("answer-dismiss", "licensed")):
        if Flag.objects.get(pk=flag.pk).state == "open":
            hold = take(world.helper, flag.pk)
            escalate(world.helper, Ticket(flag.pk, hold.flag.version, hold.token), "hard")
        hold = take(world.user if world.role is Role.LEAD and world.user else world.helper, flag.pk)
        body = {"version": hold.flag.version, "token": str(hold.token), "reason": reason}
        done.append(world.rest("post", f"flags/{flag.pk}/{verb}/", body).status_code == 200)
    assert len(set(done)) == 1, done
    return done[0]


@entrance("overturn, answer, hand over", "hand-over")
def _(world: World, flag: Flag) -> bool:
    take(world.helper, flag.pk)
    body = {"to": "second"}
    return bool(world.rest("post", f"flags/{flag.pk}/hand-over/", body).status_code == 200)


@entrance("overturn, answer, hand over", "hand_over_selected")
def _(world: World, flag: Flag) -> bool:
    take(world.helper, flag.pk)
    world.act("flag", "hand_over_selected", flag.pk, reason="second")
    return Lease.objects.get(flag=flag).moderator_name == "second"


@entrance("overturn, answer, hand over", "give_back_selected")
def _(world: World, flag: Flag) -> bool:
    take(world.helper, flag.pk)
    world.act("flag", "give_back_selected", flag.pk)
    return not Lease.objects.filter(flag=flag).exists()


@entrance("make and end allow rules", "moderation_allowrule_add")
def _(world: World, flag: Flag) -> bool:
    told = {"kind": "licence", "licence": "CC0", "reason": "licensed"}
    world.browser.post("/admin/moderation/allowrule/add/", told)
    return AllowRule.objects.exists()


@entrance("make and end allow rules", "revoke_selected")
def _(world: World, flag: Flag) -> bool:
    rule = make(world.helper, NewRule("licence", licence="CC0"), "licensed")
    world.act("allowrule", "revoke_selected", rule.pk)
    rule.refresh_from_db()
    return rule.revoked_at is not None


@entrance("make and end allow rules", "a stretch, with a dismissal")
def _(world: World, flag: Flag) -> bool:
    """The narrowest one, made with a dismissal, a moderator may make; a stretch they may not."""
    hold = world.take(flag)
    rule = NewRule("segment", flag.reference_id, start=0.0, end=9.0)
    ticket = Ticket(flag.pk, hold.flag.version, hold.token)
    try:
        dismiss(world.user, ticket, Because("licensed"), rule)  # type: ignore[arg-type]
    except Exception:
        return False
    return True


@entrance("have a screen of one's own", "preferences")
def _(world: World, flag: Flag) -> bool:
    answer = world.rest("put", "preferences/", {"blur": False, "keys": True})
    return bool(answer.status_code == 200)


@entrance("have a screen of one's own", "counts")
def _(world: World, flag: Flag) -> bool:
    return bool(world.rest("get", "counts/").status_code == 200)


@entrance("have a screen of one's own", "moderation_flag_next")
def _(world: World, flag: Flag) -> bool:
    return bool(world.browser.get("/admin/moderation/flag/review/").status_code == 200)


@entrance("have a screen of one's own", "index")
def _(world: World, flag: Flag) -> bool:
    page = world.browser.get("/admin/").content.decode()
    return "Review the queue" in page


@entrance("edit the reference library", "moderation_reference_add")
def _(world: World, flag: Flag) -> bool:
    told = {"video": flag.query_id, "holder": holder_named("New").pk, "policy": ""}
    world.browser.post("/admin/moderation/reference/add/", told | {"territories": ""})
    return Reference.objects.filter(video_id=flag.query_id).exists()


@entrance("edit the reference library", "moderation_reference_change")
def _(world: World, flag: Flag) -> bool:
    reference = Reference.objects.get(video_id=flag.reference_id)
    page = f"/admin/moderation/reference/{reference.pk}/change/"
    world.browser.post(page, {"licence": "mine", "territories": "", "policy": ""})
    return Reference.objects.filter(licence="mine").exists()


@entrance("edit the reference library", "moderation_reference_delete")
def _(world: World, flag: Flag) -> bool:
    reference = Reference.objects.get(video_id=flag.reference_id)
    world.browser.post(f"/admin/moderation/reference/{reference.pk}/delete/", {"post": "yes"})
    return not Reference.objects.filter(pk=reference.pk).exists()


@entrance("edit the reference library", "moderation_rightsholder_add")
def _(world: World, flag: Flag) -> bool:
    told = {"name": "New", "policy": "track", "least_seconds": "0", "least_share": "0"}
    world.browser.post("/admin/moderation/rightsholder/add/", told)
    return RightsHolder.objects.filter(name="New").exists()


@entrance("edit the reference library", "moderation_rightsholder_change")
def _(world: World, flag: Flag) -> bool:
    (holder,) = RightsHolder.objects.filter(references__video_id=flag.reference_id)
    told = {"name": "Renamed", "policy": "track", "least_seconds": "0", "least_share": "0"}
    world.browser.post(f"/admin/moderation/rightsholder/{holder.pk}/change/", told)
    return RightsHolder.objects.filter(name="Renamed").exists()


@entrance("say who sees which queue", "moderation_queue_add")
def _(world: World, flag: Flag) -> bool:
    told = {"group": Group.objects.get(name="Leads").pk, "policies": ["block"]}
    world.browser.post("/admin/moderation/queue/add/", told)
    return Queue.objects.filter(group__name="Leads").exists()


@entrance("say who sees which queue", "moderation_queue_change")
def _(world: World, flag: Flag) -> bool:
    row = Queue.objects.get()
    told = {"group": row.group_id, "policies": ["", "track"]}
    world.browser.post(f"/admin/moderation/queue/{row.pk}/change/", told)
    row.refresh_from_db()
    return row.policies == ["", "track"]


@entrance("read statistics", "moderation_statistics")
def _(world: World, flag: Flag) -> bool:
    return bool(world.browser.get("/admin/moderation/flag/statistics/").status_code == 200)


def _done_by_role(world: World, flag: Flag) -> bool:
    """A moderator's own is what they decided; the other flag is a lead's doing."""
    mine = world.role is Role.MODERATOR and flag == world.theirs and world.user is not None
    by = world.user if mine and world.user else world.helper
    hold = take(by, flag.pk)
    dismiss(by, Ticket(flag.pk, hold.flag.version, hold.token), Because("licensed"))
    return mine


@entrance("read the audit log", "moderation_event_changelist")
def _(world: World, flag: Flag) -> bool:
    _done_by_role(world, flag)
    page = world.browser.get(f"/admin/moderation/event/?machine__exact=flag&q={flag.pk}")
    return page.status_code == 200 and page.context["cl"].result_count > 0


@entrance("read the audit log", "moderation_event_change")
def _(world: World, flag: Flag) -> bool:
    _done_by_role(world, flag)
    event = Event.objects.get(machine="flag", subject_id=flag.pk, move="dismiss")
    page = world.browser.get(f"/admin/moderation/event/{event.pk}/change/")
    return bool(page.status_code == 200)


@entrance("read the audit log", "moderation_decision_changelist")
def _(world: World, flag: Flag) -> bool:
    _done_by_role(world, flag)
    page = world.browser.get("/admin/moderation/decision/")
    return page.status_code == 200 and page.context["cl"].result_count > 0


def _audit(model: str, page: str) -> Try:
    def attempt(world: World, flag: Flag) -> bool:
        _done_by_role(world, flag)
        kind: Any = {"event": Event, "decision": Decision}[model]
        before = kind.objects.count()
        row = kind.objects.latest("pk")
        at = f"/admin/moderation/{model}/{row.pk}/{page}/"
        where = at if page != "add" else f"/admin/moderation/{model}/add/"
        world.browser.post(where, {"post": "yes", "reason": "mistake", "note": "forged"})
        row.refresh_from_db()
        return row.note == "forged" or kind.objects.count() != before

    return attempt


for _model in ("event", "decision"):
    for _page in ("add", "change", "delete"):
        named = f"moderation_{_model}_{_page}"
        entrance("change or delete the audit log", named)(_audit(_model, _page))


@entrance("change or delete the audit log", "the database itself")
def _(world: World, flag: Flag) -> bool:
    _done_by_role(world, flag)
    for statement in (
        "UPDATE moderation_event SET note = 'forged'",
        "DELETE FROM moderation_decision",
        "TRUNCATE moderation_event",
    ):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError:
            continue
        return True
    return False


def _by_hand(model: str, page: str) -> Try:
    def attempt(world: World, flag: Flag) -> bool:
        rule = make(world.helper, NewRule("licence", licence="CC0"), "licensed")
        row: Any = {"flag": flag, "allowrule": rule}[model]
        where = "add" if page == "add" else f"{row.pk}/{page}"
        told = {"post": "yes", "licence": "", "kind": "uploader", "state": "confirmed"}
        before = type(row)._default_manager.count()
        world.browser.post(f"/admin/moderation/{model}/{where}/", told)
        row.refresh_from_db()
        return (
            rule.kind != "licence"
            or flag.state != "open"
            or before != type(row)._default_manager.count()
        )

    return attempt


for _model, _pages in (("flag", "add change delete"), ("allowrule", "change delete")):
    for _page in _pages.split():
        _tried = entrance("write past the verbs", f"moderation_{_model}_{_page}")
        _tried(_by_hand(_model, _page))


@entrance("say who sees which queue", "moderation_queue_delete")
def _(world: World, flag: Flag) -> bool:
    row = Queue.objects.get()
    world.browser.post(f"/admin/moderation/queue/{row.pk}/delete/", {"post": "yes"})
    return not Queue.objects.exists()


@entrance("see a flag in the admin", "moderation_flag_keep_view moderation_flag_forget_view")
def _(world: World, flag: Flag) -> bool:
    """Views are of the list, so whoever sees that may keep one."""
    told = {"name": "mine", "query": "which=overdue"}
    world.browser.post("/admin/moderation/flag/views/", told)
    if not SavedView.objects.exists():
        return False
    shown = world.browser.get("/admin/moderation/flag/").context["cl"].result_list
    number = SavedView.objects.get().pk
    world.browser.post(f"/admin/moderation/flag/views/{number}/forget/")
    return not SavedView.objects.exists() and flag in shown


@entrance("match evidence", "flag's case, or the video's page")
def _(world: World, flag: Flag) -> bool:
    told = _what_matched(world, flag)
    return bool(told and told["segments"][0]["other_start"] == 50.0)


@entrance("match evidence", "evidence.jpg", but=STRANGERS | {Role.MODERATOR})
def _(world: World, flag: Flag) -> bool:
    """By its plain address; others have signed ones, for what they are shown."""
    assert flag.link is not None
    (segment,) = flag.link.segments.all()
    try:
        shown_segment(flag.link.pk, segment.pk, Viewer(world.user or AnonymousUser()), None)
    except Refusal:
        return False
    return True


@entrance("match evidence", "moderation_decision_change", but=STRANGERS)
def _(world: World, flag: Flag) -> bool:
    _settled(world, flag)
    decision = Decision.objects.get(flag=flag)
    FrozenPicture.objects.create(
        decision=decision, video_id=flag.query_id, second=1.0, sha256="0" * 64, jpeg=b"jpeg"
    )
    page = world.browser.get(f"/admin/moderation/decision/{decision.pk}/change/")
    return page.status_code == 200 and b"data:image/jpeg" in page.content


@entrance("play", "the file that is told of")
def _(world: World, flag: Flag) -> bool:
    media = _told_video(world, flag).get("media")
    return bool(media)


def _told_video(world: World, flag: Flag) -> dict[str, Any]:
    if world.role is Role.MODERATOR:
        answer = world.rest("get", f"flags/{flag.pk}/")
        plain = world.browser.get(f"/api/v1/videos/{flag.query_id}/")
        assert plain.status_code == 404, "a moderator sees videos by their flags"
        return answer.json().get("video") or {}
    answer = world.browser.get(f"/api/v1/videos/{flag.query_id}/")
    return answer.json() if answer.status_code == 200 else {}


def _what_matched(world: World, flag: Flag) -> dict[str, Any] | None:
    if world.role is Role.MODERATOR:
        answer = world.rest("get", f"flags/{flag.pk}/")
        return answer.json().get("match") if answer.status_code == 200 else None
    told = _told_video(world, flag)
    return next(iter(told.get("duplicates", [])), None)


@pytest.fixture
def world(role: Role, a_link: MakeLink, video_row: Callable[..., Video]) -> World:
    helper = User.objects.create_user("helper")
    second = User.objects.create_user("second")
    for each in (helper, second):
        each.groups.add(Group.objects.get(name="Leads"))
    queue = Queue.objects.create(group=Group.objects.get(name="Moderators"))
    user, browser = _person(role)
    flags = []
    for name in ("Acme", "Zenith"):
        holder = holder_named(name)
        film = video_row(f"{name}.mp4", visibility=Visibility.PRIVATE)
        copy = video_row(f"copy of {name}.mp4", visibility=Visibility.PRIVATE)
        register(film.pk, Rights(holder, policy="block"))
        a_link(0.9, query=copy, reference=film)
        make_flag(copy.pk)
        flags.append(Flag.objects.get(query_id=copy.pk))
    theirs, others = flags
    if theirs.holder is not None:
        queue.holders.add(theirs.holder)
    if role in (Role.UPLOADER, Role.PARTNER):
        Video.objects.filter(pk=theirs.query_id).update(owner=user)
    if role is Role.ANYBODY:
        session = browser.session
        session[SESSION_KEY] = [str(theirs.query_id)]
        session.save()
    if role is Role.PARTNER and user is not None:
        holder_named("Their own films").members.add(user)
    return World(role, user, browser, helper, theirs, others)


def _person(role: Role) -> tuple[User | None, Client]:
    browser = Client()
    if role is Role.ANYBODY:
        browser.get("/")
        return None, browser
    user = User.objects.create_user("somebody", is_superuser=role is Role.ADMIN)
    user.is_staff = role in (Role.MODERATOR, Role.LEAD, Role.ADMIN)
    user.save()
    groups = {Role.MODERATOR: "Moderators", Role.LEAD: "Leads"}
    user.groups.set(Group.objects.filter(name=groups.get(role, "")))
    browser.force_login(user)
    return user, browser


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", TABLE)
def test_what_a_role_may_do_the_table_says(
    action: str, role: Role, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue("world")
    cell = dict(zip(Role, TABLE[action], strict=True))[role]
    expected = {YES: (True, True), NO: (False, False), SOME: (True, False)}[cell]
    wrong = {}
    for names, attempt, but in ENTRANCES[action]:
        for flag, may in zip((world.theirs, world.others), expected, strict=True):
            if role in but:
                continue
            place = transaction.savepoint()
            did = attempt(world, Flag.objects.get(pk=flag.pk))
            transaction.savepoint_rollback(place)
            if did != may:
                wrong[names, "theirs" if flag == world.theirs else "others"] = did
    assert wrong == {}


def test_the_table_has_a_cell_for_every_role_and_an_entrance_for_every_line() -> None:
    assert {action: len(cells) for action, cells in TABLE.items()} == dict.fromkeys(
        TABLE, len(Role)
    )
    assert {cell for cells in TABLE.values() for cell in cells} <= {YES, NO, SOME}
    assert [action for action, tried in ENTRANCES.items() if not tried] == []


def test_every_entrance_that_moderation_has_is_in_the_table() -> None:
    tried = " ".join(names for tries in ENTRANCES.values() for names, _, _ in tries).split()
    rest = [pattern.name for pattern in urlpatterns if pattern.name not in CLAIMS]
    assert [name for name in rest if name not in tried] == []
    assert [name for name in QueueActions.actions if name not in tried] == []
    # What the admin offers beyond lists and histories, which show what is tried one by one.
    pages = {pattern.name for model in MODELS for pattern in site._registry[model].urls}
    own = {name for name in pages if name and name.startswith("moderation_")}
    assert {name for name in own if not name.endswith(LISTS)} - set(tried) == set()
