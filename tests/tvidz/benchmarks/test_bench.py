"""The benchmarks run; how fast, no test asks."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["extraction", "growth", "moderation", "queue"])
def test_a_quick_benchmark_prints_tables_and_keeps_them_as_json(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TVIDZ_CORPUS", raising=False)
    said = StringIO()

    call_command("bench", name, quick=True, json=tmp_path / "kept.json", stdout=said)

    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["quick"]
    assert kept["tables"][name]
    for table in kept["tables"][name]:
        assert table["rows"]
        assert f"### {table['title']}" in said.getvalue()
