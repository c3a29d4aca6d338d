"""REST: a file is searched with and does not stay."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.browsers import browser_of
from tests.clamav import EICAR, Clamd
from tests.people import staff_user
from tvidz import answers, searching
from tvidz.answers import Answer
from videos.media.probe import Probe
from videos.models import Analysis, Search, State, Upload, Video, Visibility

pytestmark = pytest.mark.django_db

SEARCH = "/api/v1/search/"
TakeIn = Callable[..., Video]
Change = Callable[..., None]


def sent(path: Path, name: str | None = None) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name or path.name, path.read_bytes())}


def ask(path: Path, browser: Client | None = None, name: str | None = None) -> Any:
    return (browser or Client()).post(SEARCH, sent(path, name))


def left_behind() -> list[str]:
    """Files that lie in the storage or among work files."""
    var = django_settings.TVIDZ.var
    folders = [folder for folder in (var / "files", var / "work") if folder.exists()]
    return [str(path) for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def original(take_in: TakeIn, film: Path) -> Video:
    return take_in(film, visibility="public")


@pytest.fixture
def still(ffmpeg: Callable[..., None], film: Path, tmp_path: Path) -> Path:
    """Second 6 of the film, smaller, as a JPEG."""
    path = tmp_path / "still.jpg"
    ffmpeg("-ss", "6", "-i", film, "-frames:v", "1", "-vf", "scale=256:-2", "-q:v", "4", path)
    return path


def test_a_copy_is_told_with_its_seconds_and_frames_and_nothing_is_added(
    original: Video, excerpt: Path
) -> None:
    files = left_behind()

    answer = ask(excerpt)

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["state"], told["complete"], told["id"]) == ("done", True, None)
    assert answer.headers["Cache-Control"] == "no-store"
    assert told["query"]["filename"] == "excerpt.mp4"
    assert told["query"]["duration"] == pytest.approx(6, abs=0.1)
    (match,) = told["matches"]
    assert match["video"]["id"] == str(original.id)
    assert match["video"]["filename"] == "film.mp4"
    assert match["video"]["page"] == f"/videos/{original.id}/"
    assert match["confidence_word"] == "certain"
    (segment,) = match["segments"]
    places = [segment[name] for name in ("start", "end", "other_start", "other_end")]
    assert places == pytest.approx([0, 6, 3, 9], abs=0.5)
    pairs = segment["frame_pairs"]
    assert len(pairs) > 5
    for pair in pairs:
        assert pair["other_time"] - pair["time"] == pytest.approx(3, abs=0.3)
        assert 0.5 < pair["score"] <= 1
    picture = Client().get(pairs[0]["other_picture"])
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/jpeg")
    assert Client().get(match["video"]["thumbnail"]).status_code == 200
    assert [Video.objects.count(), Upload.objects.count(), Search.objects.count()] == [1, 1, 0]
    assert left_behind() == files


def test_a_still_is_told_the_second_it_was_taken_at(original: Video, still: Path) -> None:
    told = ask(still).json()

    assert told["query"]["media_type"] == "image"
    assert told["matches"][0]["video"]["id"] == str(original.id)
    segment = told["matches"][0]["segments"][0]
    assert segment["other_start"] == pytest.approx(6, abs=1)
    assert segment["frame_pairs"][0]["other_time"] == pytest.approx(6, abs=1)


def test_of_what_the_library_has_nothing_of_nothing_is_told(
    original: Video, stranger: Path
) -> None:
    told = ask(stranger).json()

    assert (told["state"], told["matches"], told["error"]) == ("done", [], None)


def test_a_search_has_the_shape_of_a_videos_duplicates(
    original: Video, take_in: TakeIn, excerpt: Path
) -> None:
    (match,) = ask(excerpt).json()["matches"]
    copy = take_in(excerpt, visibility="public")
    (duplicate,) = Client().get(f"/api/v1/videos/{copy.id}/").json()["duplicates"]

    assert set(match) == set(duplicate) - {"id", "role", "provisional"}
    for name in ("score", "kinds", "covered", "covered_other", "matched_frames", "engine_version"):
        assert match[name] == duplicate[name], name
    there, here = duplicate["segments"][0], match["segments"][0]
    assert set(here) == set(there) - {"id", "motion", "matched_points"}
    for name in ("start", "end", "other_start", "other_end", "speed", "transform"):
        assert here[name] == pytest.approx(there[name], abs=0.001), name
    for ours, theirs in zip(here["frame_pairs"], there["frame_pairs"], strict=True):
        assert ours == {name: theirs[name] for name in ours}


def test_a_private_video_tells_times_and_certainty_to_strangers_and_all_to_its_own(
    take_in: TakeIn, film: Path, excerpt: Path
) -> None:
    alice, bob = User.objects.create_user("alice"), User.objects.create_user("bob")
    chief = staff_user("chief")
    take_in(film, name="a secret.mp4", owner=alice)

    for browser in (Client(), browser_of(bob)):
        answer = ask(excerpt, browser)
        (match,) = answer.json()["matches"]
        other = match["video"]
        assert [other[n] for n in ("id", "page", "thumbnail", "media")] == [None] * 4
        assert other["filename"] == "a video that is not public"
        assert b"secret" not in answer.content
        assert match["confidence_word"] == "certain"
        assert match["segments"][0]["other_start"] == pytest.approx(3, abs=0.5)
        pairs = match["segments"][0]["frame_pairs"]
        assert pairs
        assert {pair["other_picture"] for pair in pairs} == {None}
    for user in (alice, chief):
        (match,) = ask(excerpt, browser_of(user)).json()["matches"]
        assert match["video"]["filename"] == "a secret.mp4"
        assert match["segments"][0]["frame_pairs"][0]["other_picture"]


@pytest.mark.parametrize("state", [State.QUARANTINED, State.DELETED])
def test_what_is_locked_away_or_deleted_is_told_to_nobody(
    state: State, original: Video, excerpt: Path
) -> None:
    assert len(ask(excerpt).json()["matches"]) == 1
    Video.objects.filter(pk=original.pk).update(state=state, error_code="MALWARE")
    owner = browser_of(staff_user("chief"))

    assert ask(excerpt).json()["matches"] == []
    assert ask(excerpt, owner).json()["matches"] == []


def test_asked_again_it_is_told_at_once_and_by_todays_rights(
    original: Video, excerpt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(excerpt).json()
    monkeypatch.setattr(answers, "_searched", _must_not_search)

    again = ask(excerpt, name="again.mp4").json()
    assert again["matches"] == first["matches"]
    assert again["query"] == first["query"] | {"filename": "again.mp4"}
    Video.objects.filter(pk=original.pk).update(visibility=Visibility.PRIVATE)
    (match,) = ask(excerpt).json()["matches"]
    assert match["video"]["filename"] == "a video that is not public"


def _must_not_search(*_words: object) -> Answer:
    pytest.fail("this was asked before")


def test_a_name_is_made_fit_to_show(original: Video, still: Path) -> None:
    told = ask(still, name="a\u202eb<img src=x>.jpg").json()

    assert told["query"]["filename"] == "ab<img src=x>.jpg"


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "name", "status", "code"),
        [
            (b"Dear Bob", "letter.mp4", 415, "UNSUP"),
            (b"\xff\xd8\xff\xe0" + b"\0" * 99, "broken.jpg", 422, "CODEC"),
            (b"\0\0\0\x18ftypmp42" + b"\0" * 99, "broken.mp4", 422, "CORRUPT"),
        ],
        ids=["a letter", "half a picture", "half a film"],
    )
    def test_what_cannot_be_read_has_the_code_of_an_upload(
        self, content: bytes, name: str, status: int, code: str, tmp_path: Path
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content)

        answers_ = [ask(path), Client().post("/api/v1/videos/", sent(path))]

        assert [(a.status_code, a.json()["code"]) for a in answers_] == [(status, code)] * 2
        assert answers_[0].json() == answers_[1].json()
        assert answers_[0]["Content-Type"] == "application/problem+json"
        assert left_behind() == []

    def test_an_empty_file_is_called_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.mp4"
        path.touch()

        assert ask(path).json()["code"] == "EMPTY"

    def test_one_that_is_too_large_or_too_long(self, film: Path, change_settings: Change) -> None:
        change_settings(max_duration=5)
        answer = ask(film)
        assert (answer.status_code, answer.json()["code"]) == (422, "DURATION")
        change_settings(max_upload_mb=0)
        answer = ask(film)
        assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")

    @pytest.mark.parametrize("form", [{}, {"file": "words"}])
    def test_a_form_without_a_file(self, form: dict[str, str]) -> None:
        answer = Client().post(SEARCH, form)

        assert (answer.status_code, answer.json()["code"]) == (400, "NO_FILE")

    def test_malware_is_named_and_not_kept(
        self, clamd: Clamd, change_settings: Change, tmp_path: Path
    ) -> None:
        change_settings(clamd=clamd.unix)
        path = tmp_path / "film.mp4"
        path.write_bytes(EICAR)

        answer = ask(path)

        assert (answer.status_code, answer.json()["code"]) == (422, "MALWARE")
        assert not Video.objects.exists()
        assert left_behind() == []

    def test_without_its_scanner_nothing_is_searched_with(
        self, change_settings: Change, clip: Path, tmp_path: Path
    ) -> None:
        change_settings(clamd=str(tmp_path / "nobody"))

        answer = ask(clip)

        assert (answer.status_code, answer.json()["code"]) == (503, "SCAN_UNAVAILABLE")

    @pytest.mark.parametrize(
        ("search", "uploads", "status"),
        [
            ("uploads", True, 200),
            ("uploads", False, 403),
            ("true", False, 200),
            ("false", True, 403),
        ],
    )
    def test_strangers_search_where_the_setting_lets_them(
        self, search: str, uploads: bool, status: int, change_settings: Change, clip: Path
    ) -> None:
        change_settings(anonymous_search=search, anonymous_uploads=uploads)

        answer = ask(clip)

        assert answer.status_code == status
        page = Client().get("/search/").content.decode()
        assert ('id="search-form"' in page) == (status == 200)
        if status == 403:
            assert answer.json()["code"] == "SIGN_IN"
            assert "?next=/search/" in page
        assert ask(clip, browser_of(User.objects.create_user("alice"))).status_code == 200

    def test_another_sites_page_cannot_search_in_somebodys_name(self, clip: Path) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(User.objects.create_user("alice"))

        assert ask(clip, browser).status_code == 403

    def test_it_is_posted_to_only(self) -> None:
        assert Client().get(SEARCH).status_code == 405


class TestPlaces:
    def test_when_all_are_taken_one_is_told_to_come_again(
        self, clip: Path, change_settings: Change, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change_settings(searches_at_once=1)
        monkeypatch.setattr(searching, "PLACE_SECONDS", 0.05)

        with searching.places.one():
            answer = ask(clip)

        assert (answer.status_code, answer.json()["code"]) == (503, "SEARCH_BUSY")
        assert int(answer["Retry-After"]) > 0
        assert answer.json()["retryable"] is True
        assert ask(clip).status_code == 200
        # What is known takes no place.
        with searching.places.one():
            assert ask(clip).status_code == 200

    def test_one_that_is_free_soon_is_waited_for(self, change_settings: Change) -> None:
        change_settings(searches_at_once=1)
        inside, may_leave = threading.Event(), threading.Event()

        def stay() -> None:
            with searching.places.one():
                inside.set()
                may_leave.wait(10)

        other = threading.Thread(target=stay)
        other.start()
        inside.wait(10)
        threading.Timer(0.1, may_leave.set).start()
        with searching.places.one():
            assert may_leave.is_set()
        other.join()

    def test_a_place_is_free_again_after_an_error(
        self, change_settings: Change, tmp_path: Path, clip: Path
    ) -> None:
        change_settings(searches_at_once=1)
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 99)

        assert ask(broken).status_code == 422
        assert ask(clip).status_code == 200


class TestLongOnes:
    @pytest.fixture(autouse=True)
    def everything_is_long(self, change_settings: Change) -> None:
        change_settings(search_seconds=1)

    def test_a_long_video_is_left_to_a_worker(
        self, original: Video, excerpt: Path, django_capture_on_commit_callbacks: Any
    ) -> None:
        files = left_behind()
        with django_capture_on_commit_callbacks(execute=True):
            answer = ask(excerpt)

        assert answer.status_code == 202, answer.content
        begun = answer.json()
        assert answer["Location"] == begun["address"] == f"/api/v1/searches/{begun['id']}/"
        assert (begun["state"], begun["progress"], begun["matches"]) == ("waiting", 0.0, [])
        assert Client().get(begun["address"]).json() == begun
        row = Search.objects.get()
        assert row.woken_at is not None

        assert searching.run(begun["id"]) == "done"

        told = Client().get(begun["address"]).json()
        assert (told["state"], told["progress"], told["error"]) == ("done", 1.0, None)
        assert told["expires_at"]
        assert told["matches"][0]["video"]["id"] == str(original.id)
        assert left_behind() == files
        assert Analysis.objects.count() == 1
        # Asked again, the answer is there at once however long the file.
        again = ask(excerpt)
        assert again.status_code == 200
        assert again.json()["matches"] == told["matches"]

    def test_its_result_is_told_by_the_rights_of_who_asks(
        self, take_in: TakeIn, film: Path, excerpt: Path
    ) -> None:
        alice = User.objects.create_user("alice")
        take_in(film, name="a secret.mp4", owner=alice)
        address = ask(excerpt).json()["address"]
        searching.run(str(Search.objects.get().pk))

        # Begun without an account: whoever knows the address may look, by their own rights.
        (match,) = Client().get(address).json()["matches"]
        assert match["video"]["filename"] == "a video that is not public"
        (match,) = browser_of(alice).get(address).json()["matches"]
        assert match["video"]["filename"] == "a secret.mp4"
        Video.objects.update(state=State.QUARANTINED, error_code="MALWARE")
        assert browser_of(alice).get(address).json()["matches"] == []

    def test_one_of_somebody_signed_in_is_theirs_and_staffs_alone(self, excerpt: Path) -> None:
        alice, bob = User.objects.create_user("alice"), User.objects.create_user("bob")
        chief = staff_user("chief")
        address = ask(excerpt, browser_of(alice)).json()["address"]

        assert browser_of(alice).get(address).status_code == 200
        assert browser_of(chief).get(address).status_code == 200
        for browser in (Client(), browser_of(bob)):
            for answer in (browser.get(address), browser.delete(address)):
                assert (answer.status_code, answer.json()["code"]) == (404, "NO_SEARCH")
        assert Client().get(f"/api/v1/searches/{uuid.uuid4()}/").status_code == 404

    def test_one_that_is_given_up_is_gone_with_its_file(self, excerpt: Path) -> None:
        address = ask(excerpt).json()["address"]
        assert left_behind()

        assert Client().delete(address).status_code == 204

        assert Client().get(address).status_code == 404
        assert left_behind() == []

    def test_a_large_picture_counts_for_more_seconds(self, change_settings: Change) -> None:
        change_settings(search_seconds=60)

        def told(seconds: float, height: int, rate: float = 25, known: bool = True) -> Probe:
            width = height * 16 // 9
            return Probe(None, "h264", width, height, seconds, rate, 0, known)  # type: ignore[arg-type]

        assert not searching.is_long(told(59, 720))
        assert not searching.is_long(told(59, 180))
        assert searching.is_long(told(61, 180))
        assert searching.is_long(told(59, 1080))
        assert searching.is_long(told(40, 720, rate=60))
        assert not searching.is_long(told(5, 2160))
        assert searching.is_long(told(5, 720, known=False))

    def test_what_takes_longer_than_it_looked_is_left_to_a_worker_too(
        self, original: Video, excerpt: Path, change_settings: Change
    ) -> None:
        change_settings(search_seconds=60, search_patience=0)

        answer = ask(excerpt)

        assert answer.status_code == 202
        assert searching.run(answer.json()["id"]) == "done"

    def test_no_more_than_so_many_may_wait(self, excerpt: Path, change_settings: Change) -> None:
        change_settings(searches_waiting=1)

        assert ask(excerpt).status_code == 202
        answer = ask(excerpt)

        assert (answer.status_code, answer.json()["code"]) == (503, "SEARCH_BUSY")
        assert len(left_behind()) == 1

    def test_without_room_on_the_disk_none_waits(
        self, excerpt: Path, change_settings: Change
    ) -> None:
        change_settings(storage_reserve_mb=1 << 30)

        answer = ask(excerpt)

        assert (answer.status_code, answer.json()["code"]) == (507, "NO_SPACE")
        assert left_behind() == []
