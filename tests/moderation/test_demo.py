"""What `make demo` leaves of moderation: rights, people, a queue half worked."""

from collections import Counter
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import Decision, Flag, Reference
from tests.moderation.conftest import MakeFlag
from tvidz.demo_desk import make_people, register_films, work_a_little
from videos.models import Video

pytestmark = pytest.mark.django_db

MakeVideo = Callable[..., Video]


def test_films_have_rights_flags_are_in_several_states_and_some_wait(
    a_flag: MakeFlag, video_row: MakeVideo
) -> None:
    films = [video_row(name) for name in ("seahorse-valley.mp4", "cells-at-dawn.mp4")]
    register_films(films)
    for film in (*films, None, None, None):
        a_flag(reference=film)

    for _ in range(2):
        register_films(films)
        work_a_little()

    rights = [(row.holder.name, row.effective_policy) for row in Reference.objects.order_by("pk")]
    assert rights == [("Seaside Films", "block"), ("Dawn Pictures", "review")]
    states = Counter(Flag.objects.values_list("state", flat=True))
    assert states == {"open": 2, "second_review": 1, "escalated": 1, "dismissed": 1}
    assert Decision.objects.count() == 2


def test_a_moderator_and_a_lead_are_told_their_passwords_once(db: None) -> None:
    told: list[str] = []
    make_people(told.append)
    make_people(told.append)

    assert len(told) == 2
    for line in told:
        name, _, password, *_ = line.split()
        browser = Client()
        assert browser.login(username=name, password=password)
        assert "Review the queue" in browser.get("/admin/").content.decode()
    assert not User.objects.filter(is_superuser=True).exists()
