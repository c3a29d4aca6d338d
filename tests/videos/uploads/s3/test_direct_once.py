"""Of uploads straight to the bucket: scanned, counted, and taken in once."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from tests.aws import Aws
from tests.clamav import EICAR, SIGNATURE, Clamd
from tests.videos.uploads.s3.browser import BEGIN, MIB, begin, send_form
from videos.errors import Refusal
from videos.models import State, Video
from videos.uploads.room import quota_left
from videos.uploads.s3 import direct
from videos.uploads.s3.poller import Poller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("aws")]


def test_malware_is_locked_away_told_to_its_sender_and_gone_from_the_bucket(
    aws: Aws, client: Client, alice: User, clamd: Clamd, change_settings: Callable[..., None]
) -> None:
    change_settings(clamd=clamd.unix, quota_mb=1)
    told = begin(client, len(EICAR), "holiday.mp4", type="video/mp4")
    send_form(told["form"], EICAR)

    Poller(once=True, wait_seconds=0).run()
    direct.finish(told["id"])

    video = Video.objects.get()
    assert (str(video.id), video.state) == (told["video_id"], State.QUARANTINED)
    assert video.storage_key.startswith("quarantine/")
    state = client.get(f"{BEGIN}{told['id']}/").json()
    assert (state["state"], state["code"]) == ("refused", "MALWARE")
    assert SIGNATURE not in json.dumps(state)
    assert aws.keys() == []
    assert quota_left(alice) == MIB


def test_a_file_waits_in_the_bucket_for_the_scanner(
    aws: Aws,
    client: Client,
    alice: User,
    clip: Path,
    tmp_path: Path,
    change_settings: Callable[..., None],
) -> None:
    told = begin(client, clip.stat().st_size)
    send_form(told["form"], clip.read_bytes())
    change_settings(clamd=str(tmp_path / "no.socket"))
    with pytest.raises(Refusal, match="SCAN_UNAVAILABLE"):
        direct.finish(told["id"])
    assert not Video.objects.exists()
    assert len(aws.keys()) == 1

    change_settings(clamd="")
    direct.finish(told["id"])
    assert Video.objects.get().state == State.QUEUED


def test_what_is_sent_once_more_before_it_is_told_to_be_in_changes_nothing(
    aws: Aws, client: Client, alice: User, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = begin(client, clip.stat().st_size)
    send_form(told["form"], clip.read_bytes())
    with monkeypatch.context() as dying:
        dying.setattr("videos.uploads.s3.ingest.outcome.settle", None)
        with pytest.raises(TypeError):
            direct.finish(told["id"])
    other = clip.read_bytes()[:-1] + b"x"
    send_form(told["form"], other)

    direct.finish(told["id"])

    assert Video.objects.get().sha256 == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert client.get(f"{BEGIN}{told['id']}/").json()["state"] == "accepted"
    assert aws.keys() == []


def test_of_uploads_begun_at_once_no_more_are_let_in_than_fit(
    aws: Aws, alice: User, change_settings: Callable[..., None]
) -> None:
    change_settings(quota_mb=10, s3_part_mb=5)

    def one(number: int) -> str:
        try:
            direct.begin(direct.Announced("a.mp4", 6 * MIB, owner=alice))
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "begun"

    with ThreadPoolExecutor(4) as pool:
        ends = sorted(pool.map(one, range(4)))

    assert ends == ["QUOTA", "QUOTA", "QUOTA", "begun"]
