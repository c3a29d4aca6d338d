"""What a file is, before it is decoded: one look by PyAV in a sandboxed child."""

import importlib.util
import json
import math
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from videos.media import rules
from videos.media.containers import Container
from videos.media.errors import CODES, MediaError
from videos.media.limits import Limits
from videos.media.sandbox import EXIT_FAILED, EXIT_NOT_STARTED, Usage, kill_group, spawn

WALL_SECONDS = 30.0
CPU_SECONDS = 30
MAX_ANSWER = 64 << 10

_CHILD = Path(__file__).with_name("probe_child.py")
_BOXES = Path(__file__).with_name("boxes.py")


@dataclass(frozen=True)
class Probe:
    """A file's facts, as claimed by its header and checked by decoding one picture.

    codec           ffmpeg's name of the encoding
    width, height   pixels as displayed: upright, pixel aspect ratio applied
    duration        seconds from time 0 to the end of the last frame; 0.0 for an image
    duration_known  False when the header is silent and the file too long to read through; then
                    `duration` is as far as was read
    frame_rate      frames a second on average; 0.0 for an image
    rotation        degrees clockwise by which decoded pictures are turned to stand upright
    """

    container: Container
    codec: str
    width: int
    height: int
    duration: float
    frame_rate: float
    rotation: int
    duration_known: bool = True

    def facts(self) -> dict[str, Any]:
        """All but the container, for a JSON column; `remembered` is the way back."""
        facts = asdict(self)
        del facts["container"]
        return facts


def remembered(container: Container, facts: dict[str, Any] | None) -> Probe | None:
    """The probe those facts were kept from; None when there are none, or of another version."""
    try:
        return None if facts is None else Probe(container=container, **facts)
    except TypeError:
        return None


def probe(path: Path, container: Container, limits: Limits) -> Probe:
    """Look at the file with the demuxer of `container`, and decode its first picture.

    Raises MediaError: CORRUPT, NOVIDEO, CODEC, TRACKS, SIZE, DURATION, BUDGET; or ours: TIMEOUT,
    SANDBOX.
    """
    answer = _ask(path.resolve(), container, limits)
    if "refused" in answer:
        code = answer["refused"]
        raise MediaError(code if code in CODES else "CORRUPT")
    found = _believe(answer, container)
    if container.media_type == "image":
        return replace(found, duration=0.0, frame_rate=0.0, duration_known=True)
    _hold_to(found, int(answer["frames"]), limits)
    return found


def _ask(path: Path, container: Container, limits: Limits) -> dict[str, Any]:
    """PyAV's answer; of an MP4 that it cannot read, what its index claims too much of."""
    site = _site_packages()
    spec = {
        "path": str(path),
        "site": str(site),
        "demuxer": container.demuxer,
        "options": rules.input_options(container, limits),
        "decoders": rules.decoders(container),
        "keeps_clock": rules.keeps_clock(container),
        "max_pixels": limits.max_pixels,
        "max_frames": limits.max_frames,
        "max_duration": limits.max_duration,
    }
    answer = _run(_CHILD, json.dumps(spec), [path, site], limits)
    if answer.get("refused") == "CORRUPT" and container.demuxer == "mov":
        claims = _run(_BOXES, str(path), [path], limits)
        return {"refused": _too_much(claims, limits)}
    return answer


def _too_much(claims: dict[str, Any], limits: Limits) -> str:
    width, height = claims.get("size") or (1, 1)
    if claims.get("tracks", 0) > limits.max_streams:
        return "TRACKS"
    if claims.get("elsewhere") or width * height == 0:
        return "CODEC"
    return "SIZE" if width * height > limits.max_pixels else "CORRUPT"


def _run(script: Path, word: str, readable: list[Path], limits: Limits) -> dict[str, Any]:
    """Run one of our scripts in the sandbox and read the JSON object it prints."""
    child = spawn(
        [str(Path(sys.executable).resolve()), "-I", "-S", str(script), word],
        readable=[script, *readable, *_standard_library()],
        limits=replace(limits, cpu_seconds=min(limits.cpu_seconds, CPU_SECONDS)),
    )
    try:
        output, errors = child.communicate(timeout=min(limits.wall_seconds, WALL_SECONDS))
    except subprocess.TimeoutExpired:
        raise MediaError("TIMEOUT") from None
    finally:
        usage = kill_group(child)
    return _read(output, errors, usage)


def _read(output: bytes, errors: bytes, usage: Usage) -> dict[str, Any]:
    detail = errors[-500:].decode("utf-8", "replace")
    if usage.returncode in (EXIT_FAILED, EXIT_NOT_STARTED):
        raise MediaError("SANDBOX", detail=detail)
    try:
        answer = json.loads(output) if len(output) <= MAX_ANSWER else None
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if usage.ran_out(CPU_SECONDS):
        raise MediaError("BUDGET", detail=detail)
    # The child died of the file: by a signal, or of hunger inside its limits.
    return {"refused": "CORRUPT"}


def _believe(answer: dict[str, Any], container: Container) -> Probe:
    """The facts as numbers of the right kind; anything else comes from a child gone astray."""
    try:
        found = Probe(
            container=container,
            codec=str(answer["codec"])[:32],
            width=int(answer["width"]),
            height=int(answer["height"]),
            duration=float(answer["duration"]),
            duration_known=bool(answer["duration_known"]),
            frame_rate=float(answer["frame_rate"]),
            rotation=int(answer["rotation"]),
        )
        int(answer["frames"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise MediaError("CORRUPT") from None
    sound = (
        math.isfinite(found.duration)
        and math.isfinite(found.frame_rate)
        and found.rotation in (0, 90, 180, 270)
        and min(found.width, found.height) > 0
        and min(found.duration, found.frame_rate) >= 0
    )
    if not sound:
        raise MediaError("CORRUPT")
    return found


def _hold_to(found: Probe, frames: int, limits: Limits) -> None:
    if found.duration > limits.max_duration:
        hours = limits.max_duration / 3600
        raise MediaError(
            "DURATION",
            f"The video is longer than {hours:.3g} hours. Upload it in shorter parts."
            if hours >= 1
            else f"The video is longer than {limits.max_duration:.0f} seconds. "
            "Upload it in shorter parts.",
        )
    if limits.frames_exceeded(frames, found.duration):
        raise MediaError("BUDGET")


def _site_packages() -> Path:
    """The folder PyAV is in, found without importing it here: its libraries stay in the child."""
    spec = importlib.util.find_spec("av")
    if spec is None or spec.origin is None:
        raise MediaError("SANDBOX", detail="PyAV is not installed")
    return Path(spec.origin).parent.parent


def _standard_library() -> list[Path]:
    paths = sysconfig.get_paths(vars={"base": sys.base_prefix, "platbase": sys.base_prefix})
    shared = Path(sys.base_prefix) / "lib"
    return [Path(paths["stdlib"]), Path(paths["platstdlib"]), *shared.glob("libpython*")]
