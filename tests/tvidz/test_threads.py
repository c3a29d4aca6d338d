"""Worker processes leave the cores to ffmpeg."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

_LOOK = """
import django; django.setup()
import matching.words, threadpoolctl
print(*(pool["num_threads"] for pool in threadpoolctl.threadpool_info()))
"""


@pytest.mark.parametrize("named, threads", [(None, "1"), ("2", "2")])
def test_matrix_products_take_one_thread_if_nothing_else_is_asked_for(
    named: str | None, threads: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    if named:
        environment["OPENBLAS_NUM_THREADS"] = named

    said = subprocess.run(
        [sys.executable, "-c", _LOOK],
        env={**environment, "DJANGO_SETTINGS_MODULE": "tvidz.settings"},
        cwd=settings.BASE_DIR,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert set(said.split()) == {str(min(int(threads), os.cpu_count() or 1))}
