"""What the database itself refuses, and the indexes it keeps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from videos.models import Analysis, FrameInfo, SceneCuts, State, Upload, Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


def refused(write: Callable[[], Any], constraint: str) -> bool:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    return constraint in str(error.value)


def frame(video: Video, number: int = 0, **fields: Any) -> FrameInfo:
    plain = {"extraction_version": 1, "timestamp": float(number), "is_keyframe": False}
    return FrameInfo.objects.create(video=video, frame_number=number, **(plain | fields))


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"state": "lost"}, "video_state_known"),
        ({"media_type": "audio"}, "video_media_type_known"),
        ({"duration": -1.0}, "video_duration_not_negative"),
        ({"state": State.FAILED, "error_code": ""}, "video_failure_has_a_code"),
    ],
)
def test_a_video_that_cannot_be_is_refused(
    fields: dict[str, Any], constraint: str, video_row: MakeVideo
) -> None:
    assert refused(lambda: video_row(**fields), constraint)


def test_two_videos_cannot_share_a_stored_file(video_row: MakeVideo) -> None:
    video = video_row()

    assert refused(lambda: video_row(storage_key=video.storage_key), "storage_key")


def test_a_backfilled_file_is_taken_in_once_and_other_uploads_have_no_origin(
    video_row: MakeVideo,
) -> None:
    def upload(origin: str) -> Upload:
        return Upload.objects.create(
            video=video_row(), entrance="backfill", declared_name="a.mp4", origin=origin
        )

    upload("/films/a.mp4")
    upload("")
    upload("")

    assert refused(lambda: upload("/films/a.mp4"), "upload_origin_once")


def test_a_frame_is_there_once_a_version_and_not_before_time_zero(video_row: MakeVideo) -> None:
    video = video_row()
    frame(video, 0)
    frame(video, 0, extraction_version=2)

    assert refused(lambda: frame(video, 0), "frame_info_once")
    assert refused(lambda: frame(video, 1, timestamp=-0.1), "frame_info_time_not_negative")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"state": State.PROCESSING}, "analysis_processing_has_a_lease"),
        ({"progress": 1.1}, "analysis_progress_is_a_share"),
        ({"progress": -0.1}, "analysis_progress_is_a_share"),
    ],
)
def test_an_analysis_that_cannot_be_is_refused(
    fields: dict[str, Any], constraint: str, video_row: MakeVideo
) -> None:
    video = video_row()

    assert refused(lambda: Analysis.objects.create(video=video, **fields), constraint)


def test_a_video_has_one_unfinished_analysis_at_a_time(video_row: MakeVideo) -> None:
    video = video_row()
    Analysis.objects.create(video=video, state=State.READY)
    Analysis.objects.create(video=video, state=State.READY)
    Analysis.objects.create(video=video)

    assert refused(
        lambda: Analysis.objects.create(
            video=video, state=State.PROCESSING, lease_until=timezone.now()
        ),
        "analysis_one_unfinished",
    )


def test_deleting_the_video_deletes_all_that_hangs_on_it(video_row: MakeVideo) -> None:
    video = video_row()
    frame(video)
    SceneCuts.objects.create(video=video, timestamps=[1.0])
    Analysis.objects.create(video=video)
    Upload.objects.create(video=video, entrance="site", declared_name="a.mp4")

    video.delete()

    for model in (FrameInfo, SceneCuts, Analysis, Upload):
        assert not model.objects.exists(), model


def test_deleting_the_owner_keeps_the_video(video_row: MakeVideo) -> None:
    alice = User.objects.create_user("alice")
    video = video_row(owner=alice)

    alice.delete()

    video.refresh_from_db()
    assert video.owner is None


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("idx_frame_info_video_id", "videos_frameinfo USING btree (video_id)"),
        ("idx_frame_info_video_frame", "videos_frameinfo USING btree (video_id, frame_number)"),
        (
            "idx_frame_info_video_timestamp",
            'videos_frameinfo USING btree (video_id, "timestamp")',
        ),
        ("idx_scene_cuts_timestamps", "videos_scenecuts USING gin (timestamps)"),
        ("idx_video_sha256_owner", "videos_video USING btree (sha256, owner_id)"),
        ("idx_analysis_unfinished", "videos_analysis USING btree (lease_until, created_at) WHERE"),
    ],
)
def test_the_index_is_there(name: str, definition: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
        (found,) = cursor.fetchone()

    assert definition in found


def test_scene_cuts_are_a_column_of_float8() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'videos_scenecuts'::regclass AND attname = 'timestamps'"
        )
        assert cursor.fetchone() == ("double precision[]",)


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
