import json
from pathlib import Path

import pytest

from tests.videos.media.conftest import H264, MakeClip
from videos.media.containers import JPEG, MATROSKA, MP4, WEBM
from videos.media.errors import MediaError
from videos.media.limits import Limits
from videos.media.probe import probe, remembered

LANDSCAPE = ("-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=2")


def test_the_facts_of_an_ordinary_clip(good_clip: Path) -> None:
    found = probe(good_clip, MP4, Limits())
    assert (found.codec, found.width, found.height) == ("h264", 320, 240)
    assert (found.duration, found.duration_known) == (pytest.approx(3.0), True)
    assert (found.frame_rate, found.rotation) == (pytest.approx(25.0), 0)


def test_a_frame_rate_of_ntsc_is_told_exactly(make_clip: MakeClip) -> None:
    source = "testsrc=s=320x240:r=30000/1001:d=3"
    clip = make_clip("ntsc_rate.mp4", "-f", "lavfi", "-i", source, *H264)
    assert probe(clip, MP4, Limits()).frame_rate == pytest.approx(30000 / 1001)


@pytest.mark.parametrize("turn, size", [(90, (180, 320)), (180, (320, 180)), (270, (180, 320))])
def test_a_turned_clip_is_measured_upright(
    make_clip: MakeClip, turn: int, size: tuple[int, int]
) -> None:
    found = probe(turned_clip(make_clip, turn), MP4, Limits())
    assert (found.width, found.height) == size
    assert found.rotation == turn


def turned_clip(make_clip: MakeClip, turn: int) -> Path:
    """A clip whose header asks for `turn` degrees clockwise (the matrix is written by hand, as
    ffmpeg's own option for it changed its name)."""
    plain = make_clip("landscape.mp4", *LANDSCAPE, *H264)
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    numbers = [cosine, sine, 0, -sine, cosine, 0]
    matrix = b"".join((number << 16).to_bytes(4, "big", signed=True) for number in numbers)
    straight = b"".join((number << 16).to_bytes(4, "big") for number in [1, 0, 0, 0, 1, 0])
    content = plain.read_bytes()
    place = content.index(straight, content.index(b"tkhd"))
    path = plain.with_name(f"turned{turn}.mp4")
    path.write_bytes(content[:place] + matrix + content[place + len(matrix) :])
    return path


def test_the_pixel_aspect_ratio_is_applied(make_clip: MakeClip) -> None:
    wide = ("-f", "lavfi", "-i", "testsrc=s=352x288:r=25:d=1", "-vf", "setsar=16/11")
    found = probe(make_clip("wide.mp4", *wide, *H264), MP4, Limits())
    assert (found.width, found.height) == (512, 288)


def test_a_recording_that_never_learnt_its_length_is_read_through(make_clip: MakeClip) -> None:
    clip = make_clip("live.webm", *LANDSCAPE, "-c:v", "libvpx", "-live", "1")
    found = probe(clip, WEBM, Limits())
    assert (found.duration, found.duration_known) == (pytest.approx(2.0, abs=0.05), True)


def test_an_unknown_length_is_a_bound_when_the_file_is_too_long_to_read(
    make_clip: MakeClip,
) -> None:
    clip = make_clip("live.webm", *LANDSCAPE, "-c:v", "libvpx", "-live", "1")
    found = probe(clip, WEBM, Limits(max_frames=25))
    assert (found.duration, found.duration_known) == (pytest.approx(1.0, abs=0.05), False)


def test_an_image_has_no_duration(make_clip: MakeClip) -> None:
    words = ("-f", "lavfi", "-i", "testsrc=s=640x480", "-frames:v", "1", "-pix_fmt", "yuvj420p")
    found = probe(make_clip("still.jpg", *words), JPEG, Limits())
    assert (found.width, found.height, found.duration, found.frame_rate) == (640, 480, 0.0, 0.0)


def test_a_video_longer_than_allowed_is_told_the_limit(good_clip: Path) -> None:
    with pytest.raises(MediaError) as caught:
        probe(good_clip, MP4, Limits(max_duration=2))
    assert caught.value.code == "DURATION"
    assert "2 seconds" in caught.value.message


def test_a_picture_larger_than_allowed_is_refused(good_clip: Path) -> None:
    with pytest.raises(MediaError) as caught:
        probe(good_clip, MP4, Limits(max_pixels=320 * 200))
    assert caught.value.code == "SIZE"


def test_the_wrong_demuxer_reads_nothing(good_clip: Path) -> None:
    with pytest.raises(MediaError) as caught:
        probe(good_clip, MATROSKA, Limits())
    assert caught.value.code == "CORRUPT"


def test_what_was_probed_is_remembered_through_json(make_clip: MakeClip) -> None:
    found = probe(turned_clip(make_clip, 90), MP4, Limits())

    assert remembered(MP4, json.loads(json.dumps(found.facts()))) == found
    assert remembered(MP4, None) is None
    # Written by a version that knew other facts.
    assert remembered(MP4, {**found.facts(), "bits": 8}) is None
    assert remembered(MP4, {"codec": "h264"}) is None
