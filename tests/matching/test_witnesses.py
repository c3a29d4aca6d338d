"""The evidence of a segment over REST: told from either side, drawn for who may see both videos."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from matching.models import DuplicateLink, Segment
from matching.serializers import video_with_duplicates
from matching.witnesses import evidence_url, matrix_of, transform_of, witnesses
from tests.people import staff_user
from videos import storage
from videos.access.visibility import Viewer
from videos.media.pictures import jpeg
from videos.media_urls import signed
from videos.models import FrameInfo, State, Video, Visibility

pytestmark = pytest.mark.django_db

TakeIn = Callable[..., Video]
NOBODY = Viewer(AnonymousUser())


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def with_frames(video_row: Callable[..., Video]) -> Callable[..., Video]:
    """A public video with an evidence picture at each second: with_frames("a.mp4", seconds=9)."""

    def make(name: str, seconds: int, **fields: Any) -> Video:
        rng = np.random.default_rng(seconds)
        video = video_row(name, state=State.READY, visibility=Visibility.PUBLIC, **fields)
        pack = b""
        for second in range(seconds):
            small = rng.integers(0, 256, (9, 16, 3), dtype=np.uint8)
            encoded = jpeg(np.asarray(cv2.resize(small, (320, 180)), np.uint8))
            FrameInfo.objects.create(
                video=video,
                extraction_version=1,
                frame_number=25 * second,
                timestamp=float(second),
                is_keyframe=True,
                picture_offset=len(pack),
                picture_size=len(encoded),
            )
            pack += encoded
        video.pictures_key = storage.pictures_key(video.id)
        video.save()
        storage.put_bytes(video.pictures_key, pack)
        return video

    return make


@pytest.fixture
def segment(with_frames: Callable[..., Video], alice: User) -> Segment:
    """Alice's video is seconds 3 to 9 of another, mirrored and cropped; both are public."""
    size = {"width": 640, "height": 360}
    link = DuplicateLink.objects.create(
        query=with_frames("copy.mp4", 6, owner=alice, **size),
        reference=with_frames("film.mp4", 12, **size),
        version="2",
        score=0.99,
        matched_frames=20,
        covered_query=1.0,
        covered_reference=0.5,
    )
    return Segment.objects.create(
        link=link,
        q_start=0.0,
        q_end=6.0,
        r_start=3.0,
        r_end=9.0,
        mirrored=True,
        matched_frames=20,
        similarity=0.95,
        transform=[-0.8, 0.0, 0.9, 0.0, 0.8, 0.1],
        motion=0.9,
        pairs=[[1.0, 4.0, 0.95]],
        points=[
            [2.0, 5.0, [[0.5, 0.5, 0.5, 0.5], [0.25, 0.25, 0.7, 0.3], [0.75, 1.0, 0.3, 0.9]]],
            [4.0, 7.0, [[0.5, 0.25, 0.5, 0.3]]],
        ],
    )


def plain_url(segment: Segment, query: str = "") -> str:
    return f"/api/v1/links/{segment.link_id}/segments/{segment.pk}/evidence.jpg{query}"


def decoded(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture)


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def test_a_copy_keeps_how_it_was_made_and_where_it_agrees(
    take_in: TakeIn, film: Path, doctored: Callable[..., Path]
) -> None:
    words = ("-ss", "3", "-t", "6", "-vf", "crop=iw*0.8:ih*0.8,hflip")
    take_in(film, visibility=Visibility.PUBLIC)
    take_in(doctored("cropped-and-mirrored.mp4", *words), visibility=Visibility.PUBLIC)

    segment = Segment.objects.order_by("-matched_frames")[0]

    told = transform_of(segment)
    assert told is not None
    assert (told.mirrored, segment.mirrored, segment.inverted) == (True, True, False)
    assert told.rotation == pytest.approx(0, abs=1)
    assert told.shown == pytest.approx(0.64, abs=0.04)
    assert told.inset is None
    assert segment.motion is not None
    assert segment.motion > 0.4
    (query_time, reference_time, points), *_ = segment.points
    assert reference_time - query_time == pytest.approx(3, abs=0.6)
    assert len(points) >= 4
    matrix = matrix_of(segment)
    assert matrix is not None
    q, r = np.array(points)[:, :2], np.array(points)[:, 2:]
    assert np.median(np.abs(q @ matrix[:, :2].T + matrix[:, 2] - r)) < 0.02
    decoded(Client().get(plain_url(segment)))


def test_either_side_is_told_it_the_other_way_round(segment: Segment) -> None:
    copy, film = segment.link.query, segment.link.reference

    (ours,) = video_with_duplicates(copy, NOBODY)["duplicates"]
    (theirs,) = video_with_duplicates(film, NOBODY)["duplicates"]

    (here,), (there,) = ours["segments"], theirs["segments"]
    assert here["transform"] == {
        "matrix": [-0.8, 0.0, 0.9, 0.0, 0.8, 0.1],
        "rotation": 0.0,
        "stretch": 1.0,
        "box": None,
        "other_box": [0.1, 0.1, 0.8, 0.8],
        "share": 1.0,
        "other_share": 0.64,
    }
    assert there["transform"] == {
        "matrix": [-1.25, 0.0, 1.125, 0.0, 1.25, -0.125],
        "rotation": 0.0,
        "stretch": 1.0,
        "box": [0.1, 0.1, 0.8, 0.8],
        "other_box": None,
        "share": 0.64,
        "other_share": 1.0,
    }
    assert here["motion"] == there["motion"] == 0.9
    first, other = here["matched_points"][0], there["matched_points"][0]
    assert (first["time"], first["other_time"]) == (2.0, 5.0)
    assert (other["time"], other["other_time"]) == (5.0, 2.0)
    assert first["points"][1] == [0.25, 0.25, 0.7, 0.3]
    assert other["points"][1] == [0.7, 0.3, 0.25, 0.25]


def test_the_picture_shows_both_frames_at_the_width_that_is_asked_for(segment: Segment) -> None:
    picture = decoded(Client().get(plain_url(segment)))
    narrow = decoded(Client().get(plain_url(segment, "?pair=0&width=360")))
    dark = decoded(Client().get(plain_url(segment, "?dark=1")))

    assert picture.shape[1] == dark.shape[1] == 1280
    assert narrow.shape[1] == 360
    # Between the frames the page's ground shows; at the very top no line crosses it.
    assert picture[0].max(axis=1).mean() > dark[0].min(axis=1).mean()
    assert (picture != dark).any()


def test_absurd_widths_are_brought_to_what_is_drawn(segment: Segment) -> None:
    assert decoded(Client().get(plain_url(segment, "?width=100000000"))).shape[1] == 1280
    assert decoded(Client().get(plain_url(segment, "?width=-5"))).shape[1] == 320


def test_the_reference_is_drawn_first_on_its_own_page(segment: Segment) -> None:
    (told,) = video_with_duplicates(segment.link.reference, NOBODY)["duplicates"]
    (one,) = told["segments"]

    turned = decoded(Client().get(one["matched_points"][1]["picture"]))

    picture = decoded(Client().get(evidence_url(segment, 1)))
    assert turned.shape == picture.shape
    # Each frame changed its side: far above the one line, nothing was drawn over it.
    above = slice(turned.shape[0] // 8, turned.shape[0] // 6)
    moved = turned[above, 100:500].astype(int) - picture[above, 756:1156]
    stayed = turned[above, 100:500].astype(int) - picture[above, 100:500]
    assert np.abs(moved).mean() < np.abs(stayed).mean() / 4


@pytest.mark.parametrize("hidden", ["query", "reference"])
def test_who_may_not_see_one_of_them_is_shown_nothing(hidden: str, segment: Segment) -> None:
    link = segment.link
    Video.objects.filter(pk=getattr(link, f"{hidden}_id")).update(visibility=Visibility.PRIVATE)
    staff = staff_user("charlie")

    answer = Client().get(plain_url(segment))

    assert answer.status_code == 404
    assert answer.json()["code"] == "NOT_FOUND"
    assert signed_in(staff).get(plain_url(segment)).status_code == 200
    # Alice owns the query.
    seen = signed_in(User.objects.get(username="alice")).get(plain_url(segment))
    assert seen.status_code == (200 if hidden == "query" else 404)


def test_points_of_a_video_one_may_not_see_are_not_told(segment: Segment) -> None:
    copy, film = segment.link.query, segment.link.reference
    Video.objects.filter(pk=film.pk).update(visibility=Visibility.PRIVATE)

    (told,) = video_with_duplicates(copy, NOBODY)["duplicates"]

    (one,) = told["segments"]
    assert one["matched_points"] == []
    assert one["transform"]["other_share"] == 0.64


def test_a_signed_address_works_for_whoever_holds_it(segment: Segment) -> None:
    Video.objects.update(visibility=Visibility.PRIVATE)

    decoded(Client().get(evidence_url(segment, 0)))

    Video.objects.update(state=State.DELETED)
    assert Client().get(evidence_url(segment, 0)).status_code == 404


def test_a_signature_for_something_else_opens_nothing(segment: Segment) -> None:
    url = evidence_url(segment, 0)
    film = segment.link.reference
    others = [signed("evidence", segment.pk + 1), signed("original", film.id.hex, 0), "nonsense"]
    token = url.partition("signed=")[2]

    for other in others:
        assert Client().get(url.replace(token, other)).status_code == 404
    assert Client().get(f"/media/{token}").status_code == 404


def test_a_signed_address_expires(
    segment: Segment, monkeypatch: pytest.MonkeyPatch, change_settings: Callable[..., None]
) -> None:
    change_settings(media_url_seconds=1)
    url = evidence_url(segment, 0)
    change_settings(media_url_seconds=3600)
    monkeypatch.setattr("videos.media_urls.time.time", lambda: 99_999_999_999.0)

    answer = Client().get(url)

    assert (answer.status_code, answer.json()["code"]) == (410, "LINK_EXPIRED")


@pytest.mark.parametrize(
    ("query", "status"),
    [("?pair=99", 404), ("?pair=-1", 404), ("?pair=first", 400), ("?width=wide", 400)],
)
def test_pairs_that_are_not_there_are_refused(query: str, status: int, segment: Segment) -> None:
    answer = Client().get(plain_url(segment, query))

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_segments_that_are_not_there_are_refused(segment: Segment) -> None:
    for link, number in ((segment.link_id, 0), (0, segment.pk), (10**30, 10**30)):
        answer = Client().get(f"/api/v1/links/{link}/segments/{number}/evidence.jpg")
        assert answer.status_code == 404


def test_frames_that_are_gone_are_a_404(segment: Segment) -> None:
    storage.remove(segment.link.query.pictures_key)
    assert Client().get(plain_url(segment)).status_code == 404

    FrameInfo.objects.filter(video=segment.link.query).delete()
    assert Client().get(plain_url(segment)).status_code == 404


def test_points_are_drawn_on_the_frames_they_were_found_in_only(segment: Segment) -> None:
    with_points = decoded(Client().get(plain_url(segment)))
    Segment.objects.update(points=[[0.4, 3.4, segment.points[0][2]]])

    without = decoded(Client().get(plain_url(segment)))

    Segment.objects.update(points=[[0.4, 3.4, []]])
    assert (without == decoded(Client().get(plain_url(segment)))).all()
    assert without.shape == with_points.shape


def test_without_points_the_most_alike_pair_is_drawn(video_row: Callable[..., Video]) -> None:
    link = DuplicateLink(pk=1, query=video_row(), reference=video_row())
    bare = Segment(link=link, pairs=[[0.0, 1.0, 0.8], [1.0, 2.0, 0.9]], points=[])

    assert witnesses(bare) == []
    bare.transform = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    (witness,) = witnesses(bare)
    assert (witness.query_time, witness.reference_time) == (1.0, 2.0)
    assert witness.points.shape == (0, 4)
