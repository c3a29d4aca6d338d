"""System checks: what an installation stands on."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tvidz.checks import ffmpeg_found, sandbox_whole
from tvidz.options import BASE_DIR
from videos.media.ffmpeg import find_ffmpeg
from videos.media.sandbox import capabilities


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
