"""The version is a short text that fits a column and a log line."""

from matching.engine.version import ENGINE_VERSION


def test_the_engine_version_is_a_short_text() -> None:
    assert isinstance(ENGINE_VERSION, str)
    assert 0 < len(ENGINE_VERSION) <= 16
