"""The settings reference in the docs is the code's."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tvidz.options import BASE_DIR, Options, variable

BEGIN, END = "<!-- settings_reference -->\n", "<!-- end of settings_reference -->\n"
# What reads settings under their own names; options.py only declares them.
CODE = [
    path
    for folder in ("tvidz", "videos", "matching", "moderation")
    for path in (BASE_DIR / folder).rglob("*.py")
    if path.name not in ("options.py", "reference.py")
]


def test_the_table_in_the_docs_is_what_the_command_prints() -> None:
    printed = StringIO()
    call_command("settings_reference", stdout=printed)
    document = (BASE_DIR / "docs" / "settings.md").read_text()

    written = document.partition(BEGIN)[2].partition(END)[0]

    assert written == printed.getvalue(), (
        "docs/settings.md is behind the code: put the output of "
        "`manage.py settings_reference` between its markers"
    )


def test_the_table_has_a_row_for_every_variable() -> None:
    printed = StringIO()
    call_command("settings_reference", stdout=printed)

    rows = [line for line in printed.getvalue().splitlines() if line.startswith("| `TVIDZ_")]

    assert len(rows) == len(Options.model_fields)
    assert all(row.count(" | ") == 3 for row in rows)
    assert str(Path.home()) not in printed.getvalue()
    assert str(BASE_DIR) not in printed.getvalue()


@pytest.fixture(scope="module")
def code() -> str:
    return "\n".join(path.read_text() for path in CODE)


@pytest.mark.parametrize("name", Options.model_fields)
def test_the_setting_is_used_somewhere(name: str, code: str) -> None:
    assert re.search(rf"(TVIDZ|options)\.{name}\b", code), f"{variable(name)} changes nothing"


def test_every_variable_the_docs_and_the_code_speak_of_exists() -> None:
    known = {variable(name) for name in Options.model_fields}
    # Read by tests and the Makefile; names of a settings module; a prefix.
    known |= {"TVIDZ_CORPUS", "TVIDZ_TASKS", "TVIDZ_DELETION", "TVIDZ_LOOK_AGAIN"}
    known |= {"TVIDZ_BUILD", "TVIDZ_"}
    texts = [*CODE, *(BASE_DIR / "docs").glob("*.md"), *BASE_DIR.glob("*.md")]

    for path in texts:
        for name in re.findall(r"\bTVIDZ_[A-Z0-9_]*", path.read_text()):
            assert name in known, f"{path.relative_to(BASE_DIR)} speaks of {name}"
