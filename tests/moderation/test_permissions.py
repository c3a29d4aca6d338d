"""Who may do what: one table, and every entrance that moderation has is held to it."""

from collections.abc import Callable

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client

from moderation.claim_admin import NoticeAdmin
from moderation.flagging import flag as make_flag
from moderation.models import (
    AllowRule,
    Claim,
    Decision,
    Event,
    Flag,
    Notice,
    Queue,
    Reference,
    RightsHolder,
)
from moderation.queue_actions import QueueActions
from moderation.registration import Rights, holder_named, register
from moderation.urls import urlpatterns
from tests.moderation import entrances_to_claims as entrances_to_claims
from tests.moderation import entrances_to_flags as entrances_to_flags
from tests.moderation import entrances_to_the_rest as entrances_to_the_rest
from tests.moderation.conftest import MakeLink
from tests.moderation.permissions import (
    ENTRANCES,
    NO,
    SOME,
    TABLE,
    YES,
    Role,
    World,
)
from videos.access.visibility import SESSION_KEY
from videos.models import Video, Visibility

pytestmark = pytest.mark.django_db

MODELS = (AllowRule, Claim, Decision, Event, Flag, Notice, Queue, Reference, RightsHolder)
# Lists and histories show what is tried one by one; nobody but staff comes near them.
LISTS = ("_changelist", "_history")


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
    assert [each.name for each in urlpatterns if each.name not in tried] == []
    actions = [*QueueActions.actions, *(NoticeAdmin.actions or ())]
    assert [name for name in actions if name not in tried] == []
    # What the admin offers beyond lists and histories, which show what is tried one by one.
    pages = {pattern.name for model in MODELS for pattern in site._registry[model].urls}
    own = {name for name in pages if name and name.startswith("moderation_")}
    assert {name for name in own if not name.endswith(LISTS)} - set(tried) == set()
