"""An upload whose sender takes it back while it is being accepted: 404, and nothing of it stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.aws import Aws
from videos import storage
from videos.errors import Refusal
from videos.models import DirectUpload, PartialUpload, Upload, Video
from videos.uploads import accept, outcome, parts, resumable
from videos.uploads.resumable import Begun
from videos.uploads.s3 import direct, ingest

pytestmark = pytest.mark.django_db


def all_there(content: bytes) -> PartialUpload:
    upload = resumable.begin(Begun(len(content)))
    hold = resumable.claim(upload.id, 0)
    with parts.open_part(upload.id, hold.token) as file:
        parts.write_all(file, content)
    resumable.record(hold, len(content), last=True)
    return upload


def just_before(patch: pytest.MonkeyPatch, module: Any, name: str, do: Callable[[], Any]) -> None:
    """Have `do` happen at the worst moment: right before `module.name` is called."""
    real = getattr(module, name)

    def call(*words: Any, **named: Any) -> Any:
        do()
        return real(*words, **named)

    patch.setattr(module, name, call)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param(parts, "join", id="before its parts are joined"),
        pytest.param(outcome, "arrival", id="before it is read"),
        pytest.param(accept, "recognise_path", id="while it is looked at"),
        pytest.param(accept, "store", id="while it is stored"),
    ],
)
def test_a_resumable_upload_terminated_while_it_is_accepted_leaves_nothing(
    module: Any, name: str, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = all_there(clip.read_bytes())
    just_before(monkeypatch, module, name, lambda: resumable.terminate(upload.id))

    with pytest.raises(Refusal) as caught:
        resumable.finish(upload.id)

    assert (caught.value.code, caught.value.status) == ("NO_UPLOAD", 404)
    assert not Video.objects.exists()
    assert not Upload.objects.exists()
    with pytest.raises(FileNotFoundError):
        storage.size_of(storage.original_key(upload.video_id, ".mp4"))
    assert not parts.folder(upload.id).exists()


def test_a_fault_of_ours_is_not_taken_for_that(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = all_there(clip.read_bytes())

    def broken() -> None:
        raise RuntimeError("broken")

    just_before(monkeypatch, accept, "_record", broken)
    with pytest.raises(RuntimeError):
        resumable.finish(upload.id)

    monkeypatch.undo()
    assert resumable.finish(upload.id).accepted_at is not None


@pytest.mark.xdist_group("aws")
@pytest.mark.django_db(transaction=True)
def test_a_direct_upload_given_up_while_it_is_taken_in_leaves_nothing(
    aws: Aws, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = direct.Announced("a.mp4", clip.stat().st_size)
    upload, _ = direct.begin(announced)
    aws.put(ingest.direct_key(upload.id), clip.read_bytes())
    just_before(monkeypatch, accept, "store", lambda: direct.abandon(upload))

    direct.finish(upload.id)

    assert not Video.objects.exists()
    assert not DirectUpload.objects.exists()
    assert aws.keys() == []
