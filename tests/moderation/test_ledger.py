"""History can be added to and nothing else, whoever asks the database."""

import hashlib

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from moderation.decide import Because, Ticket, dismiss
from moderation.ledger import moved, noted
from moderation.models import Decision, Event, Flag, Lease
from moderation.review import take
from moderation.roles import SYSTEM
from tests.moderation.conftest import MakeFlag
from videos.errors import Refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def dismissed(a_flag: MakeFlag, alice: User) -> Decision:
    hold = take(alice, a_flag().pk)
    return dismiss(
        alice, Ticket(hold.flag.pk, hold.flag.version, hold.token), Because("licensed", "told so")
    )


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # What is left for the end of the transaction is in the way of a TRUNCATE.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["moderation_event", "moderation_decision"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET note = 'something else'",
        "UPDATE {} SET note = note WHERE id = -1",
        "DELETE FROM {}",
        "DELETE FROM {} WHERE id = (SELECT max(id) FROM {})",
        "TRUNCATE {} CASCADE",
        "TRUNCATE moderation_flag CASCADE",
    ],
)
def test_plain_sql_can_change_nothing(table: str, statement: str, dismissed: Decision) -> None:
    before = [list(model.objects.values()) for model in (Event, Decision)]

    with pytest.raises(IntegrityError, match="only ever added to"):
        run(statement.replace("{}", table))

    assert [list(model.objects.values()) for model in (Event, Decision)] == before


def test_the_orm_cannot_either(dismissed: Decision) -> None:
    event = Event.objects.latest("pk")
    event.note = dismissed.note = "something else"
    for row in (event, dismissed):
        with pytest.raises(IntegrityError, match="only ever added to"), transaction.atomic():
            row.save()
        with pytest.raises(IntegrityError), transaction.atomic():
            row.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Flag.objects.all().delete()


@pytest.mark.parametrize("sequence", [1, 2, 7, 0])
def test_no_event_can_be_slipped_in_or_left_out(sequence: int, a_flag: MakeFlag) -> None:
    flag = a_flag()
    last = Event.objects.filter(subject_id=flag.pk).latest("pk")
    last.pk, last.sequence, last._state.adding = None, sequence, True

    with pytest.raises(IntegrityError), transaction.atomic():
        last.save(force_insert=True)


def test_what_was_decided_on_can_be_checked_for_ever(dismissed: Decision) -> None:
    kept = Decision.objects.get()

    assert hashlib.sha256(kept.evidence.encode()).hexdigest() == kept.evidence_sha256
    assert Event.objects.latest("pk").evidence_sha256 == kept.evidence_sha256
    forged = Decision.objects.get()
    forged.pk, forged._state.adding = None, True
    forged.evidence = forged.evidence.replace("0.9", "0.1")
    with pytest.raises(IntegrityError, match="what_was_hashed"), transaction.atomic():
        forged.save(force_insert=True)


def test_an_event_is_timed_by_the_database(a_flag: MakeFlag) -> None:
    flag = a_flag()
    with connection.cursor() as cursor:
        cursor.execute("SELECT at BETWEEN now() AND clock_timestamp() FROM moderation_event")
        assert cursor.fetchall() == [(True,), (True,)]
    event = Event.objects.filter(subject_id=flag.pk).latest("pk")
    assert event.at is not None


def test_a_move_that_the_table_does_not_name_changes_nothing(a_flag: MakeFlag) -> None:
    flag = a_flag()

    with pytest.raises(Refusal, match="WRONG_STATE"):
        moved(flag, "confirm", SYSTEM)

    flag.refresh_from_db()
    assert (flag.state, flag.version, Event.objects.count()) == ("open", 2, 2)


def test_other_subjects_count_their_own_events() -> None:
    for number in (1, 2):
        event = noted(Event.Subject.HOLDER, 7, "policy_changed", SYSTEM, facts={"x": number})
        assert event.sequence == number
    assert noted(Event.Subject.RULE, 7, "made", SYSTEM).sequence == 1


@pytest.mark.parametrize("state", ["leased", "open"])
def test_a_flag_is_leased_when_somebody_has_its_lease(
    state: str, a_flag: MakeFlag, alice: User
) -> None:
    flag = a_flag()
    if state == "leased":
        Flag.objects.update(state="leased")
    else:
        take(alice, flag.pk)
        Flag.objects.update(state="open")
        assert Lease.objects.exists()

    with pytest.raises(IntegrityError, match="lease does not agree"), transaction.atomic():
        run("SET CONSTRAINTS ALL IMMEDIATE")
    # What the test did by hand is no history.
    take_back(flag)


def take_back(flag: Flag) -> None:
    Lease.objects.filter(flag=flag).delete()
    last = Event.objects.filter(subject_id=flag.pk).latest("pk")
    if last.after == "leased":
        flag.refresh_from_db()
        flag.state = "leased"
        moved(flag, "expire", SYSTEM)
    Flag.objects.filter(pk=flag.pk).update(state="open")
