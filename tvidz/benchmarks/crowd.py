"""Many people at one queue: flags made up for it, a crowd, and what must hold afterwards."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.db import connections
from django.db.models import F
from django.db.models.functions import Now

from matching.engine.version import ENGINE_VERSION
from matching.models import DuplicateLink, Segment
from moderation.decide import Because, Ticket, confirm, dismiss, undo
from moderation.errors import Held
from moderation.flagging import flag_all
from moderation.models import Decision, Draft, Event, Flag, Lease
from moderation.queues import WAITING
from moderation.review import Hold, expire, release, renew, save_draft, take, take_next
from moderation.states import Machine, replay
from videos.errors import Refusal
from videos.models import MediaType, State, Video

# What a person who is late may be told; anything else is a fault.
EXPECTED = {"HELD", "LEASE_LOST", "CHANGED", "WRONG_STATE", "TOO_LATE"}


def moderators(count: int) -> list[User]:
    group = Group.objects.get(name="Moderators")
    people = [User.objects.get_or_create(username=f"moderator-{n}")[0] for n in range(count)]
    for person in people:
        person.groups.add(group)
    return people


def open_flags(count: int) -> None:
    """So many copies of one film, each with its link of one segment and an open flag."""
    film, *copies = Video.objects.bulk_create(made_up_video(n) for n in range(count + 1))
    links = DuplicateLink.objects.bulk_create(
        DuplicateLink(
            query=copy,
            reference=film,
            version=ENGINE_VERSION,
            score=0.9,
            matched_frames=40,
            covered_query=1.0,
            covered_reference=0.5,
        )
        for copy in copies
    )
    Segment.objects.bulk_create(
        Segment(
            link=link,
            q_start=0.0,
            q_end=30.0,
            r_start=60.0,
            r_end=90.0,
            matched_frames=40,
            similarity=0.95,
            pairs=[[float(n), 60.0 + n, 0.95] for n in range(24)],
        )
        for link in links
    )
    flag_all([film.pk])


def made_up_video(number: int, title: str = "") -> Video:
    """A row without a file."""
    return Video(
        title=title,
        filename=f"{number}.mp4",
        media_type=MediaType.VIDEO,
        storage_key=f"videos/{uuid.uuid4()}.mp4",
        mime="video/mp4",
        demuxer="mov",
        size_bytes=1000,
        sha256=f"{number:064x}",
        state=State.READY,
        duration=60.0,
    )


@dataclass
class Told:
    """What a crowd did and was told; all threads write here, one at a time."""

    done: Counter[str] = field(default_factory=Counter)
    decided: Counter[int] = field(default_factory=Counter)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1


def crowd(people: Sequence[User], seed: int = 1, patience: float = 600.0) -> Told:
    """Let everybody work until nothing waits any more; some are late or unsure, by chance."""
    told = Told()
    began = time.monotonic()
    threads = [
        threading.Thread(target=_work, args=(person, told, random.Random(seed + n), patience))
        for n, person in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.seconds = time.monotonic() - began
    return told


def _work(person: User, told: Told, chance: random.Random, patience: float) -> None:
    deadline = time.monotonic() + patience
    late: list[Hold] = []
    try:
        while Flag.objects.filter(state__in=WAITING).exists():
            if time.monotonic() > deadline:
                raise TimeoutError("flags are left")
            _turn(person, told, chance, late)
    except Exception as error:
        with told.lock:
            told.faults.append(f"{person}: {error!r}")
    finally:
        connections.close_all()


def _turn(person: User, told: Told, chance: random.Random, late: list[Hold]) -> None:
    """Take a flag and do something with it that people do; `late` are those they were late with."""
    try:
        if late and chance.random() < 0.3:
            _decide(person, late.pop(), told, chance)
            told.count("late, and nobody else had come")
            return
        hold = _reach(person, told, chance)
        if hold is None:
            # The rest is in other hands; those that were forgotten come back.
            expire()
            return
        _look_for_draft(person, hold, told)
        act = chance.random()
        if act < 0.25:
            _write(person, hold, told, chance)
        if act < 0.15:
            _forget(hold)
            told.count("left until the time was over")
            # Half come back to it later.
            if act < 0.075:
                late.append(hold)
            return
        if act > 0.95:
            release(person, hold.flag.pk, hold.token)
            told.count("released")
            return
        if act > 0.85:
            renew(person, hold.flag.pk, hold.token)
        _decide(person, hold, told, chance)
    except Held as late:
        told.count("HELD")
        if not late.holder or late.expires_at is None:
            told.faults.append(f"{person}: held by nobody")
    except Refusal as late:
        told.count(late.code)
        if late.code not in EXPECTED:
            told.faults.append(f"{person}: {late}")


def _reach(person: User, told: Told, chance: random.Random) -> Hold | None:
    """The next one, or one that somebody is at."""
    if chance.random() < 0.8:
        return take_next(person)
    held = Flag.objects.filter(state=Flag.State.LEASED).order_by("?").first()
    return take(person, held.pk) if held else None


def _look_for_draft(person: User, hold: Hold, told: Told) -> None:
    with told.lock:
        expected = told.notes.get((person.pk, hold.flag.pk))
    found = hold.draft.note if hold.draft else None
    if found != expected:
        told.faults.append(f"{person}: draft {expected!r} came back as {found!r}")


def _write(person: User, hold: Hold, told: Told, chance: random.Random) -> None:
    note = f"{person} {chance.random()}"
    save_draft(person, hold.flag.pk, "licensed", note)
    with told.lock:
        told.notes[person.pk, hold.flag.pk] = note
    told.count("drafts")


def _forget(hold: Hold) -> None:
    """The time runs out at once."""
    mine = Lease.objects.filter(token=hold.token)
    mine.update(taken_at=F("taken_at") - timedelta(hours=1), expires_at=Now())


def _decide(person: User, hold: Hold, told: Told, chance: random.Random) -> None:
    ticket = Ticket(hold.flag.pk, hold.flag.version, hold.token)
    if chance.random() < 0.5:
        dismiss(person, ticket, Because("licensed"))
    else:
        confirm(person, ticket, Because("full_copy"))
    with told.lock:
        told.decided[hold.flag.pk] += 1
        told.notes.pop((person.pk, hold.flag.pk), None)
    told.count("decided")
    if chance.random() < 0.1:
        undo(person, hold.flag.pk)
        with told.lock:
            told.decided[hold.flag.pk] -= 1
        told.count("undone")


def faults(told: Told) -> list[str]:
    """What went wrong: decisions doubled, drafts lost, a history that does not hold."""
    found = list(told.faults)
    for flag in Flag.objects.all():
        if told.decided[flag.pk] != 1:
            found.append(f"flag {flag.pk} was decided {told.decided[flag.pk]} times")
    if Decision.objects.count() != told.done["decided"]:
        found.append(f"{Decision.objects.count()} decisions of {told.done['decided']}")
    kept = {(draft.moderator_id, draft.flag_id): draft.note for draft in Draft.objects.all()}
    if kept != told.notes:
        found.append(f"{len(set(told.notes.items()) ^ set(kept.items()))} drafts differ")
    return found + unfounded()


def unfounded() -> list[str]:
    """Flags whose state their events do not tell."""
    histories: dict[int, list[tuple[str, str, str]]] = {}
    rows = Event.objects.filter(machine=Event.Subject.FLAG).order_by("subject_id", "sequence")
    for subject, *move in rows.values_list("subject_id", "move", "before", "after"):
        histories.setdefault(subject, []).append((move[0], move[1], move[2]))
    return [
        f"flag {pk} is {state}"
        for pk, state, version in Flag.objects.values_list("pk", "state", "version")
        if replay(Machine.FLAG, histories[pk]) != state or len(histories[pk]) != version
    ]
