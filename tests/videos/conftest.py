"""A web server to fetch files from."""

from collections.abc import Callable, Iterator

import pytest

from tests.web_server import LOOPBACK, Web, serving


@pytest.fixture
def web(change_settings: Callable[..., None]) -> Iterator[Web]:
    """Files may be fetched by URL, from this server."""
    change_settings(
        url_import=True, outgoing_allow=(f"{LOOPBACK}/32",), outgoing_ports=("1-65535",)
    )
    with serving() as server:
        yield server
