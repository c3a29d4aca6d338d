"""Eight moderators at one queue: nobody decides twice, nothing anybody wrote is lost."""

from collections.abc import Callable

import pytest

from moderation.models import Event, Flag, Lease
from tvidz.benchmarks.crowd import crowd, faults, moderators, open_flags


@pytest.mark.django_db(transaction=True)
def test_eight_people_and_two_hundred_flags(change_settings: Callable[..., None]) -> None:
    change_settings(trusted_uploads=0)
    people = moderators(8)
    open_flags(200)

    told = crowd(people, patience=150)

    assert faults(told) == []
    assert told.done["decided"] - told.done["undone"] == 200
    assert told.done["left until the time was over"] > 5
    assert told.done["HELD"] > 0, "nobody ever met anybody"
    assert set(Flag.objects.values_list("state", flat=True)) == {"confirmed", "dismissed"}
    assert not Lease.objects.exists()
    assert Event.objects.filter(move="expire").exists()
