"""What the database itself refuses about descriptors and links, its indexes, its migrations."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from matching.models import (
    CutToken,
    DescriptorCalibration,
    DescriptorVector,
    DuplicateLink,
    FeatureVector,
    Fingerprint,
    Segment,
)
from videos.models import FrameInfo, Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


def refused(write: Callable[[], Any], constraint: str) -> bool:
    # Otherwise foreign keys are looked at when the transaction ends.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    return constraint in str(error.value)


def frame_of(video: Video) -> FrameInfo:
    return FrameInfo.objects.create(
        video=video, extraction_version=1, frame_number=0, timestamp=0.0, is_keyframe=True
    )


def vector(frame_id: int, video: Video, **fields: Any) -> FeatureVector:
    plain = {"version": "1", "frame_number": 0, "timestamp": 0.0, "quality": 90}
    return FeatureVector.objects.create(
        frame_id=frame_id,
        video=video,
        media_type="video",
        **(plain | {"hash": "01" * 128, "colour": [0.5] * 108} | fields),
    )


def link(query: Video, reference: Video, **fields: Any) -> DuplicateLink:
    plain = {"version": "1", "score": 0.9, "matched_frames": 9}
    plain |= {"covered_query": 1.0, "covered_reference": 0.5}
    return DuplicateLink.objects.create(query=query, reference=reference, **(plain | fields))


def segment(of: DuplicateLink, **fields: Any) -> Segment:
    plain = {"q_start": 0.0, "q_end": 5.0, "r_start": 3.0, "r_end": 8.0}
    return Segment.objects.create(link=of, matched_frames=9, similarity=0.9, **(plain | fields))


def test_a_vector_without_its_frame_is_refused(video_row: MakeVideo) -> None:
    video = video_row()

    assert refused(lambda: vector(999_999, video), "frame_id")


def test_a_vector_without_its_video_is_refused(video_row: MakeVideo) -> None:
    frame = frame_of(video_row())
    nowhere = Video(id=uuid.uuid4())

    assert refused(lambda: vector(frame.pk, nowhere), "video_id")


def test_a_frame_has_one_vector_for_each_region_and_version(video_row: MakeVideo) -> None:
    video = video_row()
    frame = frame_of(video)
    vector(frame.pk, video)
    vector(frame.pk, video, region=1)
    vector(frame.pk, video, version="2")

    assert refused(lambda: vector(frame.pk, video), "feature_vector_once")


def test_deleting_the_video_deletes_frames_vectors_fingerprints_tokens_and_links(
    video_row: MakeVideo,
) -> None:
    video, other = video_row("a.mp4"), video_row("b.mp4")
    vector(frame_of(video).pk, video)
    Fingerprint.objects.create(
        video=video,
        version="1",
        media_type="video",
        duration=1.0,
        dense_times=b"",
        dense_hashes=b"",
        dense_quality=b"",
    )
    CutToken.objects.create(video=video, version="1", token=1, time=0.0, span=1.0)
    segment(link(other, video))

    video.delete()

    for model in (FrameInfo, FeatureVector, Fingerprint, CutToken, DuplicateLink, Segment):
        assert not model.objects.exists(), model
    assert Video.objects.get() == other


def test_a_frame_has_one_vector_for_each_descriptor_and_version(video_row: MakeVideo) -> None:
    video = video_row()
    frame = frame_of(video)

    def put(name: str, version: str, *numbers: float) -> None:
        DescriptorVector.objects.create(
            frame=frame, video=video, name=name, version=version, timestamp=0.0, vector=[*numbers]
        )

    put("mine", "1", 0.5, 0.5)
    put("mine", "2", 0.5, 0.5, 0.5)
    put("other", "1", 0.5)

    assert refused(lambda: put("mine", "1", 0.5, 0.5), "descriptor_vector_once")


def test_a_calibration_falls_with_the_distance_and_stands_once() -> None:
    def put(slope: float) -> None:
        figures = {"pictures": 20, "families": 5, "separation": 0.9, "error": 0.1}
        DescriptorCalibration.objects.create(
            name="mine", version="1", intercept=1.0, slope=slope, **figures
        )

    assert refused(lambda: put(0.0), "calibration_falls")
    put(-1.0)
    assert refused(lambda: put(-2.0), "calibration_once")


def test_a_pair_of_videos_has_one_link_whichever_way_round(video_row: MakeVideo) -> None:
    one, two = video_row("a.mp4"), video_row("b.mp4")
    link(one, two)
    link(one, two, version="2")

    assert refused(lambda: link(one, two), "duplicate_link_pair_once")
    assert refused(lambda: link(two, one), "duplicate_link_pair_once")


def test_a_video_is_no_duplicate_of_itself(video_row: MakeVideo) -> None:
    video = video_row()

    assert refused(lambda: link(video, video), "duplicate_link_two_videos")


@pytest.mark.parametrize("score", [-0.01, 1.01])
def test_a_score_is_a_share(score: float, video_row: MakeVideo) -> None:
    assert refused(
        lambda: link(video_row(), video_row(), score=score), "duplicate_link_score_range"
    )


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"q_end": -1.0}, "segment_runs_forward"),
        ({"r_end": 2.0}, "segment_runs_forward"),
        ({"q_start": -0.5}, "segment_starts_at_zero"),
        ({"speed": 0.0}, "segment_speed_positive"),
        ({"transform": [1.0, 0.0, 0.0]}, "segment_transform_is_a_matrix"),
        ({"motion": 1.5}, "segment_motion_is_a_correlation"),
    ],
)
def test_a_segment_that_cannot_be_is_refused(
    fields: dict[str, Any], constraint: str, video_row: MakeVideo
) -> None:
    between = link(video_row(), video_row())

    assert refused(lambda: segment(between, **fields), constraint)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("idx_feature_vector_frame_info", ["USING btree (frame_id)"]),
        ("idx_feature_vector_video", ["USING btree (video_id, version)"]),
        ("idx_feature_vector_bands", ["USING gin (bands)", "fastupdate"]),
        (
            "idx_feature_vector_colour",
            [
                "USING hnsw (colour vector_l2_ops)",
                "m='16'",
                "ef_construction='64'",
                "WHERE ((media_type)::text = 'video'::text)",
            ],
        ),
        ("idx_cut_token_token", ["USING btree (token, video_id)"]),
        ("duplicate_link_pair_once", ["LEAST(query_id, reference_id)", "version"]),
    ],
)
def test_the_index_is_there(name: str, parts: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        (found,) = cursor.fetchone()

    for part in parts:
        assert part in found


def test_the_bands_index_has_no_pending_list() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'idx_feature_vector_bands'")
        assert cursor.fetchone() == (["fastupdate=off"],)


@pytest.mark.django_db(transaction=True)
def test_migrations_run_on_a_populated_database_back_and_forth(video_row: MakeVideo) -> None:
    one, two = video_row("a.mp4"), video_row("b.mp4")
    frame = frame_of(one)
    vector(frame.pk, one)
    link(one, two)
    try:
        call_command("migrate", "matching", "zero", verbosity=0)
        assert "matching_duplicatelink" not in connection.introspection.table_names()
        assert set(Video.objects.all()) == {one, two}
        assert FrameInfo.objects.get() == frame
    finally:
        call_command("migrate", verbosity=0)

    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    vector(frame.pk, one)
    assert FeatureVector.objects.get().colour is not None
