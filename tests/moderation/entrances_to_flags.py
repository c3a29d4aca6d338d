"""Entrances to flags: seeing, taking, deciding, overturning, allow rules, one's own screen."""

from django.contrib.auth.models import AnonymousUser, User

from moderation.decide import Because, Ticket, confirm, dismiss, escalate
from moderation.models import (
    AllowRule,
    Decision,
    Flag,
    Lease,
    RightsHolder,
)
from moderation.review import take
from moderation.rules import NewRule, make
from tests.moderation.permissions import Role, Try, World, entrance, settle
from videos.errors import Refusal
from videos.models import Video


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
    settle(world, flag)
    _own(world, flag)
    world.act("flag", "reopen_selected", flag.pk, reason="mistake")
    return Flag.objects.get(pk=flag.pk).state == "open"


@entrance("decide about one's own video", "a member's reference")
def _(world: World, flag: Flag) -> bool:
    if world.user is not None:
        (holder,) = RightsHolder.objects.filter(references__video_id=flag.reference_id)
        holder.members.add(world.user)
    return bool(world.rest("post", f"flags/{flag.pk}/take/").status_code == 200)


@entrance("overturn, answer, hand over", "reopen")
def _(world: World, flag: Flag) -> bool:
    settle(world, flag)
    body = {"version": flag.version, "reason": "mistake"}
    return bool(world.rest("post", f"flags/{flag.pk}/reopen/", body).status_code == 200)


@entrance("overturn, answer, hand over", "reopen_selected")
def _(world: World, flag: Flag) -> bool:
    settle(world, flag)
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
        dismiss(world.user or AnonymousUser(), ticket, Because("licensed"), rule)
    except Refusal:
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
