"""The library's version is another after every change that a search could tell of."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from matching import changes
from matching.changes import library_version
from matching.fingerprint import VideoFingerprint
from matching.models import DuplicateLink, Fingerprint, LibraryChange
from videos.models import Video

MadeUp = Callable[..., VideoFingerprint]
Shelve = Callable[..., Video]


@pytest.mark.django_db
def test_every_change_makes_another_version_and_nothing_else_does(
    made_up: MadeUp, shelve: Shelve
) -> None:
    seen = [library_version()]

    def changed() -> bool:
        seen.append(library_version())
        return seen[-1] not in seen[:-1]

    first = shelve(made_up(5, seed=1), "first.mp4")
    assert changed()
    second = shelve(made_up(5, seed=2), "second.mp4")
    assert changed()
    link = DuplicateLink.objects.create(
        query=first,
        reference=second,
        version="2",
        score=0.9,
        matched_frames=9,
        covered_query=0.6,
        covered_reference=0.6,
    )
    assert changed()
    DuplicateLink.objects.filter(pk=link.pk).update(covered_query=0.7)
    assert changed()
    Fingerprint.objects.filter(video=first).update(ready=False)
    assert changed()
    second.delete()
    assert changed()

    assert not changed()
    first.filename = "renamed.mp4"
    first.save()
    DuplicateLink.objects.filter(score__gt=2).delete()
    assert not changed()


@pytest.mark.django_db(transaction=True)
def test_what_began_first_and_was_committed_last_counts(made_up: MadeUp, shelve: Shelve) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            shelve(made_up(5, seed=3), "slow.mp4")
            began.set()
            go_on.wait(30)
        connection.close()

    before = library_version()
    worker = threading.Thread(target=slow)
    worker.start()
    assert began.wait(30)
    assert library_version() == before
    shelve(made_up(5, seed=4), "quick.mp4")
    quick = library_version()
    go_on.set()
    worker.join(30)

    assert len({before, quick, library_version()}) == 3


@pytest.mark.django_db
def test_many_changes_become_one_row_and_the_version_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "FOLD_ABOVE", 10)
    LibraryChange.objects.bulk_create([LibraryChange(weight=n) for n in range(1, 12)])

    assert library_version() == 66
    assert LibraryChange.objects.count() == 1
    assert library_version() == 66
    LibraryChange.objects.create(weight=5)
    assert library_version() == 71
