"""The hardest strangers: one camera at two times, made by cutting library videos in half.

The first half of a video does not copy the second, and yet it shows the same place, people and
light. Labelled folders hold few such pairs, a library of surveillance or talks many.
"""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from tvidz.training.evidence import VerifiedPair
from videos.limits import media_limits
from videos.media.ffmpeg import find_ffmpeg
from videos.media.probe import probe
from videos.uploads.accept import recognise_path

# Halves shorter than this (s) hold too little to be compared.
_SHORTEST: Final = 2.0
_ENCODER: Final = ("-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20")
# Footage that comes again within one video: looks and moves alike throughout.
_CLOSE: Final = 0.6
_ALIKE: Final = 0.25


def make_halves(
    folder: Path, refs: Iterable[Mapping[str, Any]], out: Path, told: Callable[[str], None]
) -> dict[str, Any]:
    """Cut library videos of a labelled folder in half; the answer is laid out as a gt.json.

    Second halves become `out`/refs, first halves `out`/queries that copy nothing. Videos of less
    than four seconds are left out. MediaError for a file that cannot be read.
    """
    program = find_ffmpeg(settings.TVIDZ.ffmpeg or None).path
    for name in ("refs", "queries"):
        (out / name).mkdir(parents=True, exist_ok=True)
    truth: dict[str, Any] = {"refs": [], "queries": []}
    for number, ref in enumerate(refs):
        path = folder / ref["file"]
        middle = probe(path, recognise_path(path), media_limits()).duration / 2
        told(ref["id"])
        if middle < _SHORTEST:
            continue
        first, second = f"queries/{number}.mp4", f"refs/{number}.mp4"
        for place, cut in ((first, ("-t", str(middle))), (second, ("-ss", str(middle)))):
            words = [program, "-v", "error", "-y", "-nostdin", *cut, "-i", str(path), *_ENCODER]
            subprocess.run([*words, "-pix_fmt", "yuv420p", str(out / place)], check=True)
        family = ref.get("family", ref["id"])
        truth["refs"].append({"id": f"{ref['id']}, second half", "file": second, "family": family})
        truth["queries"].append(
            {"query": f"{ref['id']}, first half", "file": first, "copies": [], "family": family}
        )
    return truth


def repeats(pair: VerifiedPair) -> bool:
    """Whether a first half looks and moves so like a second that the video repeats itself."""
    return pair.features["closeness"] > _CLOSE and pair.features["alike"] > _ALIKE
