"""What the first pages of a long queue cost, with the bare rows of one page beside them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from matching.engine.version import ENGINE_VERSION
from moderation.models import Flag, RightsHolder
from moderation.queues import ORDER
from tvidz.benchmarks.crowd import made_up_video, moderators
from tvidz.benchmarks.tables import Table
from tvidz.scratch import scratch_library
from videos.models import Video

Tell = Callable[[str], None]

DATABASE: Final = "tvidz_bench_queue"
FLAGS: Final = 100_000
FILMS: Final = 100
HOLDERS: Final = ("Acme", "Borealis", "Cinema Nova", "Delta", "Echo")
POLICIES: Final = ("", "block", "monetise", "review", "track")
ADMIN: Final = "/admin/moderation/flag/"
REST: Final = "/api/v1/moderation/flags/"

LINKS: Final = """
INSERT INTO matching_duplicatelink (
    query_id, reference_id, version, score, matched_frames, aligned_cuts, covered_query,
    covered_reference, kinds, provisional, created_at, updated_at
)
SELECT copy.id, film.id, %(version)s, 0.5 + random() / 2, 40, 3, random(), random(),
    CASE WHEN random() < 0.3 THEN ARRAY['mirrored'] ELSE ARRAY[]::varchar[] END,
    false, now(), now()
FROM videos_video copy, videos_video film
WHERE copy.title = 'copy' AND film.title = 'film'
"""
# Four of five wait; the others were decided in the last 30 days.
FLAGGED: Final = """
INSERT INTO moderation_flag (
    link_id, query_id, reference_id, state, reason, version, policy, policy_version, holder_id,
    kinds, score, covered, priority, place, opened_at, due_at, created_at, updated_at
)
SELECT link.id, query_id, reference_id, CASE WHEN link.id %% 5 = 0 THEN 'dismissed' ELSE 'open' END,
    '', CASE WHEN link.id %% 5 = 0 THEN 4 ELSE 2 END,
    (%(policies)s::text[])[1 + link.id %% 5], '',
    CASE WHEN link.id %% 5 = 1 THEN NULL ELSE (%(holders)s::bigint[])[1 + link.id %% 7 %% 5] END,
    kinds, score, greatest(covered_query, covered_reference), score, score - random() * 10,
    now() - random() * interval '30 days', now() + (random() - 0.5) * interval '14 days',
    now() - interval '30 days', now()
FROM matching_duplicatelink link
"""
HISTORY: Final = """
INSERT INTO moderation_event (
    machine, subject_id, sequence, move, before, after, actor_kind, actor_id, actor_name, reason,
    note, policy_version, evidence_sha256, video_ids, decision_id, facts, at
)
SELECT 'flag', flag.id, moves.sequence, moves.move, moves.before, moves.after, kind,
    CASE WHEN kind = 'system' THEN NULL ELSE %(moderator)s END, '', '', '', '', '',
    ARRAY[query_id, reference_id], CASE WHEN moves.sequence = 4 THEN decision.id END, '{}',
    CASE WHEN moves.sequence < 3 THEN opened_at ELSE decision.at END
FROM moderation_flag flag
LEFT JOIN moderation_decision decision ON decision.flag_id = flag.id
JOIN (VALUES
    (1, 'detect', '', 'detected', 'system'), (2, 'open', 'detected', 'open', 'system'),
    (3, 'take', 'open', 'leased', 'moderator'), (4, 'dismiss', 'leased', 'dismissed', 'moderator')
) AS moves (sequence, move, before, after, kind) ON moves.sequence <= flag.version
ORDER BY flag.id, moves.sequence
"""
DECIDED: Final = """
INSERT INTO moderation_decision (
    flag_id, move, verdict, reason, note, segments, evidence, evidence_sha256, policy,
    policy_version, video_ids, moderator_id, moderator_name, at
)
SELECT id, 'dismiss', 'dismissed', 'licensed', '', '[]', '{}',
    encode(sha256('{}'::bytea), 'hex'), '', '', ARRAY[query_id, reference_id], %(moderator)s,
    'moderator-0', opened_at + random() * (now() - opened_at)
FROM moderation_flag WHERE state = 'dismissed'
"""


@dataclass(frozen=True)
class _Page:
    """A page under its name; `look` is its address, or for the floor what is done instead."""

    name: str
    look: str | Callable[[], object]


def measure(quick: bool, tell: Tell) -> list[Table]:
    """The tables of `manage.py bench queue`."""
    flags, rounds = (500, 2) if quick else (FLAGS, 30)
    hosts = override_settings(ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False)
    with scratch_library(DATABASE), hosts:
        tell(f"{flags} flags with their history")
        holder = fill(flags)
        (reader,) = moderators(1)
        reader.groups.add(Group.objects.get(name="Leads"))
        User.objects.filter(pk=reader.pk).update(is_staff=True)
        browser = Client()
        browser.force_login(reader)
        tell(f"each page {rounds} times, by turns")
        return [_by_turns(_pages(holder), browser, flags, rounds)]


def fill(flags: int) -> int:
    """So many flags of made-up videos, with links, holders and history; the id of one holder."""
    films, copies = FILMS, flags // FILMS
    rows = [(n, "film" if n < films else "copy") for n in range(films + copies)]
    Video.objects.bulk_create(made_up_video(n, title=title) for n, title in rows)
    holders = RightsHolder.objects.bulk_create(RightsHolder(name=name) for name in HOLDERS)
    (moderator,) = moderators(1)
    told: dict[str, Any] = {
        "version": ENGINE_VERSION,
        "policies": list(POLICIES),
        "holders": [holder.pk for holder in holders],
        "moderator": moderator.pk,
    }
    with connection.cursor() as cursor:
        for statement in (LINKS, FLAGGED, DECIDED, HISTORY):
            cursor.execute(statement, told)
        cursor.execute("ANALYZE")
    return holders[0].pk


def _pages(holder: int) -> list[_Page]:
    middle = Flag.objects.filter(state="open").order_by(*ORDER)[Flag.objects.count() // 3].pk
    today = timezone.localdate()
    return [
        _Page("floor: the rows of a page", _floor),
        _Page("admin: the queue", ADMIN),
        _Page("admin: of one rights holder", f"{ADMIN}?holder__id__exact={holder}"),
        _Page("admin: certain and mirrored", f"{ADMIN}?sure=certain&kind=mirrored"),
        _Page("admin: overdue", f"{ADMIN}?which=overdue"),
        _Page("admin: all that waits", f"{ADMIN}?which=waiting"),
        _Page("admin: everything", f"{ADMIN}?which=all"),
        _Page("admin: the first page", "/admin/"),
        _Page("admin: 30 days of statistics", f"{ADMIN}statistics/?last={today}"),
        _Page("REST: the queue", REST),
        _Page("REST: of one rights holder", f"{REST}?holder={holder}"),
        _Page("REST: from the middle on", f"{REST}?after={middle}"),
        _Page("REST: counts", "/api/v1/moderation/counts/"),
    ]


def _floor() -> object:
    return list(Flag.objects.filter(state="open").order_by(*ORDER)[:50])


def _by_turns(pages: list[_Page], browser: Client, flags: int, rounds: int) -> Table:
    table = Table(
        f"Pages of a queue of {flags:,} flags",
        ("page", "n", "queries", "min ms", "median ms", "max ms"),
        notes=(
            "From the request to the finished answer in one process, without a network or a "
            "browser, after one look that is not counted. Four of five flags wait.",
        ),
    )
    times: dict[str, list[float]] = {page.name: [] for page in pages}
    queries = {page.name: _queries(page, browser) for page in pages}
    for _ in range(rounds):
        for page in pages:
            began = time.perf_counter()
            _look(page, browser)
            times[page.name].append(time.perf_counter() - began)
    for name, spent in times.items():
        least, middle, most = (1000 * float(np.quantile(spent, share)) for share in (0, 0.5, 1))
        table.rows.append((name, len(spent), queries[name], least, middle, most))
    return table


def _queries(page: _Page, browser: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        _look(page, browser)
    return len(captured)


def _look(page: _Page, browser: Client) -> None:
    if not isinstance(page.look, str):
        page.look()
        return
    answer = browser.get(page.look)
    if answer.status_code != 200:
        raise RuntimeError(f"{page.name}: {answer.status_code}")
