import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from tests.videos.media.conftest import H264, MakeClip, look
from tests.videos.media.test_probe import turned_clip
from tests.videos.media.test_sandbox import gone
from videos.media.containers import MP4
from videos.media.decode import Decoding, Frames
from videos.media.errors import MediaError
from videos.media.ffmpeg import Ffmpeg
from videos.media.limits import Limits
from videos.media.probe import probe

SOURCE = "testsrc=s=320x240:r={rate}:d={seconds}"
SCENES = (
    "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25",
    "-f", "lavfi", "-i", "color=s=320x180:r=25:c=white",
    "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25",
    "-f", "lavfi", "-i", "smptebars=s=320x180:r=25",
    "-filter_complex",
    ";".join(f"[{n}]trim=duration=1.2,setsar=1,format=yuv420p[s{n}]" for n in range(4))
    + ";[s0][s1][s2][s3]concat=n=4",
)  # fmt: skip
VARIABLE = ("-vf", "select='lt(t,1)+gte(t,1)*not(mod(n,3))'", "-fps_mode", "vfr")


def source(rate: str = "25", seconds: float = 3) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", SOURCE.format(rate=rate, seconds=seconds))


CLIPS: dict[str, tuple[str, ...]] = {
    "plain.mp4": (*source(), *H264),
    "ntsc.mp4": (*source("30000/1001"), *H264, "-g", "24"),
    "ntsc.mkv": (*source("30000/1001"), *H264, "-g", "24"),
    "intra.mp4": (*source(), *H264, "-g", "1"),
    "vp9.webm": (*source(), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "alpha.webm": (
        *source(), "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime",
        "-cpu-used", "8",
    ),
    "ten_bit.mp4": (
        *source(seconds=2), "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params",
        "log-level=error",
    ),
    "stream.ts": (*source(), *H264),
    "old.avi": (*source(), "-c:v", "mpeg4"),
    "old.mpg": (*source(), "-c:v", "mpeg2video"),
    "flash.flv": (*source(), *H264),
    "theora.ogv": (*source(), "-c:v", "libtheora"),
    "variable.mp4": (*source(seconds=4), *VARIABLE, *H264),
    "late.mp4": (*source(), *H264, "-output_ts_offset", "1.5"),
    "early.mp4": (*source(), *H264, "-output_ts_offset", "-0.3", "-avoid_negative_ts", "disabled"),
    "tiny.mp4": ("-f", "lavfi", "-i", "testsrc=s=16x16:r=25:d=2", *H264),
    "odd.mp4": (
        "-f", "lavfi", "-i", "testsrc=s=321x241:r=25:d=2", "-c:v", "libx264", "-pix_fmt", "yuv444p",
    ),
    "one.mp4": (*source(), "-frames:v", "1", *H264),
}  # fmt: skip


def reference(path: Path) -> list[tuple[float, bool]]:
    """Time and kind of every frame from time 0, by PyAV; broadcast streams begin at 0."""
    options = {"advanced_editlist": "0"} if path.suffix == ".mp4" else {}
    with av.open(str(path), options=options) as container:
        frames = [
            (frame.time or 0.0, frame.pict_type == av.video.frame.PictureType.I)
            for frame in container.decode(video=0)
        ]
    first = frames[0][0] if path.suffix in (".ts", ".mpg", ".flv") else 0.0
    return [(time - first, key) for time, key in frames if time - first > -0.0005]


@pytest.mark.parametrize("name", CLIPS)
def test_times_numbers_and_keyframes_agree_with_another_decoder(
    name: str, make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    clip = make_clip(name, *CLIPS[name])
    found, batches, outcome = look(clip, ffmpeg=each_ffmpeg)
    expected = reference(clip)
    timeline = list(sampled(batches))
    assert outcome.complete, outcome
    assert outcome.frames_decoded == len(expected)
    step = 0.5 / (found.frame_rate or 25)
    wrong = [row for row in timeline if abs(expected[row[0]][0] - row[1]) > step]
    assert wrong == [], timeline
    assert [expected[number][1] for number, _, _ in timeline] == [key for _, _, key in timeline]
    slots = sorted({int((seconds + 0.002) // 0.25) for seconds, _ in expected})
    assert [int((seconds + 0.002) // 0.25) for _, seconds, _ in timeline] == slots


def long_clip(make_clip: MakeClip) -> Path:
    """Five minutes that cost a second to make: ten seconds over and over."""
    words = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=10", "-c:v", "mpeg4", "-q:v", "5")
    once = make_clip("ten_seconds.mp4", *words)
    return make_clip("long.mp4", "-stream_loop", "29", "-i", str(once), "-c", "copy")


def sampled(batches: list[Frames]) -> list[tuple[int, float, bool]]:
    return [
        (int(number), float(seconds), bool(key))
        for batch in batches
        for number, seconds, key in zip(
            batch.numbers, batch.timestamps, batch.is_keyframe, strict=True
        )
    ]


def pictures(batches: list[Frames]) -> npt.NDArray[np.uint8]:
    return np.concatenate([batch.pictures for batch in batches])


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe is installed")
def test_keyframes_are_the_i_frames_that_ffprobe_tells(
    make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    clip = make_clip("ntsc.mp4", *CLIPS["ntsc.mp4"])
    words = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "json", "-show_entries"]
    answer = subprocess.check_output([*words, "frame=pts_time,pict_type", str(clip)])
    frames = json.loads(answer)["frames"]
    _, batches, _ = look(clip, ffmpeg=each_ffmpeg, interval=0.01)
    timeline = sampled(batches)
    assert len(timeline) == len(frames) == 90
    assert [key for _, _, key in timeline] == [frame["pict_type"] == "I" for frame in frames]
    told = [float(frame["pts_time"]) for frame in frames]
    assert [seconds for _, seconds, _ in timeline] == pytest.approx(told, abs=0.001)


def test_an_interval_of_one_frame_loses_no_frame(make_clip: MakeClip, each_ffmpeg: Ffmpeg) -> None:
    clip = make_clip("ntsc.mkv", *CLIPS["ntsc.mkv"])
    _, batches, _ = look(clip, ffmpeg=each_ffmpeg, interval=1001 / 30000)
    assert [number for number, _, _ in sampled(batches)] == list(range(90))


def test_an_edit_list_hides_what_lies_before_it(make_clip: MakeClip, each_ffmpeg: Ffmpeg) -> None:
    whole = make_clip(
        "good.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=3", "-g", "25", *H264
    )
    cut = make_clip("cut.mp4", "-ss", "0.48", "-i", str(whole), "-c", "copy")
    found, batches, outcome = look(cut, ffmpeg=each_ffmpeg)
    assert found.duration == pytest.approx(2.52, abs=0.05)
    assert outcome.frames_decoded == 63
    _, all_frames, _ = look(whole, ffmpeg=each_ffmpeg, interval=0.04)
    offset = pictures(all_frames)[12].astype(int) - pictures(batches)[0]
    assert np.abs(offset).mean() < 1


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_clip_is_shown_upright(
    turn: int, make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    clip = turned_clip(make_clip, turn)
    plain = clip.with_name("landscape.mp4")
    _, lying, _ = look(plain, ffmpeg=each_ffmpeg)
    _, upright, _ = look(clip, ffmpeg=each_ffmpeg)
    expected = np.rot90(pictures(lying), -turn // 90, axes=(1, 2))
    assert np.array_equal(pictures(upright), expected)


def test_a_picture_size_changing_midway_leaves_the_scale_fixed(
    make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    parts = []
    for number, size in enumerate(("160x120", "320x240")):
        words = ("-f", "lavfi", "-i", f"testsrc=s={size}:r=25:d=2", *H264)
        parts.append(make_clip(f"part{number}.ts", *words, "-output_ts_offset", str(2 * number)))
    joined = parts[0].with_name("joined.ts")
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, batches, outcome = look(joined, ffmpeg=each_ffmpeg)
    assert outcome.frames_decoded == 100
    assert pictures(batches).shape == (16, 120, 160, 3)
    slots = [int((seconds + 0.002) // 0.25) for _, seconds, _ in sampled(batches)]
    assert slots == list(range(16))


def test_every_ffmpeg_gives_the_same_pictures(make_clip: MakeClip, each_ffmpeg: Ffmpeg) -> None:
    """Against numpy's own averaging of PyAV's frames, so that none is the other's judge."""
    words = ("-f", "lavfi", "-i", "mandelbrot=s=640x360:r=25", "-t", "1", *H264)
    clip = make_clip("halves.mp4", *words)
    _, batches, _ = look(clip, ffmpeg=each_ffmpeg)
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for number, picture in zip([0, 7, 13, 19], pictures(batches), strict=True):
        averaged = frames[number].reshape(180, 2, 320, 2, 3).mean(axis=(1, 3))
        assert np.abs(averaged - picture).mean() < 2.5


@pytest.mark.parametrize("threshold, times", [(0.3, [1.2, 2.4, 3.6]), (0.9, [2.4])])
def test_hard_cuts_are_found_on_their_frames(
    threshold: float, times: list[float], make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    clip = make_clip("scenes.mp4", *SCENES, *H264)
    with Decoding(
        clip, probe(clip, MP4, Limits()), scene_threshold=threshold, ffmpeg=each_ffmpeg
    ) as decoding:
        cuts = [cut for batch in decoding for cut in batch.cuts]
    assert [cut.timestamp for cut in cuts] == pytest.approx(times)
    assert all(threshold <= cut.score <= 1 for cut in cuts)


def test_the_first_cut_is_told_long_before_the_end(make_clip: MakeClip) -> None:
    once = make_clip(
        "early_cut.mp4", "-f", "lavfi", "-i", "color=white:s=640x360:r=25:d=1", "-f", "lavfi", "-i",
        "testsrc2=s=640x360:r=25:d=9", "-filter_complex", "concat=n=2", "-c:v", "mpeg4",
    )  # fmt: skip
    clip = make_clip("cuts.mp4", "-stream_loop", "29", "-i", str(once), "-c", "copy")
    with Decoding(clip, probe(clip, MP4, Limits()), batch_size=500) as decoding:
        first = next(batch for batch in decoding if batch.cuts)
    assert first.cuts[0].timestamp == pytest.approx(1.0)
    assert first.position < 150
    assert len(first.numbers) < 500


def test_batches_are_full_but_for_the_last_and_times_increase(good_clip: Path) -> None:
    with Decoding(good_clip, probe(good_clip, MP4, Limits()), batch_size=5) as decoding:
        batches = list(decoding)
    assert sum(len(batch.numbers) for batch in batches) == 12
    assert max(len(batch.numbers) for batch in batches) == 5
    times = np.concatenate([batch.timestamps for batch in batches])
    assert (np.diff(times) > 0).all()


def test_ffmpeg_waits_for_a_slow_caller(make_clip: MakeClip) -> None:
    clip = long_clip(make_clip)
    with Decoding(clip, probe(clip, MP4, Limits())) as decoding:
        batches = iter(decoding)
        next(batches)
        time.sleep(1.0)
        before = next(batches).position
        time.sleep(0.5)
        # What the pipes and filters hold, and no more.
        assert before < 60
        assert next(batches).position - before < 60


def test_leaving_early_ends_ffmpeg(make_clip: MakeClip) -> None:
    clip = long_clip(make_clip)
    with Decoding(clip, probe(clip, MP4, Limits())) as decoding:
        pid = decoding.pid
        next(iter(decoding))
        assert not gone(pid)
    assert gone(pid)
    assert decoding.outcome is None


def test_no_descriptor_is_left_open(good_clip: Path) -> None:
    look(good_clip)
    before = len(os.listdir("/proc/self/fd"))
    look(good_clip)
    assert len(os.listdir("/proc/self/fd")) == before


def signal_and_read(decoding: Decoding, number: signal.Signals) -> None:
    """Read everything, sending ffmpeg the signal after the first batch."""
    batches = iter(decoding)
    next(batches)
    os.kill(decoding.pid, number)
    list(batches)


def test_a_stopped_ffmpeg_is_killed_at_the_wall_limit(
    make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    clip = long_clip(make_clip)
    found = probe(clip, MP4, Limits())
    with (
        pytest.raises(MediaError) as caught,
        Decoding(clip, found, limits=Limits(wall_seconds=1.5), ffmpeg=each_ffmpeg) as decoding,
    ):
        signal_and_read(decoding, signal.SIGSTOP)
    assert caught.value.code == "TIMEOUT"
    assert caught.value.retryable
    assert gone(decoding.pid)


def test_an_ffmpeg_without_a_sign_of_life_is_not_waited_for_to_the_end(
    make_clip: MakeClip,
) -> None:
    clip = long_clip(make_clip)
    began = time.monotonic()
    with (
        pytest.raises(MediaError) as caught,
        Decoding(clip, probe(clip, MP4, Limits()), limits=Limits(stall_seconds=1)) as decoding,
    ):
        signal_and_read(decoding, signal.SIGSTOP)
    assert caught.value.code == "TIMEOUT"
    assert time.monotonic() - began < 20


def test_processor_time_over_the_limit_is_the_files_doing(make_clip: MakeClip) -> None:
    clip = long_clip(make_clip)
    with (
        pytest.raises(MediaError) as caught,
        Decoding(clip, probe(clip, MP4, Limits()), limits=Limits(cpu_seconds=1)) as decoding,
    ):
        list(decoding)
    assert caught.value.code == "BUDGET"


def test_an_ffmpeg_killed_from_outside_is_our_fault_and_tried_again(make_clip: MakeClip) -> None:
    clip = long_clip(make_clip)
    with (
        pytest.raises(MediaError) as caught,
        Decoding(clip, probe(clip, MP4, Limits())) as decoding,
    ):
        signal_and_read(decoding, signal.SIGKILL)
    assert caught.value.code == "FFMPEG_DIED"


def test_a_video_longer_than_it_claimed_is_stopped(good_clip: Path) -> None:
    found = probe(good_clip, MP4, Limits())
    with (
        pytest.raises(MediaError) as caught,
        Decoding(good_clip, found, limits=Limits(max_duration=2.0)) as decoding,
    ):
        list(decoding)
    assert caught.value.code == "DURATION"


@pytest.mark.skipif("TVIDZ_CORPUS" not in os.environ, reason="TVIDZ_CORPUS is not set")
def test_the_cuts_of_a_real_film_are_found(each_ffmpeg: Ffmpeg) -> None:
    film = Path(os.environ["TVIDZ_CORPUS"]) / "dev" / "refs" / "bbb30.mp4"
    _, batches, outcome = look(film, ffmpeg=each_ffmpeg)
    cuts = [cut.timestamp for batch in batches for cut in batch.cuts]
    assert cuts == pytest.approx([11.875, 15.75, 23.0417], abs=0.001)
    assert outcome.complete


@pytest.mark.parametrize("name", ["plain.mp4", "ntsc.mkv", "stream.ts", "old.avi", "one.mp4"])
def test_keyframes_alone_are_those_another_decoder_names(
    name: str, make_clip: MakeClip, each_ffmpeg: Ffmpeg
) -> None:
    clip = make_clip(name, *CLIPS[name])
    found, _, _ = look(clip, ffmpeg=each_ffmpeg)
    with Decoding(
        clip, found, sample_interval=0.01, keyframes_until=60.0, ffmpeg=each_ffmpeg
    ) as decoding:
        batches = list(decoding)
    expected = [time for time, key in reference(clip) if key]
    timeline = list(sampled(batches))
    assert [round(seconds, 2) for _, seconds, _ in timeline] == [round(t, 2) for t in expected]
    assert all(key for _, _, key in timeline)
    assert [number for number, _, _ in timeline] == list(range(len(expected)))
    assert all(batch.cuts == () for batch in batches)
    assert decoding.outcome is not None
    assert decoding.outcome.complete


def test_keyframes_are_read_no_further_than_asked(make_clip: MakeClip) -> None:
    clip = long_clip(make_clip)
    found, _, _ = look(clip)
    with Decoding(clip, found, sample_interval=1.0, keyframes_until=20.0) as decoding:
        times = [seconds for _, seconds, _ in sampled(list(decoding))]
    assert times[0] == 0
    assert 15 < times[-1] <= 20
