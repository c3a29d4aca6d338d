"""A crowd of moderators at one queue, and what each verb costs, with a bare UPDATE beside it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import override_settings

from moderation.bulk import bulk
from moderation.decide import Because, Ticket, Verdict, confirm, dismiss
from moderation.models import Flag
from moderation.review import Hold, release, renew, save_draft, take_next
from tvidz.benchmarks.crowd import crowd, faults, moderators, open_flags
from tvidz.benchmarks.machine import backend, cpu_seconds, spending
from tvidz.benchmarks.tables import Table
from tvidz.scratch import scratch_library

Tell = Callable[[str], None]

DATABASE: Final = "tvidz_bench_moderation"
# Flags without videos, to see what a long queue costs; history and all, by the million if need be.
FILL = """
WITH made AS (
    INSERT INTO moderation_flag (
        query_id, reference_id, state, reason, version, policy, policy_version, kinds, score,
        covered, priority, place, opened_at, due_at, created_at, updated_at
    )
    SELECT gen_random_uuid(), gen_random_uuid(), 'open', '', 2, '', '', '{}', 0.9, 1, 0.8,
        -random() * 1000, now(), now() + interval '7 days', now(), now()
    FROM generate_series(1, %s) RETURNING id, query_id, reference_id
)
INSERT INTO moderation_event (
    machine, subject_id, sequence, move, before, after, actor_kind, actor_name, reason, note,
    policy_version, evidence_sha256, video_ids, facts
)
SELECT 'flag', id, sequence, move, before, after, 'system', '', '', '', '', '',
    ARRAY[query_id, reference_id], '{}'
FROM made, (VALUES (1, 'detect', '', 'detected'), (2, 'open', 'detected', 'open'))
    AS moves (sequence, move, before, after)
ORDER BY id, sequence
"""


def measure(quick: bool, tell: Tell) -> list[Table]:
    """The tables of `manage.py bench moderation`."""
    options = settings.TVIDZ.model_copy(update={"second_review_share": 0.0, "trusted_uploads": 0})
    with override_settings(TVIDZ=options):
        return [_crowd(quick, tell), *(_verbs(depth, quick, tell) for depth in _depths(quick))]


def _depths(quick: bool) -> tuple[int, ...]:
    return (0,) if quick else (0, 100_000)


def _crowd(quick: bool, tell: Tell) -> Table:
    flags = 20 if quick else 1000
    tell(f"eight people, {flags} flags")
    table = Table(
        "Eight people at one queue",
        ("what", "count"),
        notes=(
            "Threads of one process. Each takes the next flag or, one time in five, one that "
            "somebody has; writes drafts, forgets flags until their time is over, comes back late, "
            "releases, renews, decides, undoes. In capitals: what who was too late was told.",
        ),
    )
    with scratch_library(DATABASE):
        people = moderators(8)
        open_flags(flags)
        told = crowd(people)
        table.rows.extend(sorted(told.done.items()))
        table.rows.append(("seconds in all", told.seconds))
        wrong = faults(told)
        table.rows.append(("decided twice, lost or without a history", len(wrong)))
        for line in wrong[:10]:
            tell(line)
    return table


@dataclass
class _Cost:
    """Times of one verb, seconds, and the processor time it took on both sides."""

    times: list[float] = field(default_factory=list)
    own: float = 0.0
    server: float = 0.0


def _verbs(depth: int, quick: bool, tell: Tell) -> Table:
    rounds = 3 if quick else 200
    tell(f"each verb, {depth + rounds} flags in the queue")
    table = Table(
        f"What a verb costs with {depth:,} more flags in the queue",
        ("verb", "n", "p50 ms", "p95 ms", "CPU ms", "CPU ms of PostgreSQL"),
        notes=(
            "By turns, from one process. The floor is one transaction with one UPDATE of a flag's "
            "row. Processor time is counted in steps of 10 ms, so it is told of all rounds.",
        ),
    )
    with scratch_library(DATABASE):
        (person,) = moderators(1)
        open_flags(3 * rounds)
        if depth:
            with connection.cursor() as cursor:
                cursor.execute(FILL, [depth])
                cursor.execute("ANALYZE moderation_flag")
        costs = _by_turns(person, rounds)
        costs |= _in_bulk(person, rounds)
    for verb, cost in costs.items():
        p50, p95 = np.percentile(cost.times, [50, 95]) * 1000
        count = len(cost.times)
        figures = (float(p50), float(p95), 1000 * cost.own / count, 1000 * cost.server / count)
        table.rows.append((verb, count, *figures))
    return table


def _by_turns(person: User, rounds: int) -> dict[str, _Cost]:
    names = ("floor: one UPDATE", "take_next", "renew", "save_draft", "release")
    costs = {name: _Cost() for name in (*names, "dismiss", "confirm")}
    server = backend()

    def timed(name: str, act: Callable[[], object]) -> object:
        before = cpu_seconds(server)
        with spending() as spent:
            began = time.perf_counter()
            done = act()
            costs[name].times.append(time.perf_counter() - began)
        costs[name].own += spent.own
        costs[name].server += cpu_seconds(server) - before
        return done

    def next_one() -> Hold:
        hold = timed("take_next", partial(take_next, person))
        if not isinstance(hold, Hold):
            raise RuntimeError("the queue is empty")
        return hold

    for number in range(rounds):
        hold = next_one()
        flag, token = hold.flag.pk, hold.token
        timed("floor: one UPDATE", partial(_floor, flag))
        timed("renew", partial(renew, person, flag, token))
        timed("save_draft", partial(save_draft, person, flag, "licensed", "a note"))
        timed("release", partial(release, person, flag, token))
        hold = next_one()
        ticket = Ticket(hold.flag.pk, hold.flag.version, hold.token)
        # What has no link can only be dismissed.
        if number % 2 and hold.flag.link_id:
            timed("confirm", partial(confirm, person, ticket, Because("full_copy")))
        else:
            timed("dismiss", partial(dismiss, person, ticket, Because("licensed")))
    return {name: cost for name, cost in costs.items() if cost.times}


def _floor(flag: int) -> None:
    with transaction.atomic():
        Flag.objects.filter(pk=flag).update(priority=0.5)


def _in_bulk(person: User, rounds: int) -> dict[str, _Cost]:
    """Five hundred at a time, told for one of them."""
    size = 5 if rounds < 10 else 500
    open_flags(size)
    rows = Flag.objects.filter(state="open", link__isnull=False).order_by("-pk")[:size]
    cost = _Cost()
    server = backend()
    before = cpu_seconds(server)
    with spending() as spent:
        began = time.perf_counter()
        done = bulk(
            person, dict(rows.values_list("pk", "version")), Verdict.DISMISSED, "bad_reference"
        )
        each = (time.perf_counter() - began) / len(done.done)
    cost.times = [each] * len(done.done)
    cost.own, cost.server = spent.own, cpu_seconds(server) - before
    return {f"one of {size} dismissed in bulk": cost}
