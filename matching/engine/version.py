"""The algorithm's version, stored with every fingerprint and link; versions are never compared.

A new vocabulary makes new words, so its version changes only together with the engine's.
"""

from typing import Final

ENGINE_VERSION: Final = "2"
VOCABULARY_VERSION: Final = "1"
