"""One look at one film in a process of its own, and what it cost.

A process of its own, so that neither memory nor warmed-up libraries of other runs are counted.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from django.conf import settings
from django.test.utils import override_settings

from matching.engine.hashing import luminance
from matching.fingerprint import FingerprintBuilder, VideoFingerprint
from tvidz.fingerprinting import add_to, conclusion, decoding, index_frames, sampling_of
from videos.extraction import Taken
from videos.limits import media_limits
from videos.media.graph import grid_slot
from videos.media.pictures import picture_size
from videos.media.probe import probe
from videos.uploads.accept import recognise_path

_START = f"import sys, django; django.setup(); from {__name__} import main; main(*sys.argv[1:])"
KINDS = ("whole", "hashes", "pictures", "pyav", "opencv")


@dataclass
class Cost:
    """Processor and wall seconds of one pass, and megabytes.

    ffmpeg    its processor seconds; python: our own; probe: those of the child that looks first
    grown     by how much our peak lies above what was there before the pass
    """

    ffmpeg: float = 0.0
    python: float = 0.0
    probe: float = 0.0
    wall: float = 0.0
    ffmpeg_peak: float = 0.0
    grown: float = 0.0
    frames: int = 0
    index_frames: int = 0
    held: float = 0.0

    @property
    def cpu(self) -> float:
        return self.ffmpeg + self.python + self.probe


def run(kind: str, path: Path) -> Cost:
    """The cost of `kind`, one of KINDS, over the film, from a new process."""
    words = [sys.executable, "-c", _START, kind, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=settings.BASE_DIR)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def floor(ffmpeg: str, path: Path) -> Cost:
    """What ffmpeg needs to decode the film and throw it away, with the threads a worker gives."""
    threads = str(settings.TVIDZ.ffmpeg_threads)
    words = [ffmpeg, "-nostdin", "-v", "error", "-threads", threads, "-i", str(path)]
    began = time.perf_counter()
    child = subprocess.Popen([*words, "-map", "0:v:0", "-f", "null", "-"])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, words)
    return Cost(
        ffmpeg=used.ru_utime + used.ru_stime,
        wall=time.perf_counter() - began,
    )


def _ours(path: Path, cost: Cost, builder: FingerprintBuilder | None) -> None:
    """What `fingerprint_file` does, with a look at ffmpeg's memory in between."""
    told = probe(path, recognise_path(path), media_limits())
    cost.probe = os.times().children_user + os.times().children_system
    sampling = sampling_of(told, path.name)
    chooser = index_frames(sampling)
    with decoding(path, told, sampling) as stream:
        for frames in stream:
            chosen = chooser.choose(frames.timestamps)
            cost.frames += len(chosen)
            cost.index_frames += int(chosen.sum())
            if builder is not None:
                cuts = tuple(cut.timestamp for cut in frames.cuts)
                add_to(builder, Taken(frames, chosen, cuts))
            cost.ffmpeg_peak = max(cost.ffmpeg_peak, memory("VmHWM", stream.pid))
    outcome, duration = conclusion(stream, told)
    cost.ffmpeg = outcome.cpu_seconds
    if builder is not None:
        cost.held = held(builder.fingerprint(duration)) / 2**20


def held(fingerprint: VideoFingerprint) -> int:
    """Bytes of the parts of a fingerprint that grow with the film, in memory or in a file."""
    total = 0
    for region in fingerprint.regions:
        total += sum(hashes.nbytes for hashes in region.turned.values())
        total += region.track.times.nbytes + region.track.quality.nbytes
    total += fingerprint.index.colours.nbytes
    pictures = fingerprint.pictures
    if pictures is not None:
        total += sum(len(strip) for strip in pictures.whole_strips)
        total += sum(len(patches) for patches in pictures.patches)
        total += sum(words.nbytes for words in pictures.words)
        total += sum(asked.features.descriptor.nbytes for asked in pictures.asking)
    return total


def _pyav(path: Path, cost: Cost) -> None:
    """PyAV, in our own process without a sandbox: the same pictures, no shot boundaries."""
    interval, last = settings.TVIDZ.dense_frame_interval, -1
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = settings.TVIDZ.ffmpeg_threads
        width, height = picture_size(stream.width, stream.height)
        for frame in container.decode(stream):
            slot = grid_slot(frame.time or 0.0, interval)
            if slot > last:
                last = slot
                small = frame.reformat(width, height, "rgb24", interpolation="AREA")
                cost.frames += small.to_ndarray().shape[0] > 0


def _opencv(path: Path, cost: Cost) -> None:
    """OpenCV's VideoCapture, likewise; it turns every frame into a picture that it is asked for."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    interval, last = settings.TVIDZ.dense_frame_interval, -1
    rate = capture.get(cv2.CAP_PROP_FPS)
    number = 0
    while capture.grab():
        slot = grid_slot(number / rate, interval)
        number += 1
        if slot > last:
            last = slot
            _, picture = capture.retrieve()
            size = picture_size(picture.shape[1], picture.shape[0])
            cost.frames += cv2.resize(picture, size, interpolation=cv2.INTER_AREA).shape[0] > 0
    capture.release()


def _measure(kind: str, path: Path) -> Cost:
    looks: dict[str, Callable[[Cost], None]] = {
        "whole": lambda cost: _ours(path, cost, FingerprintBuilder("video")),
        "hashes": lambda cost: _ours(path, cost, FingerprintBuilder("video")),
        "pictures": lambda cost: _ours(path, cost, None),
        "pyav": lambda cost: _pyav(path, cost),
        "opencv": lambda cost: _opencv(path, cost),
    }
    _warm_up()
    cost = Cost()
    before = memory("VmRSS", os.getpid())
    Path("/proc/self/clear_refs").write_text("5")
    began, own = time.perf_counter(), time.process_time()
    looks[kind](cost)
    cost.python, cost.wall = time.process_time() - own, time.perf_counter() - began
    cost.grown = memory("VmHWM", os.getpid()) - before
    return cost


def _warm_up() -> None:
    """Load what is loaded once a process: a worker has it after its first film."""
    builder = FingerprintBuilder("video")
    noise = np.random.default_rng(0).integers(0, 256, (64, 180, 320, 3), np.uint8)
    noise = np.stack([cv2.GaussianBlur(picture, (0, 0), 2) for picture in noise])
    builder.add(noise, np.arange(64) / 4, np.arange(64), np.arange(64) % 4 == 0, ())
    builder.fingerprint(16.0)
    luminance(noise)


def memory(what: str, pid: int) -> float:
    """Megabytes by /proc; 0 when the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(what)), 0.0)


def main(kind: str, path: str) -> None:
    """Print the cost as JSON; Django is set up."""
    options = settings.TVIDZ
    if kind == "hashes":
        # One index frame, the first: all but local features and colours.
        options = options.model_copy(update={"index_frame_interval": 1e6})
    with override_settings(TVIDZ=options):
        print(json.dumps(asdict(_measure(kind, Path(path)))))
