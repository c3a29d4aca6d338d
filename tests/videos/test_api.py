"""REST: a file comes in, and errors as problem documents."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from videos.models import Analysis, State, Upload, Video

pytestmark = pytest.mark.django_db

UPLOAD = "/api/v1/videos/"


def send(path: Path, client: Client | None = None, name: str = "clip.mp4", **headers: str) -> Any:
    file = SimpleUploadedFile(name, path.read_bytes(), "video/mp4")
    return (client or Client()).post(UPLOAD, {"file": file}, headers=headers)


def is_problem(response: Any, status: int, code: str) -> bool:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    told = response.json()
    assert set(told) == {"type", "status", "code", "title", "detail", "retryable"}
    assert told["status"] == status
    assert "Traceback" not in told["detail"]
    return bool(told["code"] == code and told["detail"])


def test_an_upload_answers_with_the_video_and_its_secret(clip: Path) -> None:
    response = send(clip, name="../holiday.mp4")

    assert response.status_code == 201
    told = response.json()
    video = Video.objects.get()
    assert told["id"] == str(video.id)
    assert (told["filename"], told["state"], told["duplicates"]) == ("holiday.mp4", "queued", [])
    assert (told["width"], told["height"], told["codec"]) == (160, 90, "h264")
    assert told["sha256"] == video.sha256
    assert told["page"] == f"/videos/{video.id}/"
    assert len(told["secret"]) >= 32
    assert Upload.objects.get().entrance == Upload.Entrance.API
    assert Analysis.objects.get().state == State.QUEUED


def test_the_secret_shows_the_upload_to_its_sender(clip: Path) -> None:
    told = send(clip).json()

    seen = Client().get(f"{UPLOAD}{told['id']}/", headers={"X-Upload-Secret": told["secret"]})

    assert seen.status_code == 200
    assert "secret" not in seen.json()


def test_who_signed_in_owns_the_upload(clip: Path) -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("alice"))

    assert send(clip, browser).status_code == 201
    owner = Video.objects.get().owner
    assert owner is not None
    assert owner.username == "alice"


def test_wrong_type_size_and_duration_are_three_different_refusals(
    clip: Path, tmp_path: Path, change_settings: Callable[..., None]
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Alice, this is not a video.")
    large = tmp_path / "large.mp4"
    large.write_bytes(clip.read_bytes() + bytes(1 << 20))
    change_settings(max_upload_mb=1, max_duration=1.0)

    wrong_type, too_large, too_long = send(letter), send(large), send(clip)

    assert is_problem(wrong_type, 415, "UNSUP")
    assert is_problem(too_large, 413, "TOO_LARGE")
    assert is_problem(too_long, 422, "DURATION")
    assert not Video.objects.exists()


def test_an_empty_file_and_no_file_are_told_apart(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()

    assert is_problem(send(empty), 422, "EMPTY")
    assert is_problem(Client().post(UPLOAD, {"other": "x"}), 400, "NO_FILE")
    assert is_problem(Client().post(UPLOAD, {"file": "a string"}), 400, "NO_FILE")


def test_without_room_the_sender_is_told_when_to_try_again(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(storage_reserve_mb=1 << 30)

    response = send(clip)

    assert is_problem(response, 507, "NO_SPACE")
    assert response["Retry-After"] == "600"
    assert response.json()["retryable"] is True


def test_where_visitors_may_not_upload_they_are_asked_to_sign_in(
    clip: Path, change_settings: Callable[..., None]
) -> None:
    change_settings(anonymous_uploads=False)
    browser = Client()
    browser.force_login(User.objects.create_user("alice"))

    assert is_problem(send(clip), 403, "SIGN_IN")
    assert send(clip, browser).status_code == 201


def test_a_client_without_cookies_needs_no_csrf_token(clip: Path) -> None:
    assert send(clip, Client(enforce_csrf_checks=True)).status_code == 201


def test_a_browser_with_our_cookies_needs_the_csrf_token(clip: Path) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get("/")
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value

    refused = send(clip, browser)
    accepted = send(clip, browser, **{"X-CSRFToken": token})

    assert is_problem(refused, 403, "PERMISSION_DENIED")
    assert accepted.status_code == 201
    assert Upload.objects.get().entrance == Upload.Entrance.SITE


def test_a_signed_in_browser_needs_the_csrf_token(clip: Path) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_user("alice"))

    assert is_problem(send(clip, browser), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing/", 404, "NO_SUCH_PATH"),
        ("POST", "/api/", 404, "NO_SUCH_PATH"),
        ("GET", "/api/v1/videos/not-a-uuid/", 404, "NO_SUCH_PATH"),
        ("GET", "/api/v1/videos/00000000-0000-0000-0000-000000000000/", 404, "NOT_FOUND"),
        ("POST", "/api/v1/videos/00000000-0000-0000-0000-000000000000/retry", 404, "NOT_FOUND"),
        ("DELETE", UPLOAD, 405, "METHOD_NOT_ALLOWED"),
        ("GET", UPLOAD, 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_every_error_under_api_is_a_problem_document(
    method: str, path: str, status: int, code: str
) -> None:
    assert is_problem(Client().generic(method, path), status, code)


def test_a_body_that_is_no_form_is_refused() -> None:
    as_json = Client().post(UPLOAD, "{}", "application/json")
    broken = Client().post(UPLOAD, b"rubbish", "multipart/form-data")

    assert is_problem(as_json, 400, "NO_FILE")
    assert is_problem(broken, 400, "BAD_REQUEST")


def test_a_fault_of_ours_is_told_as_one_without_a_trace(clip: Path) -> None:
    # A file where the storage's folder should be: nothing can be stored, and nobody foresaw it.
    settings.TVIDZ.var.mkdir(parents=True)
    (settings.TVIDZ.var / "files").touch()

    response = send(clip, Client(raise_request_exception=False))

    assert is_problem(response, 500, "INTERNAL")
    assert response.json()["retryable"] is True


def failed(video_row: Callable[..., Video], *, retryable: bool) -> tuple[Video, Client]:
    """A public video whose analysis failed, and its owner's browser."""
    alice = User.objects.create_user("alice")
    video = video_row(
        state=State.FAILED,
        error_code="TIMEOUT",
        error_message="Too slow.",
        error_retryable=retryable,
        visibility="public",
        owner=alice,
    )
    Analysis.objects.create(video=video, state=State.FAILED)
    client = Client()
    client.force_login(alice)
    return video, client


def test_what_failed_on_our_side_can_be_tried_again(video_row: Callable[..., Video]) -> None:
    video, alice = failed(video_row, retryable=True)
    address = f"/api/v1/videos/{video.id}/"
    before = alice.get(address).json()

    response = alice.post(f"{address}retry")

    assert before["error"] == {"code": "TIMEOUT", "message": "Too slow.", "retryable": True}
    assert before["allowed"] == {"retry": True, "delete": True, "change": True}
    assert response.status_code == 202
    assert (response.json()["state"], response.json()["error"]) == ("queued", None)
    assert response.json()["allowed"] == {"retry": False, "delete": True, "change": True}
    assert video.analyses.count() == 2


def test_who_may_only_see_a_video_cannot_have_it_tried_again(
    video_row: Callable[..., Video],
) -> None:
    video, _ = failed(video_row, retryable=True)
    address = f"/api/v1/videos/{video.id}/"

    assert Client().get(address).json()["allowed"] == {
        "retry": False,
        "delete": False,
        "change": False,
    }
    assert is_problem(Client().post(f"{address}retry"), 409, "NOT_RETRYABLE")
    assert video.analyses.count() == 1


def test_a_second_retry_is_refused_while_the_first_is_under_way(
    video_row: Callable[..., Video],
) -> None:
    video, alice = failed(video_row, retryable=True)
    alice.post(f"/api/v1/videos/{video.id}/retry")

    again = alice.post(f"/api/v1/videos/{video.id}/retry")

    assert is_problem(again, 409, "NOT_RETRYABLE")


def test_what_the_file_is_to_blame_for_cannot_be_tried_again(
    video_row: Callable[..., Video],
) -> None:
    video, alice = failed(video_row, retryable=False)

    assert is_problem(alice.post(f"/api/v1/videos/{video.id}/retry"), 409, "NOT_RETRYABLE")


def test_names_are_escaped_on_the_pages(clip: Path) -> None:
    browser = Client()
    number = send(clip, browser, name="<img src=x onerror=alert(1)>.mp4").json()["id"]

    for address in ("/", f"/videos/{number}/"):
        page = browser.get(address)
        assert page.status_code == 200
        assert b"<img src=x" not in page.content


def test_the_build_is_told() -> None:
    told = Client().get("/api/v1/build").json()

    assert set(told) == {"version", "commit", "date"}
