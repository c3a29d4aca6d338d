"""Why: the reasons that people choose from, and those that the system names by itself."""

from typing import Final

from django.db import models


class Dismissed(models.TextChoices):
    NOT_THE_SAME = "not_the_same"
    LICENSED = "licensed"
    SAME_OWNER = "same_owner"
    PUBLIC_DOMAIN = "public_domain"
    EXCEPTION = "exception", "Exception (quotation, parody, fair use)"
    TRIVIAL_OVERLAP = "trivial_overlap"
    BAD_REFERENCE = "bad_reference"


class Confirmed(models.TextChoices):
    FULL_COPY = "full_copy"
    PARTIAL_COPY = "partial_copy"
    MODIFIED_COPY = "modified_copy"


class Returned(models.TextChoices):
    """Why a second reviewer or a lead gives a flag back to the queue."""

    NOT_CONVINCED = "not_convinced"
    WRONG_SEGMENTS = "wrong_segments"
    LOOK_AGAIN = "look_again"


class Reopened(models.TextChoices):
    """Why a lead opens a decided flag again."""

    MISTAKE = "mistake"
    NEW_FACTS = "new_facts"
    COMPLAINT = "complaint"


class BySystem(models.TextChoices):
    RULE = "rule", "An allow rule applies."
    LESS_SURE = "less_sure", "A later analysis was less sure than the threshold."
    NOT_FOUND_AGAIN = "not_found_again", "A later analysis does not find the match."
    SURE_AGAIN = "sure_again", "A later analysis is sure."
    NEW_SEGMENTS = "new_segments", "Seconds match that nobody has judged."
    RULE_GONE = "rule_gone", "The allow rule applies no longer."
    VIDEO_DELETED = "video_deleted", "One of the videos was deleted."
    NEWER_ENGINE = "newer_engine", "A newer engine's flag stands for the pair."
    SEGMENT_EXCLUDED = "segment_excluded", "What matches was excluded from matching."


_WORDS: Final = {
    value: str(label)
    for reasons in (Dismissed, Confirmed, Returned, Reopened, BySystem)
    for value, label in reasons.choices
}


def words_of(reason: str) -> str:
    """A reason as people read it; "–" for none."""
    return _WORDS.get(reason, reason.replace("_", " ")).capitalize() or "–"
