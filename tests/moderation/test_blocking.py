"""A blocked video is gone for the public at once and comes back when nothing blocks it."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import transaction
from django.test import Client

from matching.models import DuplicateLink, Segment
from matching.witnesses import evidence_url
from moderation import blocking
from moderation.claim_clocks import look_after as clocks
from moderation.claim_verbs import Said, act
from moderation.decide import Because, Ticket, confirm, undo
from moderation.flagging import flag as flag_video
from moderation.models import Claim, Flag
from moderation.registration import Rights, holder_named, register
from moderation.review import take
from tests.moderation.conftest import MakeFlag, MakeUser, tell_every_state
from tests.moderation.test_meeting import all_at_once
from tvidz.answers import Answer
from tvidz.live import follow
from tvidz.search_json import asked_json
from tvidz.searching import Asked
from videos import storage
from videos.access.visibility import Viewer, new_secret
from videos.errors import Refusal
from videos.media_urls import original_url, thumbnail_url
from videos.models import State, Video

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]

SAID = Said("own_work", "I made it.")


@pytest.fixture
def eve(person: MakeUser) -> User:
    return person("eve")


@pytest.fixture
def copy(video_row: Callable[..., Video], eve: User) -> Video:
    """Eve's public video, with a file and a thumbnail."""
    number = uuid.uuid4()
    fields = {"visibility": "public", "state": State.READY, "thumbnail_key": f"thumbs/{number}"}
    video = video_row("holiday.mp4", id=number, owner=eve, **fields)
    storage.put_bytes(video.storage_key, b"film" * 100)
    storage.put_bytes(video.thumbnail_key, b"picture")
    return video


@pytest.fixture
def blocked(
    copy: Video, a_flag: MakeFlag, alice: User, change_settings: Callable[..., None]
) -> Callable[[], Claim]:
    """Have alice confirm that it copies a film of Acme, under "block"."""
    change_settings(block_needs_two=False)
    flag = a_flag(query=copy)
    register(flag.reference_id, Rights(holder_named("Acme"), policy="block"))

    def block() -> Claim:
        hold = take(alice, flag.pk)
        confirm(alice, Ticket(flag.pk, hold.flag.version, hold.token), Because("full_copy"))
        return Claim.objects.latest("pk")

    return block


def browser(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def seen_by(user: User | None, video: Video, urls: list[str]) -> dict[str, int | bool]:
    """What each entrance answers: page, API, media, gallery, search, evidence, stream."""
    client = browser(user)
    told: dict[str, Any] = {
        "page": client.get(f"/videos/{video.pk}/").status_code,
        "api": client.get(f"/api/v1/videos/{video.pk}/").status_code,
        "csv": client.get(f"/api/v1/videos/{video.pk}/matches.csv").status_code,
        "events": client.get(f"/api/v1/videos/{video.pk}/events").status_code,
        "gallery": b"holiday.mp4" in client.get("/videos/").content,
    }
    told |= {f"url {place}": client.get(url).status_code for place, url in enumerate(urls)}
    row = {"ref": str(video.pk), "score": 0.9, "kinds": [], "covered_query": 1.0}
    row |= {"covered_reference": 1.0, "match_frames": 9, "engine_version": "1"}
    part = {"q_start": 0, "q_end": 1, "r_start": 0, "r_end": 1, "matched_frames": 9}
    lies = {"speed": 1.0, "mirrored": False, "inverted": False}
    kept = Answer([{**row, **part, "transform": lies, "frame_pairs": []}], True, 1.0)
    viewer = Viewer(user or AnonymousUser())
    told["search"] = bool(asked_json(Asked({}, kept), viewer)["matches"])
    return told


def all_of(told: dict[str, int | bool]) -> set[int | bool]:
    return set(told.values())


@pytest.fixture
def urls(copy: Video) -> list[str]:
    """Addresses that were handed out before."""
    return [str(original_url(copy)), str(thumbnail_url(copy))]


def test_it_is_gone_for_the_public_everywhere_and_back_after_a_release(
    copy: Video, urls: list[str], blocked: Callable[[], Claim], eve: User, person: MakeUser
) -> None:
    link, segment = DuplicateLink.objects.get(), Segment.objects.get()
    assert link.query == copy
    everything = {200, True}
    assert all_of(seen_by(None, copy, urls)) == everything

    claim = blocked()

    for stranger in (None, person("mallory")):
        assert all_of(seen_by(stranger, copy, urls)) == {404, False}, stranger
        assert browser(stranger).get(evidence_url(segment, 0)).status_code == 404
    uploader = seen_by(eve, copy, urls)
    assert uploader.pop("gallery") is False
    assert all_of(uploader) == everything
    staff = person("boss")
    staff.is_staff = True
    staff.save()
    staff.user_permissions.add(Permission.objects.get(codename="view_video"))
    watching = seen_by(staff, copy, urls)
    assert watching.pop("gallery") is False
    assert all_of(watching) == everything
    assert browser(eve).get(urls[0])["Cache-Control"] == "private, no-store"
    act(Viewer(eve), claim.pk, 1, "dispute", SAID)
    assert seen_by(None, copy, urls)["page"] == 404, "a dispute alone lifts nothing"
    Claim.objects.update(until=claim.opened_at)
    clocks()

    assert all_of(seen_by(None, copy, urls)) == everything
    tell_every_state()


def test_a_secret_opens_the_page_and_no_longer_every_address(
    copy: Video, urls: list[str], blocked: Callable[[], Claim]
) -> None:
    secret, stored = new_secret()
    Video.objects.filter(pk=copy.pk).update(owner=None, secret_sha256=stored)
    blocked()

    client = Client()
    assert client.get(urls[0]).status_code == 404
    assert client.get(f"{urls[0]}?secret={secret}").status_code == 200
    assert client.get(f"/videos/{copy.pk}/?secret={secret}").status_code == 200
    assert client.get(urls[0]).status_code == 200, "the page's own pictures"
    assert Client().get(urls[0]).status_code == 404


def test_an_answer_under_way_is_cut_off(
    copy: Video,
    urls: list[str],
    blocked: Callable[[], Claim],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("videos.media_urls.LOOK_AGAIN", 0.0)
    monkeypatch.setattr("videos.media_urls.BLOCK", 100)
    whole = b"".join(Client().get(urls[0]))
    assert len(whole) == 400
    under_way = Client().get(urls[0])

    blocked()

    assert len(b"".join(under_way)) == 0


def test_moderators_watch_what_is_blocked_also_without_being_staff(
    copy: Video, urls: list[str], blocked: Callable[[], Claim], bob: User
) -> None:
    blocked()
    assert not bob.is_staff

    assert browser(bob).get(urls[0]).status_code == 200
    assert browser(bob).get(f"/videos/{copy.pk}/").status_code == 200


def test_undoing_the_decision_gives_it_back(
    copy: Video, urls: list[str], blocked: Callable[[], Claim], alice: User
) -> None:
    claim = blocked()
    assert seen_by(None, copy, urls)["page"] == 404

    undo(alice, claim.flag_id)

    assert all_of(seen_by(None, copy, urls)) == {200, True}


@pytest.mark.parametrize(("policy", "status"), [("track", 200), ("monetise", 200), ("block", 404)])
def test_only_block_blocks(
    policy: str, status: int, copy: Video, urls: list[str], blocked: Callable[[], Claim]
) -> None:
    reference = Flag.objects.get().reference_id
    register(reference, Rights(holder_named("Bravo"), policy=policy))
    blocked()

    end_of(Claim.objects.get(holder__name="Acme"))

    assert seen_by(None, copy, urls)["page"] == status


def end_of(claim: Claim) -> None:
    """Its holder's member withdraws it."""
    member, _ = User.objects.get_or_create(username="dora")
    claim.holder.members.add(member)
    act(Viewer(member), claim.pk, claim.version, "withdraw", Said("settled"))


def test_several_claims_block_as_long_as_one_does_wherever_it_is_for(
    copy: Video, urls: list[str], blocked: Callable[[], Claim]
) -> None:
    reference = Flag.objects.get().reference_id
    rights = Rights(holder_named("Bravo"), policy="block", territories=["DE"])
    register(reference, rights)
    blocked()
    first, second = Claim.objects.order_by("pk")
    assert second.territories == ["DE"]

    end_of(first)
    assert seen_by(None, copy, urls)["page"] == 404
    end_of(second)

    assert all_of(seen_by(None, copy, urls)) == {200, True}


def test_what_a_crash_left_between_claim_and_video_the_look_mends(
    copy: Video, urls: list[str], blocked: Callable[[], Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(video_id: uuid.UUID) -> None:
        raise OSError("power went")

    with monkeypatch.context() as patch:
        patch.setattr("moderation.blocking.settle", crash)
        claim = blocked()
        assert (claim.state, claim.settled) == ("active", False)
        assert seen_by(None, copy, urls)["page"] == 200

    blocking.look_after()

    assert seen_by(None, copy, urls)["page"] == 404
    assert Claim.objects.get().settled
    since = Video.objects.get(pk=copy.pk).blocked_at
    blocking.look_after()
    blocking.settle(copy.pk)
    assert Video.objects.get(pk=copy.pk).blocked_at == since


async def test_who_follows_it_live_is_sent_away(copy: Video, blocked: Callable[[], Claim]) -> None:
    await Video.objects.filter(pk=copy.pk).aupdate(state=State.PROCESSING)
    stream = follow(Viewer(AnonymousUser()), copy.pk)
    first = await anext(stream)
    assert first["type"] == "snapshot"

    await sync_to_async(blocked)()

    with pytest.raises(Refusal, match="NOT_FOUND"):
        await anext(stream)


def test_two_disputes_at_once_one_wins(
    copy: Video, blocked: Callable[[], Claim], eve: User
) -> None:
    claim = blocked()

    def dispute() -> None:
        act(Viewer(eve), claim.pk, 1, "dispute", SAID)

    wrong = all_at_once(*[dispute] * 6)

    codes = sorted(error.code for error in wrong if isinstance(error, Refusal))
    assert len(codes) == 5
    assert set(codes) <= {"WRONG_STATE", "CHANGED"}
    assert Claim.objects.get().version == 2
    tell_every_state()


def test_claims_flags_and_videos_meet_without_locking_up(
    copy: Video, blocked: Callable[[], Claim], eve: User, alice: User
) -> None:
    claim = blocked()

    def pipeline() -> None:
        for _ in range(10):
            with transaction.atomic():
                flag_video(copy.pk)
                Video.objects.filter(pk=copy.pk).update(state=State.READY)

    def people() -> None:
        for _ in range(10):
            try:
                undo(alice, claim.flag_id)
                blocked()
            except Refusal:
                continue

    def uploader() -> None:
        for _ in range(10):
            for own in Claim.objects.filter(state="active"):
                try:
                    act(Viewer(eve), own.pk, own.version, "dispute", SAID)
                except Refusal:
                    continue

    def looks() -> None:
        for _ in range(10):
            Claim.objects.filter(settled=True).update(settled=False)
            blocking.look_after()

    assert all_at_once(pipeline, people, uploader, looks, looks) == []

    blocking.look_after()
    standing = Claim.objects.filter(state__in=["active", "disputed"]).exists()
    assert (Video.objects.get(pk=copy.pk).blocked_at is not None) == standing
    tell_every_state()


def test_a_blocked_video_that_is_deleted_ends_everything(
    copy: Video, blocked: Callable[[], Claim], eve: User
) -> None:
    blocked()

    assert browser(eve).delete(f"/api/v1/videos/{copy.pk}/").status_code == 204

    assert Claim.objects.get().state == "withdrawn"
    assert Claim.objects.get().settled
