"""Somebody has rights in a video: it is registered, and its links know it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink
from moderation.models import Policy, Reference, RightsHolder
from moderation.registration import Rights, holder_named, register, withdraw
from moderation.territories import TERRITORIES, check_territories
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


@pytest.fixture
def acme() -> RightsHolder:
    return holder_named("Acme Films")


def linked(query: Video, reference: Video) -> DuplicateLink:
    return DuplicateLink.objects.create(
        query=query,
        reference=reference,
        version=ENGINE_VERSION,
        score=0.9,
        matched_frames=40,
        covered_query=1.0,
        covered_reference=0.5,
    )


def test_a_reference_makes_a_video_registered(video_row: MakeVideo, acme: RightsHolder) -> None:
    video = video_row()
    assert video.registered_at is None

    done = register(video.pk, Rights(acme, "CC BY 4.0", ["FR", "DE", "FR"], Policy.BLOCK))

    video.refresh_from_db()
    reference = Reference.objects.get()
    assert done.made
    assert video.registered_at == reference.registered_at
    assert (reference.video, reference.holder, reference.licence) == (video, acme, "CC BY 4.0")
    assert (reference.territories, reference.policy) == (["DE", "FR"], "block")


def test_registering_again_leaves_what_a_person_may_have_changed(
    video_row: MakeVideo, acme: RightsHolder
) -> None:
    video = video_row()
    register(video.pk, Rights(acme, policy=Policy.TRACK))
    Reference.objects.update(policy=Policy.REVIEW)

    again = register(video.pk, Rights(acme, policy=Policy.BLOCK))

    assert not again.made
    assert Reference.objects.get().policy == Policy.REVIEW


def test_several_holders_may_have_rights_in_one_video(
    video_row: MakeVideo, acme: RightsHolder
) -> None:
    video = video_row()
    register(video.pk, Rights(acme, territories=["DE"]))
    register(video.pk, Rights(holder_named("Bob"), territories=["FR"]))

    assert video.references.count() == 2
    with pytest.raises(IntegrityError, match="reference_once"), transaction.atomic():
        Reference.objects.create(video=video, holder=acme)


def test_without_a_policy_of_its_own_a_reference_has_its_holders(
    video_row: MakeVideo, acme: RightsHolder
) -> None:
    reference = register(video_row().pk, Rights(acme)).reference
    assert reference.effective_policy == Policy.REVIEW

    RightsHolder.objects.update(policy=Policy.TRACK)
    assert Reference.objects.get().effective_policy == Policy.TRACK
    Reference.objects.update(policy=Policy.BLOCK)
    assert Reference.objects.get().effective_policy == Policy.BLOCK


def test_a_registered_video_takes_the_references_place_and_gives_it_back(
    video_row: MakeVideo, acme: RightsHolder
) -> None:
    upload, film = video_row("upload.mp4"), video_row("film.mp4")
    Video.objects.filter(pk=upload.pk).update(uploaded_at=timezone.now() - timedelta(days=1))
    link = linked(film, upload)

    done = register(film.pk, Rights(acme))
    link.refresh_from_db()
    assert done.turned == (link.pk,)
    assert (link.query, link.reference) == (upload, film)

    assert withdraw(done.reference) == (link.pk,)
    link.refresh_from_db()
    film.refresh_from_db()
    assert (link.query, link.reference, film.registered_at) == (film, upload, None)


def test_a_video_stays_registered_while_another_holder_has_rights_in_it(
    video_row: MakeVideo, acme: RightsHolder
) -> None:
    video = video_row()
    first = register(video.pk, Rights(acme)).reference
    second = register(video.pk, Rights(holder_named("Bob"))).reference

    withdraw(first)

    video.refresh_from_db()
    assert video.registered_at == second.registered_at


def test_a_holder_is_one_in_whichever_case_and_spacing(acme: RightsHolder) -> None:
    assert holder_named("  ACME   films ") == acme
    assert holder_named("Ärzte e.V.") == holder_named("ÄRZTE E.V.")
    assert RightsHolder.objects.count() == 2
    with pytest.raises(IntegrityError, match="rights_holder_once"), transaction.atomic():
        RightsHolder.objects.create(name="acme FILMS")
    with pytest.raises(ValueError):
        holder_named("  ")


def test_a_holder_stays_while_there_is_a_reference(
    video_row: MakeVideo, acme: RightsHolder
) -> None:
    register(video_row().pk, Rights(acme))

    with pytest.raises(IntegrityError), transaction.atomic():
        RightsHolder.objects.all().delete()


def test_unknown_policies_are_refused(video_row: MakeVideo, acme: RightsHolder) -> None:
    with pytest.raises(IntegrityError, match="reference_policy_known"), transaction.atomic():
        Reference.objects.create(video=video_row(), holder=acme, policy="pray")
    with pytest.raises(IntegrityError, match="holder_policy_known"), transaction.atomic():
        RightsHolder.objects.create(name="Bob", policy="")


def test_countries_are_those_of_iso_3166() -> None:
    assert len(TERRITORIES) == 249
    assert {"DE", "US", "GB", "TW", "SS"} <= TERRITORIES
    assert not {"UK", "EU", "XK", "AN", "SU"} & TERRITORIES
    check_territories(["DE", "FR"])
    with pytest.raises(ValidationError, match="UK is no country"):
        check_territories(["DE", "UK"])
