"""System checks: what an installation stands on."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from matching import calibration, words
from matching.engine.evidence import SIGNS
from matching.engine.version import ENGINE_VERSION
from matching.models import Fingerprint
from tests.clamav import Clamd
from tvidz.checks import (
    ffmpeg_found,
    library_fingerprinted,
    own_descriptor_usable,
    sandbox_whole,
    scanner_answers,
    shipped_data_fits,
)
from tvidz.management.commands.run import Command as Run
from tvidz.options import BASE_DIR
from videos.media.ffmpeg import find_ffmpeg
from videos.media.sandbox import capabilities
from videos.models import State, Video


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TVIDZ_")}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=BASE_DIR,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_production_settings_pass_djangos_deployment_check(tmp_path: Path) -> None:
    if not capabilities().whole:
        pytest.skip(f"this kernel lacks locks of the sandbox: {capabilities()}")
    done = manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        TVIDZ_ENVIRONMENT="production",
        TVIDZ_SECRET_KEY="f3k9-Qw_71zXc0pLmN8vB2rT5yU6iO4aSdGhJ-eRkWqZxVt_Yb1n",
        TVIDZ_ALLOWED_HOSTS="tvidz.example",
        TVIDZ_VAR=str(tmp_path),
    )

    assert done.returncode == 0, done.stderr
    assert "tvidz.I001" in done.stderr
    # Looking does not start the embedded database.
    assert not (tmp_path / "postgres").exists()


def test_wrong_settings_stop_the_start_with_one_sentence(tmp_path: Path) -> None:
    done = manage(
        "check", TVIDZ_ENVIRONMENT="production", TVIDZ_MIN_MATCHES="0", TVIDZ_VAR=str(tmp_path)
    )

    assert done.returncode != 0
    assert "TVIDZ_MIN_MATCHES='0'" in done.stderr


def test_the_check_says_which_ffmpeg_is_used() -> None:
    (message,) = ffmpeg_found(None)

    found = find_ffmpeg()
    assert message.id == "tvidz.I001"
    assert found.path in message.msg
    assert found.version in message.msg


def test_a_missing_ffmpeg_is_an_error_with_a_hint(
    change_settings: Callable[..., None], tmp_path: Path
) -> None:
    change_settings(ffmpeg=str(tmp_path / "no-such-ffmpeg"))

    (message,) = ffmpeg_found(None)

    assert message.id == "tvidz.E001"
    assert message.is_serious()
    assert "TVIDZ_FFMPEG" in str(message.hint)


def test_a_sandbox_with_all_its_locks_is_nothing_to_speak_of() -> None:
    messages = sandbox_whole(None)

    assert [message.id for message in messages] == ([] if capabilities().whole else ["tvidz.W001"])


def test_a_scanner_that_answers_or_is_not_configured_is_nothing_to_speak_of(
    clamd: Clamd, change_settings: Callable[..., None]
) -> None:
    for address in ("", clamd.unix, clamd.tcp):
        change_settings(clamd=address)
        assert scanner_answers(None) == []


def test_a_scanner_that_does_not_answer_is_warned_of(
    change_settings: Callable[..., None], tmp_path: Path
) -> None:
    change_settings(clamd=str(tmp_path / "no.socket"))

    (message,) = scanner_answers(None)

    assert message.id == "tvidz.W003"
    assert "no.socket" in message.msg
    assert "TVIDZ_CLAMD" in str(message.hint)


def test_without_a_model_there_is_nothing_to_say_of_it() -> None:
    assert own_descriptor_usable(None) == []


def test_the_check_says_what_a_model_gives(use_model: Callable[..., Path]) -> None:
    use_model()

    (message,) = own_descriptor_usable(None)

    assert message.id == "tvidz.I002"
    assert re.fullmatch(
        r"Own descriptor mine, version [0-9a-f]{12}: 24 numbers, cosine", message.msg
    )


def test_a_model_that_gives_no_vector_is_an_error_with_its_reason(
    use_model: Callable[..., Path],
) -> None:
    path = use_model(onnx_size=48)

    (message,) = own_descriptor_usable(None)

    assert message.id == "tvidz.E002"
    assert message.is_serious()
    assert f"{path}: the model does not take a picture of 48 by 48" in message.msg


@pytest.mark.parametrize("words", [("check",), ("run", "--port", "0")])
def test_a_wrong_model_stops_the_start_with_one_sentence(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.onnx"
    letter.write_text("Dear Charlie, this is not a model.")

    done = manage(*words, TVIDZ_ONNX_MODEL=str(letter), TVIDZ_VAR=str(tmp_path / "var"))

    assert done.returncode != 0
    assert "TVIDZ_ONNX_MODEL gives no descriptor" in done.stderr
    assert "OpenCV cannot read the model" in done.stderr
    assert not (tmp_path / "var" / "postgres").exists()


@pytest.fixture
def read_anew() -> Iterator[None]:
    """What the package ships is read again in the test, and again after it."""

    def forget() -> None:
        words.vocabulary.cache_clear()
        calibration.shipped_calibration.cache_clear()

    forget()
    yield
    forget()


def test_what_the_package_ships_goes_with_its_engine() -> None:
    assert shipped_data_fits(None) == []


@pytest.mark.usefixtures("read_anew")
def test_data_of_another_engine_are_refused_each_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(words, "VOCABULARY_VERSION", "99")
    monkeypatch.setattr(calibration, "ENGINE_VERSION", "99")

    messages = shipped_data_fits(None)

    assert [message.id for message in messages] == ["tvidz.E003", "tvidz.E003"]
    assert all(message.is_serious() for message in messages)
    assert "vocabulary.npz is vocabulary 1, not 99" in messages[0].msg
    assert f"made for engine {ENGINE_VERSION}, not 99" in messages[1].msg
    with pytest.raises(CommandError, match=re.escape(messages[0].msg)):
        call_command("run", port=0)


@pytest.mark.usefixtures("read_anew")
def test_data_that_are_missing_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "FILE", "gone.npz")

    (message,) = shipped_data_fits(None)

    assert message.id == "tvidz.E003"
    assert "gone.npz" in message.msg


@pytest.mark.usefixtures("read_anew")
def test_a_calibration_of_other_features_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tvidz.checks.SIGNS", {**SIGNS, "colour": 1})

    (message,) = shipped_data_fits(None)

    assert message.msg == "The calibration was made for other features: colour."


@pytest.mark.django_db
class TestLibraryFingerprinted:
    @pytest.fixture
    def library(self, video_row: Callable[..., Video]) -> list[Video]:
        """Three videos: of this engine, of an older one, and an older one queued again."""
        made = []
        for name, version, state in (
            ("a.mp4", ENGINE_VERSION, State.READY),
            ("b.mp4", "1", State.PARTIAL),
            ("c.mp4", "1", State.QUEUED),
        ):
            video = video_row(name, state=state)
            Fingerprint.objects.create(
                **{"video": video, "version": version, "ready": True, "duration": 60.0},
                **{"dense_times": b"", "dense_hashes": b"", "dense_quality": b""},
            )
            made.append(video)
        return made

    @pytest.mark.usefixtures("library")
    def test_what_an_older_engine_left_is_counted_and_the_command_named(self) -> None:
        (message,) = library_fingerprinted(None, databases=["default"])

        assert message.id == "tvidz.W002"
        assert not message.is_serious()
        assert message.msg == (
            f"2 of 3 videos have no fingerprint of engine {ENGINE_VERSION}: no search finds them "
            "(1 of them wait or are being analysed)."
        )
        assert "manage.py reindex" in str(message.hint)

    @pytest.mark.usefixtures("library")
    def test_the_start_says_so_and_goes_on(self) -> None:
        told = StringIO()

        Run(stderr=told).tell_what_is_due()

        assert told.getvalue().startswith("2 of 3 videos have no fingerprint of engine")
        assert "Run manage.py reindex" in told.getvalue()

    @pytest.mark.usefixtures("library")
    def test_djangos_own_check_tells_it_when_the_database_is_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("check")
        assert "tvidz.W002" not in capsys.readouterr().err

        call_command("check", databases=["default"])
        assert "tvidz.W002" in capsys.readouterr().err

    def test_a_library_of_today_is_nothing_to_speak_of(self, library: list[Video]) -> None:
        Fingerprint.objects.update(version=ENGINE_VERSION)

        assert library_fingerprinted(None, databases=["default"]) == []

    def test_a_database_that_is_not_asked_for_is_not_looked_at(
        self, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            assert library_fingerprinted(None) == []


def test_a_database_that_is_away_stops_no_check(tmp_path: Path) -> None:
    away = manage(
        *("check", "--database", "default"),
        TVIDZ_VAR=str(tmp_path),
        TVIDZ_DATABASE_URL="postgres://nobody@127.0.0.1:1/none",
    )

    assert away.returncode == 0, away.stderr
    assert "tvidz.I001" in away.stderr
    assert "tvidz.W002" not in away.stderr


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_not_migrated_yet_stops_no_check() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE matching_fingerprint RENAME TO elsewhere")
    try:
        assert library_fingerprinted(None, databases=["default"]) == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO matching_fingerprint")
