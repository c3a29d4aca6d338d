"""Uploads that a browser sends straight to the bucket."""

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from tests.aws import SECRET, Aws
from tests.videos.uploads.s3.browser import (
    BEGIN,
    MIB,
    begin,
    code_of,
    complete,
    padded,
    send_form,
    send_parts,
)
from videos.access.visibility import SESSION_KEY
from videos.models import DirectUpload, State, Video
from videos.s3 import s3
from videos.uploads.s3 import direct
from videos.uploads.s3.poller import Poller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("aws")]


def test_a_small_file_goes_as_a_form_and_becomes_a_video_by_its_event(
    aws: Aws, client: Client, alice: User, clip: Path
) -> None:
    told = begin(client, clip.stat().st_size, "holiday.mp4", type="video/mp4")
    assert told["state"] == "waiting"
    assert send_form(told["form"], clip.read_bytes()).status_code in (200, 201, 204)

    Poller(once=True, wait_seconds=0).run()

    video = Video.objects.get()
    assert (str(video.id), video.owner, video.filename) == (told["video_id"], alice, "holiday.mp4")
    state = client.get(f"{BEGIN}{told['id']}/").json()
    assert (state["state"], state["video"]) == ("accepted", f"/api/v1/videos/{video.id}/")
    assert aws.keys() == []
    # Its own removal is told by an event as well, and asks for nothing.
    Poller(once=True, wait_seconds=0).run()
    assert aws.waiting() == 0


def test_without_events_the_word_that_all_is_sent_does_the_same(
    aws: Aws, client: Client, alice: User, clip: Path
) -> None:
    told = begin(client, clip.stat().st_size)
    send_form(told["form"], clip.read_bytes())

    answer = complete(client, told["id"])

    assert (answer.status_code, answer.json()["state"]) == (202, "received")
    assert OrmQ.objects.count() == 1
    direct.finish(told["id"])
    direct.finish(told["id"])
    assert Video.objects.get().owner == alice
    assert complete(client, told["id"]).json()["state"] == "accepted"


def test_a_large_file_goes_in_parts_and_can_be_gone_on_with(
    aws: Aws, client: Client, alice: User, clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(s3_part_mb=5)
    content = padded(clip, 12 * MIB + 17)
    told = begin(client, len(content))
    assert told["parts"] == {"bytes": 5 * MIB, "count": 3}
    send_parts(client, told, content, [3, 1])

    there = client.get(f"{BEGIN}{told['id']}/parts/").json()["parts"]
    assert [(part["number"], part["bytes"]) for part in there] == [(1, 5 * MIB), (3, 2 * MIB + 17)]
    assert code_of(complete(client, told["id"]), 409) == "INCOMPLETE"

    send_parts(client, told, content, [2])
    assert complete(client, told["id"]).status_code == 202
    # The event that comes of it and the task meet the same object.
    Poller(once=True, wait_seconds=0).run()
    direct.finish(told["id"])

    video = Video.objects.get()
    assert (video.size_bytes, video.state) == (len(content), State.QUEUED)


def test_joining_again_after_a_crash_between_joining_and_saying_so_is_no_fault(
    aws: Aws, client: Client, alice: User, clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(s3_part_mb=5)
    content = padded(clip, 6 * MIB)
    told = begin(client, len(content))
    send_parts(client, told, content, [1, 2])
    direct._join(DirectUpload.objects.get())

    assert complete(client, told["id"]).status_code == 202


def test_what_is_signed_names_key_size_type_and_minutes(
    aws: Aws, client: Client, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(s3_part_mb=5, s3_url_minutes=7)
    small, large = begin(client, 1234, type="video/webm"), begin(client, 8 * MIB)

    upload, sending = direct.begin(direct.Announced("a.mp4", 1234, "video/webm"))
    policy = sending["form"]["fields"]
    assert policy["key"] == f"incoming/{upload.id}"
    assert small["form"]["fields"]["Content-Type"] == "video/webm"
    conditions = json.loads(base64.b64decode(small["form"]["fields"]["policy"]))
    assert ["content-length-range", 1234, 1234] in conditions["conditions"]
    assert {"key": f"incoming/{small['id']}"} in conditions["conditions"]

    address = direct.part_addresses(DirectUpload.objects.get(pk=large["id"]), [2])["2"]
    query = parse_qs(urlsplit(address).query)
    assert query["X-Amz-Expires"] == ["420"]
    assert "content-length" in query["X-Amz-SignedHeaders"][0]
    assert SECRET not in address + str(small) + str(large)


def test_another_size_in_the_bucket_than_was_announced_is_refused(
    aws: Aws, client: Client, alice: User, clip: Path
) -> None:
    told = begin(client, 1000)
    aws.put(f"incoming/{told['id']}", clip.read_bytes())

    assert code_of(complete(client, told["id"]), 409) == "INCOMPLETE"
    direct.finish(told["id"])

    state = client.get(f"{BEGIN}{told['id']}/").json()
    assert (state["state"], state["code"]) == ("refused", "SIZE_DIFFERS")
    assert Video.objects.get().error_code == "SIZE_DIFFERS"


def test_a_bad_file_is_told_to_its_sender_and_stands_on_a_failed_video(
    aws: Aws, client: Client, alice: User
) -> None:
    told = begin(client, 1000)
    send_form(told["form"], b"x" * 1000)
    complete(client, told["id"])
    direct.finish(told["id"])

    state = client.get(f"{BEGIN}{told['id']}/").json()

    assert (state["state"], state["code"]) == ("refused", "UNSUP")
    assert client.get(state["video"]).json()["error"]["code"] == "UNSUP"
    assert aws.keys() == []


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"name": "a.mp4", "size": 0}, 422, "EMPTY"),
        ({"name": "a.mp4", "size": 2 * MIB}, 413, "TOO_LARGE"),
        ({"name": "a.txt", "size": 10, "type": "text/plain"}, 415, "UNSUP"),
        ({"name": "a.mp4", "size": -1}, 400, "INVALID"),
        ({"name": "a.mp4"}, 400, "REQUIRED"),
        ({"size": 10}, 400, "REQUIRED"),
        ({"name": "a.mp4", "size": "many"}, 400, "INVALID"),
    ],
)
def test_what_cannot_come_in_is_refused_before_a_byte_is_sent(
    aws: Aws,
    client: Client,
    change_settings: Callable[..., None],
    told: dict[str, Any],
    status: int,
    code: str,
) -> None:
    change_settings(max_upload_mb=1)

    answer = client.post(BEGIN, told, "application/json")

    assert answer.status_code == status
    assert re.match(code, answer.json()["code"]) or answer.json()["code"] == "INVALID"
    assert not DirectUpload.objects.exists()


def test_an_upload_of_somebody_else_is_not_there(aws: Aws, client: Client, alice: User) -> None:
    told = begin(client, 1000)
    stranger = Client()
    stranger.force_login(User.objects.create_user("bob"))

    for other in (stranger, Client()):
        for answer in (
            other.get(f"{BEGIN}{told['id']}/"),
            other.delete(f"{BEGIN}{told['id']}/"),
            other.get(f"{BEGIN}{told['id']}/parts/"),
            other.post(f"{BEGIN}{told['id']}/parts/", {"numbers": [1]}, "application/json"),
            complete(other, told["id"]),
        ):
            assert code_of(answer, 404) == "NO_UPLOAD"


def test_who_has_no_account_gets_a_secret_and_the_browser_remembers(
    aws: Aws, client: Client, clip: Path
) -> None:
    told = begin(client, clip.stat().st_size)
    assert len(told["secret"]) >= 32
    assert client.session[SESSION_KEY] == [told["video_id"]]
    send_form(told["form"], clip.read_bytes())
    direct.finish(told["id"])

    page = f"/api/v1/videos/{told['video_id']}/"
    assert client.get(page).status_code == 200
    assert Client().get(page).status_code == 404
    assert Client().get(page, headers={"X-Upload-Secret": told["secret"]}).status_code == 200


def test_without_s3_the_sender_is_told_the_other_way(client: Client) -> None:
    answer = client.post(BEGIN, {"name": "a.mp4", "size": 10}, "application/json")

    assert code_of(answer, 404) == "DIRECT_OFF"
    assert "/api/v1/uploads" in answer.json()["detail"]


def test_an_upload_can_be_given_up(
    aws: Aws, client: Client, alice: User, clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(s3_part_mb=5)
    content = padded(clip, 6 * MIB)
    small, large = begin(client, 1000), begin(client, len(content))
    send_form(small["form"], b"x" * 1000)
    send_parts(client, large, content, [1])

    for told in (small, large):
        assert client.delete(f"{BEGIN}{told['id']}/").status_code == 204
        assert code_of(client.get(f"{BEGIN}{told['id']}/"), 404) == "NO_UPLOAD"

    assert aws.keys() == []
    assert "Uploads" not in s3().list_multipart_uploads(Bucket="videos")


def test_what_was_left_is_collected_and_told_to_be_gone(
    aws: Aws, client: Client, alice: User, clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(s3_part_mb=5)
    content = padded(clip, 6 * MIB)
    told = begin(client, len(content))
    send_parts(client, told, content, [1])
    DirectUpload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    direct.look_after()

    assert "Uploads" not in s3().list_multipart_uploads(Bucket="videos")
    assert code_of(client.get(f"{BEGIN}{told['id']}/"), 410) == "UPLOAD_EXPIRED"
    DirectUpload.objects.update(expires_at=timezone.now() - timedelta(days=8))
    direct.look_after()
    assert not DirectUpload.objects.exists()


def test_a_wake_up_that_was_lost_is_repeated(
    aws: Aws, client: Client, alice: User, clip: Path
) -> None:
    told = begin(client, clip.stat().st_size)
    send_form(told["form"], clip.read_bytes())
    complete(client, told["id"])
    OrmQ.objects.all().delete()
    direct.look_after()
    assert not OrmQ.objects.exists()

    DirectUpload.objects.update(woken_at=timezone.now() - timedelta(minutes=2))
    direct.look_after()

    assert OrmQ.objects.count() == 1


def test_an_object_under_a_made_up_number_is_passed_over(aws: Aws, clip: Path) -> None:
    aws.put("incoming/7f0c3f5e-3d0b-4f43-9d5c-0e6f4d1d9a11", clip.read_bytes())
    aws.put("incoming/what", clip.read_bytes())

    Poller(once=True, wait_seconds=0).run()

    assert not Video.objects.exists()
    assert aws.waiting() == 0
