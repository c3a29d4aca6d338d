"""Log lines, for people and for machines."""

import io
import json
import logging
import logging.config

import pytest

from tvidz.logs import logging_config


@pytest.fixture(params=["console", "json"])
def written(request: pytest.FixtureRequest) -> str:
    """What is written, in one style, of an error with a secret among its local variables."""
    config = logging_config("INFO", request.param)
    (name,) = config["formatters"]
    formatter = logging.config.DictConfigurator(config).configure_formatter(
        config["formatters"][name]
    )
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("tests")
    logger.addHandler(handler)

    def fail() -> None:
        password = "swordfish"
        raise ValueError(len(password))

    try:
        fail()
    except ValueError:
        logger.exception("it failed")
    if request.param == "json":
        assert json.loads(stream.getvalue())["event"] == "it failed"
    return stream.getvalue()


def test_an_error_is_told_with_its_trace_and_without_local_variables(written: str) -> None:
    assert "ValueError" in written
    assert "in fail" in written
    assert "swordfish" not in written
