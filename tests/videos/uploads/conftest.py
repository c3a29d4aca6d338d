"""A site that takes files of 16 MiB at most, and a client that speaks tus to it."""

from collections.abc import Iterator

import pytest

from tests.conftest import Site, open_folder, start_site, stop_site
from tests.tus_client import Client


@pytest.fixture(scope="session")
def small_site() -> Iterator[Site]:
    with open_folder() as folder:
        running = start_site(folder, TVIDZ_MAX_UPLOAD_MB="16")
        yield running
        stop_site(running)


@pytest.fixture
def client(small_site: Site) -> Client:
    return Client(small_site)
