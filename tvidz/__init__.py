"""The assembly of tvidz. Imported before all else, so here numpy and OpenCV are held to a thread.

OpenBLAS lets threads spin between the small products that hashes and words are made of: they took
eight times the processor time, and ffmpeg wants the other cores. OpenCV's local features take an
eighth more with two threads than with one.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
