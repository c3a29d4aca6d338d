"""Originals that come after their copies: registered, they are the reference."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from matching.models import DuplicateLink
from moderation.models import Flag, Reference, RightsHolder
from tests.tvidz.backfill.conftest import Backfill, counts_of
from videos.models import Analysis, State, Video

pytestmark = pytest.mark.django_db(transaction=True)

TakeIn = Callable[..., Video]
Manifest = Callable[..., Path]


def test_an_original_backfilled_after_its_copy_is_the_reference_and_flags_the_copy(
    take_in: TakeIn, film: Path, excerpt: Path, backfill: Backfill
) -> None:
    upload = take_in(excerpt)
    assert not DuplicateLink.objects.exists()

    assert backfill(film, as_reference=True, rights_holder="Acme Films") == {"ready": 1}

    original = Video.objects.get(filename="film.mp4")
    link = DuplicateLink.objects.get()
    assert (link.query, link.reference) == (upload, original)
    assert "excerpt" in link.kinds
    assert (link.covered_query, link.covered_reference) == pytest.approx((1.0, 0.5), abs=0.1)
    [segment] = link.segments.all()
    where = (segment.q_start, segment.q_end, segment.r_start, segment.r_end)
    assert where == pytest.approx((0, 6, 3, 9), abs=0.5)
    assert Flag.objects.get().link == link
    reference = Reference.objects.get()
    assert (reference.video, reference.holder.name) == (original, "Acme Films")
    assert original.registered_at == reference.registered_at


def test_an_original_that_is_known_already_is_registered_and_its_links_are_turned_round(
    take_in: TakeIn, film: Path, excerpt: Path, backfill: Backfill
) -> None:
    upload = take_in(excerpt)
    backfill(film)
    original = Video.objects.get(filename="film.mp4")
    link = DuplicateLink.objects.get()
    flag = Flag.objects.get()
    assert link.reference == upload

    words = {"as_reference": True, "rights_holder": "Acme Films"}
    dry = StringIO()
    assert backfill(film, dry_run=True, stdout=dry, **words) == {"would be registered": 1}
    assert not RightsHolder.objects.exists()
    assert backfill(film, **words) == {"known": 1}

    link.refresh_from_db()
    assert (link.query, link.reference) == (upload, original)
    [segment] = link.segments.all()
    where = (segment.q_start, segment.q_end, segment.r_start, segment.r_end)
    assert where == pytest.approx((0, 6, 3, 9), abs=0.5)
    assert Flag.objects.get() == flag
    assert backfill(film, **words) == {"known": 1}
    assert backfill(film, dry_run=True, **words) == {"known": 1}
    assert Reference.objects.count() == 1


def test_where_uploads_stop_at_a_duplicate_a_registered_original_does_not(
    take_in: TakeIn,
    film: Path,
    excerpt: Path,
    backfill: Backfill,
    change_settings: Callable[..., None],
) -> None:
    take_in(excerpt)
    change_settings(stop_at_duplicate=True)

    assert backfill(film, as_reference=True, rights_holder="Acme Films") == {"ready": 1}
    assert Flag.objects.count() == 1


def test_a_manifest_says_who_has_which_rights(
    folder: Path, backfill: Backfill, manifest: Manifest
) -> None:
    path = manifest(
        "source,rights_holder,licence,territories,policy",
        "clip.mp4,Acme Films,CC BY 4.0,DE FR,block",
        "below/excerpt.mp4,,,,",
    )

    assert backfill(manifest=path, queue=True) == {"queued": 2}
    reference = Reference.objects.get()
    assert (reference.video.filename, reference.holder.name) == ("clip.mp4", "Acme Films")
    assert (reference.licence, reference.territories) == ("CC BY 4.0", ["DE", "FR"])
    assert reference.policy == "block"

    words = {"as_reference": True, "rights_holder": "acme FILMS"}
    backfill(manifest=path, queue=True, **words)
    assert Reference.objects.count() == 2
    assert RightsHolder.objects.count() == 1


def test_without_a_holder_nothing_is_registered_nor_taken_in(
    folder: Path, backfill: Backfill, manifest: Manifest
) -> None:
    with pytest.raises(CommandError, match="needs --rights-holder"):
        backfill(folder, as_reference=True)
    with pytest.raises(CommandError, match="goes with --as-reference"):
        backfill(folder, rights_holder="Acme")
    path = manifest("source,rights_holder", "clip.mp4,Acme", "below/excerpt.mp4,")
    with pytest.raises(CommandError, match="line 3: rights_holder: there is none"):
        backfill(manifest=path, as_reference=True)
    assert not Video.objects.exists()
    assert not RightsHolder.objects.exists()


def test_what_is_in_quarantine_is_told_and_not_registered(folder: Path, backfill: Backfill) -> None:
    backfill(folder / "clip.mp4", queue=True)
    Analysis.objects.all().delete()
    Video.objects.update(state=State.QUARANTINED, error_code="MALWARE")

    for touch in (False, True):
        if touch:
            (folder / "clip.mp4").touch()
        out = StringIO()
        with pytest.raises(CommandError):
            backfill(folder / "clip.mp4", as_reference=True, rights_holder="Acme", stdout=out)
        assert counts_of(out.getvalue()) == {"quarantined": 1}
    assert not Reference.objects.exists()


def test_an_exact_copy_that_came_first_is_no_reference_of_the_original(
    take_in: TakeIn, film: Path, backfill: Backfill, change_settings: Callable[..., None]
) -> None:
    upload = take_in(film)
    change_settings(stop_at_duplicate=True)

    assert backfill(film, as_reference=True, rights_holder="Acme Films") == {"ready": 1}

    link = DuplicateLink.objects.get()
    assert (link.query, link.kinds) == (upload, ["exact"])
    assert link.reference.registered_at is not None


def test_what_is_refused_is_not_registered(folder: Path, backfill: Backfill) -> None:
    (folder / "letter.mp4").write_text("Dear Bob, this is not a video.")
    out = StringIO()

    with pytest.raises(CommandError):
        backfill(folder, as_reference=True, rights_holder="Acme", queue=True, stdout=out)

    assert counts_of(out.getvalue()) == {"queued": 2, "refused": 1}
    assert Video.objects.filter(registered_at=None).get().state == State.FAILED
