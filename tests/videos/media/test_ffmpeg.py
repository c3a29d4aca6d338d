from pathlib import Path

import imageio_ffmpeg
import pytest

from videos.media.errors import MediaError
from videos.media.ffmpeg import Ffmpeg, find_ffmpeg


def test_each_ffmpeg_at_hand_answers_from_inside_the_sandbox(each_ffmpeg: Ffmpeg) -> None:
    assert each_ffmpeg.version
    assert each_ffmpeg.origin == "setting"


def test_a_configured_path_is_used_as_it_is() -> None:
    path = imageio_ffmpeg.get_ffmpeg_exe()
    assert find_ffmpeg(path).path == path


def test_without_a_setting_some_ffmpeg_is_found() -> None:
    assert find_ffmpeg().origin in ("system", "package")
    assert find_ffmpeg("") is find_ffmpeg(None)


def test_a_configured_path_that_is_wrong_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        find_ffmpeg(str(tmp_path / "ffmpeg"))
    assert caught.value.code == "FFMPEG_MISSING"


def test_a_program_that_is_no_ffmpeg_is_refused() -> None:
    with pytest.raises(MediaError) as caught:
        find_ffmpeg("/bin/true")
    assert caught.value.code == "FFMPEG_MISSING"


def test_an_ffmpeg_that_is_a_script_around_another_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text('#!/bin/sh\necho "ffmpeg version 7.1 Copyright"\n')
    script.chmod(0o755)
    with pytest.raises(MediaError) as caught:
        find_ffmpeg(str(script))
    assert caught.value.code == "FFMPEG_MISSING"
