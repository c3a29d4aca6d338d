"""Moderation for the pictures: people, rights, a queue half worked and two weeks of decisions.

Runs inside the site's own Django, after the films and their copies were uploaded.
"""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib.auth.models import Group, User
from django.db import connection

from docs.screenshots.site import LEAD, LEADS_PASSWORD, LIBRARY
from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink, Segment
from moderation.decide import (
    Because,
    Ticket,
    answer_second_review,
    confirm,
    dismiss,
    escalate,
    reopen,
)
from moderation.flagging import flag as make_flags
from moderation.models import Claim, Flag
from moderation.review import take
from moderation.roles import LEADS, MODERATORS
from tvidz.demo_desk import register_films
from videos.models import MediaType, State, Video, Visibility

FIRST, SECOND = "mara", "jon"
DAY, HOUR = 86_400, 3_600
DAYS, A_DAY, STILL_OPEN = 14, 3, 6
WORDS: Final = ("holiday", "lecture", "evening", "reaction", "trailer", "rehearsal", "market")
NOTES: Final = {
    "licensed": "Their contract covers it.",
    "exception": "A review, with a few seconds of the film.",
    "partial_copy": "The same shots, re-encoded.",
}


def prepare() -> dict[str, int]:
    """All of it; the numbers of what the pictures show, by name."""
    films = list(Video.objects.filter(filename__in=LIBRARY).order_by("filename"))
    register_films(films)
    for name, group in ((LEAD, LEADS), (FIRST, MODERATORS), (SECOND, MODERATORS)):
        user = User.objects.create_user(name, password=LEADS_PASSWORD, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
    _history(films)
    return _work()


def _work() -> dict[str, int]:
    """What was uploaded for the pictures: confirmed and claimed, proposed, escalated, held."""
    blocked = _flag("evening-upload.mp4", "seahorse-valley.mp4")
    proposed = _flag("best-of.mp4", "seahorse-valley.mp4")
    for each in (blocked, proposed):
        confirm(_user(FIRST), _ticket(FIRST, each), Because("partial_copy", NOTES["partial_copy"]))
    agreed = answer_second_review(
        _user(SECOND), _ticket(SECOND, blocked), Because("partial_copy"), agrees=True
    )
    escalated = _flag("best-of.mp4", "triangles-and-tides.mp4")
    escalate(_user(SECOND), _ticket(SECOND, escalated), "Cut together: is this a review?")
    held = _flag("best-of.mp4", "evening-upload.mp4")
    take(_user(SECOND), held.pk)
    return {
        "review": _flag("mirror-mirror.mp4", "cells-at-dawn.mp4").pk,
        "dark": _flag("a-little-faster.mp4", "triangles-and-tides.mp4").pk,
        "second": proposed.pk,
        "held": held.pk,
        "claim": Claim.objects.get(flag=blocked).pk,
        "decision": agreed.pk,
    }


def _history(films: list[Video]) -> None:
    """Pairs of the last two weeks, most of them decided; of these videos there are only rows."""
    chance = random.Random(7)
    shifts = []
    for number in range(DAYS * A_DAY + STILL_OPEN):
        flag = _pair(chance, number, chance.choice(films))
        if number < DAYS * A_DAY:
            _decide(chance, flag)
            ago = number // A_DAY * DAY + chance.randrange(6 * HOUR)
            waited = int(chance.lognormvariate(9.3, 1.1))
        else:
            ago, waited = chance.randrange(HOUR, 3 * DAY), 0
        shifts.append((flag.pk, ago, waited))
    with _history_open():
        for shift in shifts:
            _move_back(*shift)


def _pair(chance: random.Random, number: int, film: Video) -> Flag:
    length = chance.uniform(20, 300)
    share = chance.uniform(0.1, 1)
    part = min(length * share, 24.0)
    query = Video.objects.create(
        id=uuid.UUID(int=chance.getrandbits(128), version=4),
        filename=f"{chance.choice(WORDS)}-{number + 11}.mp4",
        media_type=MediaType.VIDEO,
        storage_key=f"videos/{number}.mp4",
        mime="video/mp4",
        demuxer="mov",
        size_bytes=1_000_000,
        sha256=f"{number:064x}",
        duration=length,
        state=State.READY,
        visibility=Visibility.PRIVATE,
    )
    link = DuplicateLink.objects.create(
        query=query,
        reference=film,
        version=ENGINE_VERSION,
        score=chance.uniform(0.62, 1),
        matched_frames=int(4 * part),
        covered_query=part / length,
        covered_reference=part / 25,
        kinds=chance.choice((["excerpt"], ["excerpt", "mirrored"], ["inserted"], ["speed"])),
    )
    Segment.objects.create(
        link=link,
        q_start=2.0,
        q_end=2.0 + part,
        r_start=0.0,
        r_end=part,
        matched_frames=int(4 * part),
        similarity=0.94,
        pairs=[[2.0, 0.0, 0.94]],
    )
    make_flags(query.pk)
    return Flag.objects.get(link=link)


def _decide(chance: random.Random, flag: Flag) -> None:
    """By one of the two; where it blocks the other is asked. Now and then the lead disagrees."""
    names = [FIRST, SECOND]
    chance.shuffle(names)
    user, other = names
    if chance.random() < 0.45:
        reason = chance.choice(("licensed", "not_the_same", "exception", "trivial_overlap"))
        dismiss(_user(user), _ticket(user, flag), Because(reason, NOTES.get(reason, "")))
    else:
        reason = chance.choice(("full_copy", "partial_copy", "modified_copy"))
        confirm(_user(user), _ticket(user, flag), Because(reason, NOTES.get(reason, "")))
        flag.refresh_from_db()
        if flag.state == Flag.State.SECOND_REVIEW:
            agrees = chance.random() < 0.8
            why = Because(reason if agrees else "not_convinced")
            answer_second_review(_user(other), _ticket(other, flag), why, agrees=agrees)
    flag.refresh_from_db()
    if flag.state in ("dismissed", "confirmed") and chance.random() < 0.12:
        reopen(_user(LEAD), flag.pk, flag.version, "complaint")
    flag.refresh_from_db()
    if flag.state == Flag.State.OPEN:
        dismiss(_user(LEAD), _ticket(LEAD, flag), Because("licensed", NOTES["licensed"]))


@contextmanager
def _history_open() -> Iterator[None]:
    """What happened just now may be told as of earlier; the database refuses that of anybody."""
    tables = ("moderation_event", "moderation_decision")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        try:
            yield
        finally:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")


def _move_back(flag: int, ago: int, waited: int) -> None:
    """Let all about a flag be `ago` seconds old, and let it have waited for so many before."""
    earlier = "at = at - make_interval(secs => %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE moderation_event SET {earlier} WHERE machine = 'flag' AND subject_id = %s",
            [ago, flag],
        )
        cursor.execute(
            f"UPDATE moderation_event SET {earlier} WHERE machine = 'flag' AND subject_id = %s "
            "AND move IN ('detect', 'open')",
            [waited, flag],
        )
        cursor.execute(
            f"UPDATE moderation_event SET {earlier} WHERE machine = 'claim' AND subject_id IN "
            "(SELECT id FROM moderation_claim WHERE flag_id = %s)",
            [ago, flag],
        )
        cursor.execute(f"UPDATE moderation_decision SET {earlier} WHERE flag_id = %s", [ago, flag])
        cursor.execute(
            "UPDATE moderation_claim SET opened_at = opened_at - make_interval(secs => %s), "
            "until = until - make_interval(secs => %s) WHERE flag_id = %s",
            [ago, ago, flag],
        )
        cursor.execute(
            "UPDATE moderation_flag SET opened_at = opened_at - make_interval(secs => %s), "
            "due_at = due_at - make_interval(secs => %s) WHERE id = %s",
            [ago + waited, ago + waited, flag],
        )


def _flag(query: str, reference: str) -> Flag:
    return Flag.objects.get(
        link__query__filename=query, link__reference__filename=reference, link__provisional=False
    )


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _ticket(name: str, flag: Flag) -> Ticket:
    hold = take(_user(name), flag.pk)
    return Ticket(flag.pk, hold.flag.version, hold.token)
