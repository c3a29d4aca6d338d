"""Rights in the admin: what is set there registers videos as everything else does."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Event, Reference, RightsHolder
from moderation.registration import Rights, holder_named, register
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


@pytest.fixture
def chief() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("alice"))
    return browser


def address(model: str, page: str, *numbers: object) -> str:
    return reverse(f"admin:moderation_{model}_{page}", args=numbers)


def test_a_holder_and_a_reference_are_made_changed_and_taken_back(
    chief: Client, video_row: MakeVideo
) -> None:
    video = video_row()
    told: dict[str, object] = {
        "name": "Acme",
        "contact_email": "rights@acme.test",
        "policy": "track",
        "least_seconds": "10",
        "least_share": "0.2",
    }
    assert chief.post(address("rightsholder", "add"), told).status_code == 302
    holder = RightsHolder.objects.get()
    changed = told | {"policy": "review", "name": "Acme Films"}
    assert chief.post(address("rightsholder", "change", holder.pk), changed).status_code == 302
    holder.refresh_from_db()
    assert (holder.name, holder.policy, holder.policy_version) == ("Acme Films", "review", 2)
    event = Event.objects.get(machine="holder")
    assert event.facts == {"policy": ["track", "review"]}
    assert (event.actor_kind, event.actor_name) == ("staff", "alice")

    told = {"video": video.pk, "holder": holder.pk, "licence": "CC0", "territories": "DE,FR"}
    assert chief.post(address("reference", "add"), told | {"policy": ""}).status_code == 302
    reference = Reference.objects.get()
    video.refresh_from_db()
    assert reference.territories == ["DE", "FR"]
    assert video.registered_at == reference.registered_at

    told = {"licence": "", "territories": "", "policy": "block"}
    page = address("reference", "change", reference.pk)
    assert chief.post(page, told).status_code == 302
    reference.refresh_from_db()
    assert (reference.policy, reference.territories, reference.video) == ("block", [], video)
    assert reference.policy_version == 2

    page = address("reference", "delete", reference.pk)
    assert chief.post(page, {"post": "yes"}).status_code == 302
    video.refresh_from_db()
    assert video.registered_at is None
    told_of = Event.objects.filter(machine="reference", subject_id=reference.pk)
    assert [event.move for event in told_of] == ["registered", "policy_changed", "withdrawn"]


def test_what_is_no_country_and_what_is_there_already_is_told(
    chief: Client, video_row: MakeVideo
) -> None:
    video, holder = video_row(), holder_named("Acme")
    told = {"video": video.pk, "holder": holder.pk, "territories": "UK", "policy": ""}

    answer = chief.post(address("reference", "add"), told)
    assert "UK is no country" in answer.content.decode()

    register(video.pk, Rights(holder))
    answer = chief.post(address("reference", "add"), told | {"territories": ""})
    assert "already exists" in answer.content.decode()


def test_many_references_at_once_are_taken_back(chief: Client, video_row: MakeVideo) -> None:
    holder = holder_named("Acme")
    for name in ("a.mp4", "b.mp4"):
        register(video_row(name).pk, Rights(holder))
    chosen = list(Reference.objects.values_list("pk", flat=True))

    told = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert chief.post(address("reference", "changelist"), told).status_code == 302

    assert not Video.objects.filter(registered_at__isnull=False).exists()


def test_rights_are_found_by_title_holder_and_policy(chief: Client, video_row: MakeVideo) -> None:
    register(video_row("a.mp4", title="Metropolis").pk, Rights(holder_named("Acme"), "CC0"))

    for query in ("q=metropolis", "q=acme", "q=CC0", "policy__exact="):
        page = chief.get(address("reference", "changelist") + "?" + query).content.decode()
        assert "Metropolis" in page, query
    assert (
        "Metropolis"
        not in chief.get(
            address("reference", "changelist") + "?holder__policy__exact=block"
        ).content.decode()
    )
    assert "Acme" in chief.get(address("rightsholder", "changelist") + "?q=acm").content.decode()
