"""An exact re-upload is told at once and not analysed a second time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now

from matching import twins
from matching.links import links_of
from matching.models import CutToken, DuplicateLink, FeatureVector, Fingerprint, WordPosting
from moderation.models import Flag
from tvidz import pipeline
from tvidz.pipeline import analyse
from videos import storage
from videos.evidence import evidence_pictures
from videos.models import Analysis, FrameInfo, SceneCuts, State, Upload, Video
from videos.uploads.accept import Arrival, accept

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on nothing is decoded."""

    def refuse(*words: Any) -> None:
        raise AssertionError("an exact re-upload was decoded")

    return lambda: monkeypatch.setattr(pipeline, "decoding", refuse)


def rows(model: Any, video: Video, *names: str) -> list[Any]:
    return sorted(model.objects.filter(video=video).values_list(*names), key=repr)


def facts(link: DuplicateLink) -> tuple[Any, ...]:
    names = ("q_start", "q_end", "r_start", "r_end", "speed", "mirrored", "matched_frames")
    return (
        link.score,
        link.covered_query,
        link.covered_reference,
        link.kinds,
        [tuple(getattr(part, name) for name in names) for part in link.segments.all()],
    )


def test_the_same_file_again_takes_over_what_was_made_of_the_first(
    film: Path, take_in: TakeIn, no_decoding: Callable[[], None]
) -> None:
    first = take_in(film, "one.mp4")
    no_decoding()

    again = take_in(film, "another name.mp4")

    assert (again.state, again.error_code) == (State.READY, "")
    assert again.filename == "another name.mp4"
    for model, names in (
        (FrameInfo, ("frame_number", "timestamp", "is_keyframe", "picture_offset")),
        (SceneCuts, ("timestamps",)),
        (Fingerprint, ("version", "ready", "duration", "dense_hashes", "box")),
        (FeatureVector, ("frame_number", "region", "hash", "bands", "words", "timestamp")),
    ):
        assert rows(model, again, *names) == rows(model, first, *names) != []
    assert rows(CutToken, again, "token", "time") == rows(CutToken, first, "token", "time")
    for frame in FeatureVector.objects.filter(video=again).select_related("frame"):
        assert frame.frame.video_id == again.id
    pictures = list(evidence_pictures(again, again.frames.all()))
    assert len(pictures) == again.frames.count()
    assert again.thumbnail_key == storage.thumbnail_key(again.id)
    assert storage.size_of(again.thumbnail_key) == storage.size_of(first.thumbnail_key)
    postings = WordPosting.objects.filter(
        feature__in=FeatureVector.objects.filter(video=again).values("pk")
    )
    assert postings.exists()


def test_the_pair_is_linked_whole_and_flagged(film: Path, take_in: TakeIn) -> None:
    first, again = take_in(film), take_in(film)

    [link] = links_of(again.id)
    assert (link.query, link.reference) == (again, first)
    assert (link.score, link.covered_query, link.covered_reference) == (1.0, 1.0, 1.0)
    assert link.kinds == ["exact"]
    [segment] = link.segments.all()
    assert (segment.q_start, segment.r_start) == (0.0, 0.0)
    assert (segment.q_end, segment.r_end) == pytest.approx((12.0, 12.0), abs=0.1)
    assert len(segment.pairs) == 24
    assert Flag.objects.get().link == link


def test_it_has_the_links_that_its_twin_has_from_either_side(
    film: Path, excerpt: Path, take_in: TakeIn
) -> None:
    original = take_in(film)
    copy = take_in(excerpt)
    [known] = DuplicateLink.objects.all()

    again = take_in(excerpt)
    same_original = take_in(film)

    of_again = {link.reference_id: link for link in links_of(again.id).filter(query=again)}
    assert set(of_again) == {original.id, copy.id}
    assert facts(of_again[original.id]) == facts(known)
    # The film came last this time, so it is the query, and the excerpts are in it.
    of_film = {link.reference_id: link for link in links_of(same_original.id)}
    assert set(of_film) == {original.id, copy.id, again.id}
    turned = of_film[copy.id]
    assert (turned.covered_query, turned.covered_reference) == (
        known.covered_reference,
        known.covered_query,
    )
    [there], [here] = known.segments.all(), turned.segments.all()
    assert (here.q_start, here.q_end) == (there.r_start, there.r_end)
    assert (here.r_start, here.r_end) == (there.q_start, there.q_end)


def test_a_copy_finds_both_of_them(film: Path, excerpt: Path, take_in: TakeIn) -> None:
    first, again = take_in(film), take_in(film)

    copy = take_in(excerpt)

    assert {link.reference_id for link in links_of(copy.id)} == {first.id, again.id}


def test_a_search_that_began_before_the_twin_could_be_found_is_waited_for(
    transactional_db: None, film: Path, excerpt: Path, take_in: TakeIn, video_row: Any
) -> None:
    take_in(film)
    late = take_in(excerpt)
    busy = Analysis.objects.filter(video=late)
    link = DuplicateLink.objects.get()
    kept = list(link.segments.all())
    # The search has been made, its links are not written yet.
    link.delete()
    busy.update(state=State.PROCESSING, step="search", lease_until=Now() + timedelta(minutes=1))
    accepted = accept(Arrival(film, "again.mp4", Upload.Entrance.API))

    def adopt() -> None:
        analyse(accepted.analysis.pk)
        connections.close_all()

    thread = threading.Thread(target=adopt)
    thread.start()
    thread.join(1.5)
    assert thread.is_alive()
    link.save(force_insert=True)
    for segment in kept:
        segment.link = link
        segment.save(force_insert=True)
    busy.update(state=State.READY, lease_until=None)
    thread.join(20)

    assert late.id in {each.reference_id for each in links_of(accepted.video.id)}


def test_with_stop_at_duplicate_it_stops_there_with_nothing_in_the_index(
    film: Path, take_in: TakeIn, change_settings: Callable[..., None]
) -> None:
    change_settings(stop_at_duplicate=True)
    take_in(film)

    again = take_in(film)

    assert again.state == State.DUPLICATE
    assert not Fingerprint.objects.filter(video=again).exists()
    assert DuplicateLink.objects.get().query == again
    assert Flag.objects.count() == 1


def test_a_twin_that_was_read_in_part_leaves_the_other_one_partial(
    film: Path, take_in: TakeIn, tmp_path: Path, no_decoding: Callable[[], None]
) -> None:
    cut = tmp_path / "cut.ts"
    cut.write_bytes(film.read_bytes())
    first = take_in(film)
    Video.objects.filter(pk=first.pk).update(state="partial", error_code="CORRUPT")
    no_decoding()

    again = take_in(film)

    assert (again.state, again.error_code) == (State.PARTIAL, "CORRUPT")


def test_without_the_twins_pictures_it_is_analysed_as_any_other(
    film: Path, take_in: TakeIn
) -> None:
    first = take_in(film)
    storage.remove(first.pictures_key)

    again = take_in(film)

    assert again.state == State.READY
    assert storage.size_of(again.pictures_key) > 0
    assert DuplicateLink.objects.get().kinds != ["exact"]


@pytest.mark.parametrize("state", ["queued", "processing", "failed", "duplicate"])
def test_only_what_ended_well_is_a_twin(film: Path, take_in: TakeIn, state: str) -> None:
    first = take_in(film)
    Video.objects.filter(pk=first.pk).update(state=state, error_code="X")
    accepted = accept(Arrival(film, "a.mp4", Upload.Entrance.API))

    assert twins.find(accepted.video) is None


def test_another_engines_fingerprint_is_nothing_to_take_over(
    film: Path, take_in: TakeIn, fingerprinted_by: Callable[..., None]
) -> None:
    fingerprinted_by("1", take_in(film))
    accepted = accept(Arrival(film, "a.mp4", Upload.Entrance.API))

    assert twins.find(accepted.video) is None


def test_who_has_a_video_analysed_again_means_it(film: Path, take_in: TakeIn) -> None:
    take_in(film)
    again = take_in(film)

    assert twins.find(again) is None
