"""Figures as the pages say them."""

import pytest

from videos.templatetags.words import spoken_length


@pytest.mark.parametrize(
    "seconds, words",
    [
        (14_400, "4 hours"),
        (5_400, "1 hour 30 minutes"),
        (90, "1 minute 30 seconds"),
        (1, "1 second"),
        (0.2, "0 seconds"),
    ],
)
def test_a_length_in_words(seconds: float, words: str) -> None:
    assert spoken_length(seconds) == words
