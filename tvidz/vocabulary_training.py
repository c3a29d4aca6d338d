"""Makes a vocabulary of visual words from footage whose licence allows it, and generated motion.

A folder laid out for `evaluate` names licence and family of each library video; footage under
licences that are not plainly permissive is passed over. scikit-learn does the clustering; it is
needed here and nowhere at run time.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from matching.engine.hashing import luminance
from matching.engine.local import LocalFeatures, detect
from matching.engine.vocabulary import HALF, Vocabulary
from tvidz.demo import make_library
from tvidz.fingerprinting import decoding, index_frames, sampling_of
from videos.limits import media_limits
from videos.media.probe import probe
from videos.uploads.accept import recognise_path

PERMISSIVE: Final = ("BSD", "BSD-2", "BSD-3", "CC0", "CC", "MIT", "Apache", "Apache-2.0")
CENTRES: Final = 4096
FEATURES_A_FRAME: Final = 300
FEATURES_A_VIDEO: Final = 4000
# A word seen in so many unrelated videos tells nothing about any.
COMMON_FAMILIES: Final = 4
SEED: Final = 20

Named = tuple[str, list[LocalFeatures]]


def permitted(folder: Path, leave_out: Sequence[str]) -> list[dict[str, Any]]:
    """The library videos of a labelled folder that may be learnt from, without some families."""
    truth = json.loads((folder / "gt.json").read_text())
    return [
        ref
        for ref in truth["refs"]
        if ref.get("licence") in PERMISSIVE and ref.get("family", ref["id"]) not in leave_out
    ]


def features_of(path: Path) -> list[LocalFeatures]:
    """The local features of a video's index frames, as an upload's are found."""
    told = probe(path, recognise_path(path), media_limits())
    sampling = sampling_of(told, path.name)
    chooser = index_frames(sampling)
    found = []
    with decoding(path, told, sampling) as stream:
        for frames in stream:
            chosen = frames.pictures[chooser.choose(frames.timestamps)]
            if len(chosen):
                levels = np.clip(np.rint(luminance(chosen)), 0, 255).astype(np.uint8)
                found += [detect(picture, FEATURES_A_FRAME) for picture in levels]
    return found


def footage(folder: Path, leave_out: Sequence[str], told: Callable[[str], None]) -> Iterator[Named]:
    """Family and features of each permitted library video, then of generated films."""
    for ref in permitted(folder, leave_out):
        yield str(ref.get("family", ref["id"])), features_of(folder / ref["file"])
        told(ref["id"])
    with tempfile.TemporaryDirectory() as made:
        for path in make_library(Path(made), lambda _: None):
            yield path.name, features_of(path)
            told(path.name)


def train(named: Sequence[Named], version: str, centres: int = CENTRES) -> Vocabulary:
    """A vocabulary from the features of videos by family."""
    draw = np.random.default_rng(SEED)
    samples = []
    for _, features in named:
        described = np.concatenate([one.descriptor for one in features])
        samples.append(draw.permutation(described)[:FEATURES_A_VIDEO])
    points = np.concatenate(samples)
    first, second = (
        _centres(points[:, half].astype(np.float32), centres)
        for half in (slice(0, HALF), slice(HALF, None))
    )
    middle = np.median(points, axis=0).astype(np.uint8)
    plain = Vocabulary(version, first, second, middle, np.zeros(0, np.int32))
    return Vocabulary(version, first, second, middle, _common(plain, named))


def _centres(points: NDArray[np.float32], count: int) -> NDArray[np.uint8]:
    fitted = MiniBatchKMeans(
        count, batch_size=16_384, max_iter=30, n_init=1, init="random", random_state=SEED
    ).fit(points)
    return np.clip(np.rint(fitted.cluster_centers_), 0, 255).astype(np.uint8)


def _common(vocabulary: Vocabulary, named: Sequence[Named]) -> NDArray[np.int32]:
    """Words that occur in the footage of several families, rising."""
    families: dict[str, list[NDArray[np.int32]]] = {}
    for family, features in named:
        families.setdefault(family, []).extend(vocabulary.words(one)[:, 0] for one in features)
    each = [np.unique(np.concatenate(words)) for words in families.values()]
    word, count = np.unique(np.concatenate(each), return_counts=True)
    return np.asarray(word[count >= COMMON_FAMILIES], np.int32)
