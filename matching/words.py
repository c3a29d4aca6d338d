"""The visual words this package ships, read once a process."""

from functools import cache
from importlib.resources import files

from matching.engine.version import VOCABULARY_VERSION
from matching.engine.vocabulary import Vocabulary, from_bytes

FILE = "vocabulary.npz"


@cache
def vocabulary() -> Vocabulary:
    """The shipped vocabulary; RuntimeError when the file is not the one this version goes with."""
    made = from_bytes((files("matching") / "data" / FILE).read_bytes())
    if made.version != VOCABULARY_VERSION:
        raise RuntimeError(
            f"matching/data/{FILE} is vocabulary {made.version}, not {VOCABULARY_VERSION}"
        )
    return made
