"""The assembly of tvidz. Imported before anything else, so it is here that numpy is told its place.

OpenBLAS lets threads spin between the small products that hashes and words are made of: they took
eight times the processor time, and ffmpeg wants the other cores.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
