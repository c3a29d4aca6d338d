"""A policy that changes has a new version, an event, and flags that follow it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError

from moderation.models import Event, Flag, Reference, RightsHolder
from moderation.registration import Rights, holder_named, register
from moderation.rights import change_holder, change_reference
from tests.moderation.conftest import MakeFlag, MakeUser
from videos.errors import Refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def registered(a_flag: MakeFlag) -> Reference:
    """A film of Acme's that has a flag waiting."""
    return register(a_flag().reference_id, Rights(holder_named("Acme"))).reference


def test_the_version_rises_and_waiting_flags_follow(registered: Reference, charlie: User) -> None:
    before = Flag.objects.get()
    assert (before.policy, before.priority) == ("review", pytest.approx(1.9))

    change_holder(charlie, registered.holder_id, policy="block", name="Acme Films")

    after = Flag.objects.get()
    assert (after.policy, after.priority) == ("block", pytest.approx(3.9))
    assert after.due_at == after.opened_at + timedelta(hours=24)  # type: ignore[operator]
    assert after.policy_version == f"holder {registered.holder_id} v2, reference {registered.pk} v1"
    assert (after.version, after.opened_at) == (before.version, before.opened_at)
    event = Event.objects.latest("pk")
    assert (event.machine, event.move, event.policy_version) == ("holder", "policy_changed", "v2")
    assert event.facts == {"policy": ["review", "block"]}


def test_a_new_name_is_no_new_policy(registered: Reference, charlie: User) -> None:
    change_holder(charlie, registered.holder_id, name="Acme Films", policy="review")

    holder = RightsHolder.objects.get()
    assert (holder.name, holder.policy_version) == ("Acme Films", 1)
    assert not Event.objects.filter(machine="holder").exists()


def test_a_references_own_policy_and_conditions_come_first(
    registered: Reference, charlie: User
) -> None:
    change_holder(charlie, registered.holder_id, policy="block", least_seconds=30.0)
    assert Flag.objects.get().policy == "", "ten seconds are too few for Acme"

    change_reference(charlie, registered.pk, least_seconds=5.0)
    assert Flag.objects.get().policy == "block"
    change_reference(charlie, registered.pk, policy="track")
    assert Flag.objects.get().policy == "track"

    assert Reference.objects.get().policy_version == 3
    moves = Event.objects.filter(machine="reference").values_list("sequence", "move")
    assert list(moves) == [(1, "registered"), (2, "policy_changed"), (3, "policy_changed")]


def test_moderators_may_not_and_staff_with_the_permission_may(
    registered: Reference, alice: User, person: MakeUser
) -> None:
    dora = person("dora")
    for user in (alice, dora):
        with pytest.raises(Refusal, match="NOT_ALLOWED"):
            change_holder(user, registered.holder_id, policy="block")
    dora.user_permissions.add(Permission.objects.get(codename="change_rightsholder"))

    change_holder(User.objects.get(pk=dora.pk), registered.holder_id, policy="block")

    assert Event.objects.latest("pk").actor_kind == "staff"


@pytest.mark.parametrize(
    "told",
    [
        {"policy": "pray"},
        {"least_share": 1.5},
        {"least_seconds": -1.0},
        {"policy_territories": ["UK"]},
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    told: dict[str, object], registered: Reference, charlie: User
) -> None:
    with pytest.raises(ValidationError):
        change_holder(charlie, registered.holder_id, **told)

    assert RightsHolder.objects.get().policy_version == 1


def test_a_policy_for_other_places_than_the_rights_claims_nothing(
    registered: Reference, charlie: User
) -> None:
    change_reference(charlie, registered.pk, policy="block", territories=["DE"])
    assert Flag.objects.get().policy == "block"

    change_reference(charlie, registered.pk, policy_territories=["FR"])

    assert Flag.objects.get().policy == ""
