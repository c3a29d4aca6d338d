"""accept() where the database takes the rows and its answer is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from videos import storage
from videos.models import PartialUpload, State, Video
from videos.uploads import parts, resumable
from videos.uploads.resumable import Begun

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def answer_lost(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """The commit that brings a video in is done, or is not, and nobody is told."""

    def lose(done: bool) -> None:
        wrapper: Any = connection
        real = wrapper._commit

        def commit() -> Any:
            theirs = Video.objects.exists()
            if not theirs:
                return real()
            monkeypatch.undo()
            if done:
                real()
            connection.close()
            raise OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(connection, "_commit", commit)

    return lose


def all_there(content: bytes) -> PartialUpload:
    upload = resumable.begin(Begun(len(content)))
    hold = resumable.claim(upload.id, 0)
    with parts.open_part(upload.id, hold.token) as file:
        parts.write_all(file, content)
    resumable.record(hold, len(content), last=True)
    return upload


@pytest.mark.parametrize("done", [True, False])
def test_a_file_whose_rows_may_be_there_is_not_taken_away(
    done: bool, clip: Path, answer_lost: Callable[[bool], None]
) -> None:
    content = clip.read_bytes()
    upload = all_there(content)
    answer_lost(done)

    with pytest.raises(OperationalError):
        resumable.finish(upload.id)
    resumable.look_after()

    video = Video.objects.get()
    assert video.state == State.QUEUED
    with storage.open_stored(video.storage_key) as stored:
        assert stored.read() == content
    assert PartialUpload.objects.get().accepted_at is not None
