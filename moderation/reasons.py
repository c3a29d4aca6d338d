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


class Activated(models.TextChoices):
    """Why a claimant or a moderator lets a potential claim take effect."""

    IS_A_COPY = "is_a_copy", "It is a copy, and no licence is known"


class Disputed(models.TextChoices):
    """Why an uploader says that a claim is wrong; an appeal names the same."""

    OWN_WORK = "own_work", "It is my own work"
    LICENSED = "licensed", "I have a licence for it"
    PUBLIC_DOMAIN = "public_domain", "It is in the public domain"
    EXCEPTION = "exception", "It is a quotation, a parody or another exception"
    NOT_THE_SAME = "not_the_same", "It is not the same"


class Released(models.TextChoices):
    """Why a claim ends in favour of the uploader."""

    DISPUTE_RIGHT = "dispute_right", "The dispute is right"
    LICENSED = "licensed", "There is a licence"
    EXCEPTION = "exception", "An exception applies"
    NOT_PURSUED = "not_pursued", "It is not pursued"


class Kept(models.TextChoices):
    """Why a claim holds against a dispute or an appeal."""

    NOT_SHOWN = "not_shown", "What the uploader says is not shown"
    NO_EXCEPTION = "no_exception", "No exception applies"
    NO_LICENCE = "no_licence", "The licence does not cover it"


class Noticed(models.TextChoices):
    """What notices and counter-notices stand on."""

    FORMAL_NOTICE = "formal_notice"


class CourtAction(models.TextChoices):
    COURT_ACTION = "court_action"


class Withdrawn(models.TextChoices):
    """Why a claimant takes a claim back."""

    MISTAKE = "mistake"
    LICENSED = "licensed"
    SETTLED = "settled"


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
    POLICY = "policy", "The policy of the rights holder says so."
    POLICY_CHANGED = "policy_changed", "Another policy holds by now."
    NO_CLAIM_LEFT = "no_claim_left", "Rights, rules or the match no longer give a claim."
    DISMISSED = "dismissed", "The match was dismissed."
    DECISION_UNDONE = "decision_undone", "The decision it came of was taken back."
    RIGHTS_WITHDRAWN = "rights_withdrawn", "The rights are no longer registered."
    TIME_OVER = "time_over", "The time for an answer is over."


_OF_CLAIMS: Final = (Activated, Disputed, Released, Kept, Noticed, CourtAction, Withdrawn)
_OF_FLAGS: Final = (Dismissed, Confirmed, Returned, Reopened, BySystem)
# Where both have a value, the flag's words suit both.
_WORDS: Final = {
    value: str(label) for reasons in (*_OF_CLAIMS, *_OF_FLAGS) for value, label in reasons.choices
}


def words_of(reason: str) -> str:
    """A reason as people read it; "–" for none."""
    return _WORDS.get(reason, reason.replace("_", " ")).capitalize() or "–"
