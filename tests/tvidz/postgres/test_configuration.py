"""What the embedded server is told follows from the machine."""

from pathlib import Path

import pytest

from tvidz.postgres.configuration import configuration, physical_memory, shared_buffers


@pytest.mark.parametrize(
    "gigabytes, megabytes", [(1, 128), (2, 128), (4, 256), (16, 1024), (512, 1024)]
)
def test_the_page_cache_is_a_sixteenth_of_memory_within_bounds(
    gigabytes: int, megabytes: int
) -> None:
    assert shared_buffers(gigabytes * 2**30) == megabytes


def test_the_file_names_this_machines_share() -> None:
    assert physical_memory() > 2**28
    assert f"shared_buffers = {shared_buffers(physical_memory())}MB" in configuration(Path("/run"))
