"""Describing a library that was there first, its index, and dropping what is left over."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.db import DataError, connection

from matching import descriptor_upkeep as upkeep
from matching.models import DescriptorVector, Fingerprint
from tests.picture_library import library, own, shots_of, taken_in
from videos import storage
from videos.models import Video

pytestmark = pytest.mark.django_db

UseModel = Callable[..., Path]
MakeVideo = Callable[..., Video]


def test_videos_that_came_before_the_model_are_described_from_their_pictures(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    video = taken_in(video_row, shots_of(1), "before.mp4")
    use_model()
    twin = taken_in(video_row, shots_of(1), "after.mp4")

    assert [(each.id, shots) for each, shots in upkeep.backfill(own())] == [(video.id, 5)]

    rows = {
        each: list(DescriptorVector.objects.filter(video=each).order_by("timestamp"))
        for each in (video, twin)
    }
    assert [row.timestamp for row in rows[video]] == [row.timestamp for row in rows[twin]]
    for one, two in zip(rows[video], rows[twin], strict=True):
        # JPEG's loss is all that lies between them.
        assert float(np.asarray(one.vector) @ np.asarray(two.vector)) > 0.995
    assert list(upkeep.backfill(own())) == []


def test_only_searchable_videos_are_described(use_model: UseModel, video_row: MakeVideo) -> None:
    video = taken_in(video_row, shots_of(1), "a.mp4")
    Fingerprint.objects.filter(video=video).update(ready=False)
    use_model()

    assert list(upkeep.backfill(own())) == []


def test_a_video_whose_pictures_are_gone_does_not_stop_the_others(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    lost = taken_in(video_row, shots_of(1), "lost.mp4")
    kept = taken_in(video_row, shots_of(2), "kept.mp4")
    storage.remove(lost.pictures_key)
    use_model()

    assert {each.id: shots for each, shots in upkeep.backfill(own())} == {lost.id: None, kept.id: 5}


def test_deleting_a_video_deletes_its_vectors(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model()
    videos = library(video_row, 2)

    videos[0].delete()

    assert set(DescriptorVector.objects.values_list("video", flat=True)) == {videos[1].id}


@pytest.mark.usefixtures("passing_indexes")
def test_the_library_tells_what_it_holds(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model(seed=7)
    library(video_row, 2)
    before = own().version
    upkeep.make_index(own())
    upkeep.make_index(own())
    use_model(seed=8)
    taken_in(video_row, shots_of(9), "later.mp4")

    held = {each.version: each for each in upkeep.stored()}

    assert held[before] == upkeep.Stored("mine", before, 10, 2, indexed=True, calibrated=False)
    assert held[own().version] == upkeep.Stored("mine", own().version, 5, 1, False, False)


@pytest.mark.usefixtures("passing_indexes")
def test_an_index_that_was_cut_off_is_made_again(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model()
    library(video_row, 1)
    odd = DescriptorVector.objects.all()[0]
    odd.vector = [1.0, 2.0]
    odd.save()
    with pytest.raises(DataError, match="expected 24 dimensions, not 2"):
        upkeep.make_index(own())
    odd.delete()
    assert not upkeep.stored()[0].indexed

    upkeep.make_index(own())

    assert upkeep.stored()[0].indexed


@pytest.mark.usefixtures("passing_indexes")
def test_a_forgotten_version_leaves_nothing_behind(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    library(video_row, 1)
    upkeep.make_index(own())

    assert upkeep.forget("mine", own().version) == 5

    assert upkeep.stored() == []
    with connection.cursor() as cursor:
        name = upkeep.index_name("mine", own().version)
        cursor.execute("SELECT to_regclass(%s)", [name])
        assert cursor.fetchone() == (None,)
