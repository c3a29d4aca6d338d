"""Flags that were there before there was anything to decide get their history."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from moderation.models import Event, Flag
from tests.moderation.conftest import tell_every_state
from videos.models import Video

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(name: str) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([("moderation", name)])
    return MigrationExecutor(connection).loader.project_state([("moderation", name)]).apps


def migrate_to_today() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.fixture
def of_before() -> Iterator[Any]:
    """The models as they were; whatever happens, the database is today's afterwards."""
    yield migrate("0002_rights")
    migrate_to_today()


def test_old_flags_are_told_as_history(
    of_before: Any, video_row: Callable[..., Video], change_settings: Callable[..., None]
) -> None:
    models = {
        name: of_before.get_model(app, name)
        for app, name in (("moderation", "Flag"), ("moderation", "Reference"))
    }
    link_model = of_before.get_model("matching", "DuplicateLink")
    holder = of_before.get_model("moderation", "RightsHolder").objects.create(
        name="Acme", policy="block"
    )
    pairs = [(video_row("copy.mp4"), video_row("film.mp4")) for _ in range(3)]
    models["Reference"].objects.create(video_id=pairs[0][1].pk, holder=holder)

    def flagged(pair: tuple[Video, Video], version: str, state: str, reason: str = "") -> Any:
        link = link_model.objects.create(
            query_id=pair[0].pk,
            reference_id=pair[1].pk,
            version=version,
            score=0.8,
            matched_frames=4,
            covered_query=0.5,
            covered_reference=0.25,
            kinds=["excerpt"],
        )
        return models["Flag"].objects.create(link=link, state=state, reason=reason, priority=0.4).pk

    doubt = "A later analysis was less sure than the threshold."
    block, plain = flagged(pairs[0], "1", "open"), flagged(pairs[1], "1", "suppressed", doubt)
    older, newer = flagged(pairs[2], "1", "suppressed", doubt), flagged(pairs[2], "2", "open")

    migrate_to_today()

    now = {flag.pk: flag for flag in Flag.objects.all()}
    assert {pk: flag.state for pk, flag in now.items()} == {
        block: "open",
        plain: "suppressed",
        older: "superseded",
        newer: "open",
    }
    assert (now[block].policy, now[block].holder_id) == ("block", holder.pk)
    assert now[block].priority == pytest.approx(3.4)
    assert now[block].due_at == now[block].created_at + timedelta(hours=24)
    assert (now[plain].reason, now[older].reason) == ("less_sure", "newer_engine")
    assert (now[newer].query_id, now[newer].reference_id) == (pairs[2][0].pk, pairs[2][1].pk)
    tell_every_state()
    events = Event.objects.filter(subject_id=older).order_by("sequence")
    assert [event.move for event in events] == ["detect", "suppress", "supersede"]
    assert events[0].at == now[older].created_at
