"""docs/api.md tells of every address that moderators' tools have."""

import re
from pathlib import Path

from moderation.api import VERBS
from moderation.urls import urlpatterns

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BASE = "api/v1/moderation/"


def test_every_address_and_verb_is_in_the_docs() -> None:
    routes = [str(row.pattern) for row in urlpatterns if str(row.pattern).startswith(BASE)]
    told = [f"…/{re.sub('<[^>]*>', '{id}', route).removeprefix(BASE)}`" for route in routes]

    assert len(told) > 10
    assert [route for route in told if route not in API] == []
    assert [verb for verb in VERBS if f"`{verb}`" not in API] == []
