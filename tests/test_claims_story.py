"""A copy is confirmed, blocked, disputed and given back, in a running site seen from outside."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Site, open_folder, start_site, stop_site, wait_for
from tests.web_server import Web, serving

SECRET = "whsec_of-the-story"
REGISTER = """
from moderation.models import RightsHolder
from moderation.registration import Rights, register
holder = RightsHolder.objects.create(
    name="Acme", policy="block", webhook_url="{hook}", webhook_secret="{secret}")
register("{film}", Rights(holder))
"""
CONFIRM = """
from django.contrib.auth.models import Group, User
from moderation.decide import Because, Ticket, answer_second_review, confirm
from moderation.models import Flag
from moderation.review import take
def moderator(name):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name="Moderators"))
    return user
def ticket(user, flag):
    hold = take(user, flag.pk)
    return Ticket(flag.pk, hold.flag.version, hold.token)
flag, alice, bob = Flag.objects.get(), moderator("alice"), moderator("bob")
confirm(alice, ticket(alice, flag), Because("partial_copy"))
answer_second_review(bob, ticket(bob, flag), Because("partial_copy"), agrees=True)
"""


@pytest.fixture
def receiver() -> Iterator[Web]:
    with serving() as web:
        web.page("/hook", b"ok")
        yield web


@pytest.fixture
def place(receiver: Web) -> Iterator[Site]:
    told = {
        "TVIDZ_DEFAULT_VISIBILITY": "public",
        "TVIDZ_RECONCILE_SECONDS": "1",
        # Nobody is told of a claim before its decision can be undone no longer.
        "TVIDZ_UNDO_SECONDS": "1",
        "TVIDZ_OUTGOING_ALLOW": "127.0.0.0/8",
        "TVIDZ_OUTGOING_PORTS": str(receiver.port),
    }
    with open_folder() as folder:
        site = start_site(folder, **told)
        yield site
        stop_site(site)


def run(site: Site, program: str) -> None:
    done = site.manage("shell", "--no-imports", "-c", program)
    assert done.returncode == 0, done.stderr


def found(site: Site, excerpt: Path) -> list[Any]:
    """Ids that a search with the file tells everybody."""
    with excerpt.open("rb") as file:
        answer = httpx.post(f"{site.url}/api/v1/search/", files={"file": file}, timeout=60)
    assert answer.status_code == 200, answer.text
    return [match["video"]["id"] for match in answer.json()["matches"]]


def public(site: Site, video: dict[str, Any]) -> list[int]:
    """What page, API, media, thumbnail and claims answer to nobody in particular."""
    paths = [f"/videos/{video['id']}/", f"/api/v1/videos/{video['id']}/"]
    paths += [video["media"], video["thumbnail"]]
    return [httpx.get(f"{site.url}{path}", timeout=30).status_code for path in paths]


def test_a_confirmed_copy_is_gone_at_once_and_back_when_nobody_answers_its_dispute(
    place: Site, receiver: Web, film: Path, excerpt: Path
) -> None:
    original = place.upload(film, "film.mp4")
    place.finished(original["id"])
    run(place, REGISTER.format(hook=receiver.url("/hook"), secret=SECRET, film=original["id"]))
    mine = place.upload(excerpt, "holiday.mp4")
    video = place.finished(mine["id"])
    wait_for(lambda: place.rows("SELECT 1 FROM moderation_flag WHERE state = 'open'"), "a flag")
    assert public(place, video) == [200] * 4
    assert mine["id"] in found(place, excerpt)
    assert "holiday.mp4" in httpx.get(f"{place.url}/videos/").text

    run(place, CONFIRM)

    assert public(place, video) == [404] * 4
    assert found(place, excerpt) == [original["id"]]
    assert "holiday.mp4" not in httpx.get(f"{place.url}/videos/").text
    me = httpx.Client(base_url=place.url, headers={"X-Upload-Secret": mine["secret"]}, timeout=30)
    claims = f"/api/v1/videos/{mine['id']}/claims/"
    (claim,) = me.get(claims).json()["claims"]
    assert claim["statement"]["decided_by"] == "person"
    words = {"version": claim["version"], "reason": "own_work", "note": "I was there."}
    assert me.post(claim["choices"][0]["address"], json=words).json()["state"] == "disputed"
    page = me.get(f"/videos/{mine['id']}/").text
    assert "This video is blocked" in page

    place.rows("UPDATE moderation_claim SET until = now() - interval '1 second'")

    wait_for(lambda: public(place, video) == [200] * 4, "the video to be public again")
    assert mine["id"] in found(place, excerpt)
    assert "holiday.mp4" in httpx.get(f"{place.url}/videos/").text
    wait_for(lambda: len(receiver.bodies) == 3, "three webhooks")
    told = sorted((json.loads(body) for body in receiver.bodies), key=lambda t: t["timestamp"])
    assert [each["event"] for each in told] == [
        *("claim.active", "claim.disputed", "claim.released")
    ]
    for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
        moment = headers["Tvidz-Signature"].partition(",")[0].removeprefix("t=")
        proof = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256)
        assert headers["Tvidz-Signature"] == f"t={moment},v1={proof.hexdigest()}"
