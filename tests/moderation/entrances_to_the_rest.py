"""Entrances to what is about flags: references, queues, statistics, the record, evidence."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, Group
from django.db import DatabaseError, connection, transaction

from matching.witnesses import shown_segment
from moderation.decide import Because, Ticket, dismiss
from moderation.models import (
    Decision,
    Event,
    Flag,
    FrozenPicture,
    Queue,
    Reference,
    RightsHolder,
    SavedView,
)
from moderation.registration import holder_named
from moderation.review import take
from moderation.rules import NewRule, make
from tests.moderation.permissions import STRANGERS, Role, Try, World, entrance, settle
from videos.access.visibility import Viewer
from videos.errors import Refusal


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


@entrance("delete a rights holder", "moderation_rightsholder_delete")
def _(world: World, flag: Flag) -> bool:
    """One without references; the others the database keeps."""
    number = holder_named("Nobody's").pk
    told = {"post": "yes"}
    world.browser.post(f"/admin/moderation/rightsholder/{number}/delete/", told)
    return not RightsHolder.objects.filter(pk=number).exists()


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
    settle(world, flag)
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
