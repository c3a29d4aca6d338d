"""Nearest shots by colours and by a descriptor of one's own: what is found, and by which index."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction

from matching import descriptor_upkeep, neighbours
from matching.engine.descriptors import HSV108, Descriptor
from matching.engine.onnx import ModelUnusable
from matching.engine.version import ENGINE_VERSION
from matching.models import DescriptorCalibration, DescriptorVector, FeatureVector
from matching.own_descriptor import own_descriptor
from tests.picture_library import fingerprint_of, library, shots_of, taken_in
from tests.small_models import small_model
from videos.models import FrameInfo, Video

UseModel = Callable[..., Path]
MakeVideo = Callable[..., Video]


def calibrated(descriptor: Descriptor) -> None:
    """Even odds at the distance 0.5."""
    DescriptorCalibration.objects.create(
        name=descriptor.name,
        version=descriptor.version,
        intercept=5.0,
        slope=-10.0,
        pictures=20,
        families=5,
        separation=1.0,
        error=0.01,
    )


def own() -> Descriptor:
    mine = own_descriptor()
    assert mine is not None
    return mine


def hundred_frames(video: Video) -> list[FrameInfo]:
    return FrameInfo.objects.bulk_create(
        FrameInfo(
            video=video,
            extraction_version=1,
            frame_number=number,
            timestamp=number,
            is_keyframe=False,
        )
        for number in range(100)
    )


def many_shots(descriptor: Descriptor, video_row: MakeVideo) -> None:
    """Forty videos of a hundred shots with random vectors: enough for a plan to matter."""
    rng = np.random.default_rng(5)
    for video in [video_row(f"{number}.mp4") for number in range(40)]:
        DescriptorVector.objects.bulk_create(
            DescriptorVector(
                frame=frame,
                video=video,
                name=descriptor.name,
                version=descriptor.version,
                timestamp=frame.timestamp,
                vector=rng.normal(size=descriptor.dimension),
            )
            for frame in hundred_frames(video)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE matching_descriptorvector")


def many_colours(video_row: MakeVideo) -> None:
    """Twenty videos of a hundred index frames, every fourth with a random colour vector."""
    rng = np.random.default_rng(8)
    for video in [video_row(f"{number}.mp4") for number in range(20)]:
        FeatureVector.objects.bulk_create(
            FeatureVector(
                frame=frame,
                video=video,
                version=ENGINE_VERSION,
                media_type="video",
                frame_number=frame.frame_number,
                timestamp=frame.timestamp,
                quality=90,
                hash="01" * 128,
                colour=rng.random(108) if frame.frame_number % 4 == 0 else None,
            )
            for frame in hundred_frames(video)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE matching_featurevector")


def indexes_used(descriptor: Descriptor) -> set[str]:
    """Names of the indexes in the plan that a search by `descriptor` gets."""
    vectors = np.ones((3, descriptor.dimension), np.float32)
    asked = neighbours.parameters(descriptor, vectors, 10, None)
    with transaction.atomic(), connection.cursor() as cursor:
        neighbours.prefer_index(cursor)
        cursor.execute("EXPLAIN (FORMAT JSON) " + neighbours.statement(descriptor), asked)
        (answer,) = cursor.fetchone()
    return set(_names((answer if isinstance(answer, list) else json.loads(answer))[0]["Plan"]))


def _names(node: dict[str, Any]) -> list[str]:
    mine = [node["Index Name"]] if "Index Name" in node else []
    return mine + [name for below in node.get("Plans", []) for name in _names(below)]


@pytest.mark.usefixtures("passing_indexes")
@pytest.mark.parametrize("distance", ["cosine", "l2"])
def test_a_search_by_ones_own_descriptor_uses_its_index(
    distance: str, use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model(onnx_distance=distance)
    many_shots(own(), video_row)
    before = indexes_used(own())

    descriptor_upkeep.make_index(own())

    name = f"idx_descriptor_mine_{own().version}"
    assert name not in before
    assert indexes_used(own()) == {name}


@pytest.mark.django_db
def test_colours_are_searched_by_their_index(video_row: MakeVideo) -> None:
    many_colours(video_row)

    assert indexes_used(HSV108) == {"idx_feature_vector_colour"}


@pytest.mark.usefixtures("passing_indexes")
def test_the_index_finds_what_reading_everything_finds(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    many_shots(own(), video_row)
    calibrated(own())
    rows = DescriptorVector.objects.order_by("pk")[:5]
    vectors = np.array([np.asarray(row.vector) for row in rows], np.float32)
    asked = neighbours.Described(own(), np.arange(5.0), np.arange(5), vectors)
    exact = {(near.query_time, near.distance) for near in neighbours.nearest(asked, 1)}

    descriptor_upkeep.make_index(own())

    found = {(near.query_time, near.distance) for near in neighbours.nearest(asked, 1)}
    assert {time for time, _ in found} == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert found == exact


@pytest.mark.django_db
def test_a_copy_is_found_at_the_shot_it_is_from(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model()
    library(video_row, 3)
    video = taken_in(video_row, shots_of(9), "copied.mp4")
    calibrated(own())
    paler = (shots_of(9)[24:48] * 0.7 + 40).astype(np.uint8)

    found = neighbours.nearest(neighbours.heads(fingerprint_of(paler), own()), 3)

    best = [(near.video_id, near.query_time, near.time) for near in found[:2]]
    assert sorted(best) == [(video.id, 0.0, 6.0), (video.id, 3.0, 9.0)]
    assert found[1].confidence > 0.9
    assert found[-1].confidence < found[0].confidence
    assert [near.distance for near in found] == sorted(near.distance for near in found)


@pytest.mark.django_db
def test_the_query_itself_can_be_left_out(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model()
    videos = library(video_row, 2)
    calibrated(own())
    asked = neighbours.heads(fingerprint_of(shots_of(100)), own())

    found = neighbours.nearest(asked, 5, exclude=videos[0].id)

    assert {near.video_id for near in found} == {videos[1].id}


@pytest.mark.django_db
def test_the_nearest_colours_come_first(video_row: MakeVideo) -> None:
    videos = library(video_row, 2)
    calibrated(HSV108)

    found = neighbours.nearest(neighbours.heads(fingerprint_of(shots_of(100)), HSV108), 5)

    assert [near.video_id for near in found[:5]] == [videos[0].id] * 5
    assert [near.distance for near in found[:5]] == pytest.approx([0] * 5, abs=1e-3)
    assert [near.distance for near in found] == sorted(near.distance for near in found)


@pytest.mark.django_db
def test_versions_do_not_mix(use_model: UseModel, video_row: MakeVideo) -> None:
    use_model(seed=7)
    library(video_row, 2)
    calibrated(own())
    before = own().version
    use_model(seed=8)
    calibrated(own())
    later = taken_in(video_row, shots_of(100), "again.mp4")

    found = neighbours.nearest(neighbours.heads(fingerprint_of(shots_of(100)), own()), 20)

    assert own().version != before
    assert DescriptorVector.objects.filter(version=before).count() == 10
    assert {near.video_id for near in found} == {later.id}


@pytest.mark.usefixtures("passing_indexes")
def test_versions_of_different_length_lie_side_by_side(
    use_model: UseModel, video_row: MakeVideo, change_settings: Callable[..., None], tmp_path: Path
) -> None:
    use_model()
    many_shots(own(), video_row)
    descriptor_upkeep.make_index(own())

    change_settings(onnx_model=str(small_model(tmp_path / "wide.onnx", numbers=40)))
    taken_in(video_row, shots_of(9), "wide.mp4")
    descriptor_upkeep.make_index(own())
    calibrated(own())

    assert own().dimension == 40
    found = neighbours.nearest(neighbours.heads(fingerprint_of(shots_of(9)), own()), 1)
    assert [near.distance for near in found] == pytest.approx([0] * 5, abs=1e-6)


@pytest.mark.django_db
def test_a_descriptor_that_nobody_calibrated_is_refused(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model(seed=7)
    calibrated(own())
    use_model(seed=8)

    with pytest.raises(neighbours.Uncalibrated, match="descriptor calibrate --name mine"):
        neighbours.nearest(neighbours.heads(fingerprint_of(shots_of(9)), own()))


@pytest.mark.django_db
def test_a_fingerprint_made_by_another_version_is_not_asked_with(use_model: UseModel) -> None:
    use_model(seed=7)
    fingerprint = fingerprint_of(shots_of(9))
    use_model(seed=8)

    with pytest.raises(ValueError, match="without this descriptor"):
        neighbours.heads(fingerprint, own())


@pytest.mark.usefixtures("passing_indexes")
def test_a_search_changes_nothing_for_those_who_use_the_connection_next(
    use_model: UseModel, video_row: MakeVideo
) -> None:
    use_model()
    library(video_row, 1)
    calibrated(own())
    names = ("enable_seqscan", "enable_sort", "jit", "hnsw.ef_search")

    def now() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting(name, true) FROM unnest(%s::text[]) AS name", [list(names)]
            )
            return [row[0] for row in cursor.fetchall()]

    asked = neighbours.heads(fingerprint_of(shots_of(100)), own())
    neighbours.nearest(asked)
    before = now()
    neighbours.nearest(asked)

    assert now() == before
    assert before[:2] == ["on", "on"]
    assert before[3] != "100"


def test_descriptors_are_asked_for_by_name(use_model: UseModel) -> None:
    with pytest.raises(neighbours.UnknownDescriptor, match="No descriptor mine here, only hsv108;"):
        neighbours.vector_descriptor("mine")
    use_model()

    assert neighbours.vector_descriptor("mine") is own()
    assert neighbours.vector_descriptor("hsv108") is HSV108
    with pytest.raises(neighbours.UnknownDescriptor, match="only hsv108, mine"):
        neighbours.vector_descriptor("dct256")


def test_an_exchanged_file_is_noticed_and_a_lost_one_told(use_model: UseModel) -> None:
    path = use_model(seed=7)
    before = own().version
    assert own() is own()

    small_model(path, seed=9)
    assert own().version != before

    path.unlink()
    with pytest.raises(ModelUnusable, match="cannot be read: No such file"):
        own()
