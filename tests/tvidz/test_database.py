"""Which database a URL, or none, leads to."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tvidz.database import connection_kwargs, database_config


def test_without_a_url_it_is_the_embedded_server_and_nothing_is_made(tmp_path: Path) -> None:
    config = database_config(None, tmp_path / "var")
    assert config["ENGINE"] == "tvidz.postgres"
    assert config["VAR"] == str(tmp_path / "var")
    assert not (tmp_path / "var").exists()


def test_a_url_leads_to_the_ordinary_backend(tmp_path: Path) -> None:
    config = database_config("postgres://alice:se%40cret@db.example:5433/videos", tmp_path)
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["HOST"], config["PORT"], config["NAME"]) == ("db.example", 5433, "videos")
    assert (config["USER"], config["PASSWORD"]) == ("alice", "se@cret")


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://bob:word@h/d", "word", "postgres://h"])
def test_a_url_of_anything_else_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="postgres://user:password@host") as refusal:
        database_config(url, tmp_path)
    assert "bob:word" not in str(refusal.value)


def test_own_connections_get_what_psycopg_knows_and_not_what_is_djangos(tmp_path: Path) -> None:
    config = database_config("postgres://alice:pw@db.example:5433/videos?sslmode=require", tmp_path)
    config["OPTIONS"] |= {"pool": True, "server_side_binding": True}
    assert connection_kwargs(config) == {
        "host": "db.example",
        "port": 5433,
        "user": "alice",
        "password": "pw",
        "dbname": "videos",
        "sslmode": "require",
    }
