"""Refusals of moderation: who is in the way, until when, and what to do."""

from dataclasses import dataclass
from datetime import datetime

from videos.errors import Refusal


@dataclass
class Held(Refusal):
    """Somebody else has the flag: `holder` until `expires_at`."""

    holder: str = ""
    expires_at: datetime | None = None


def held(holder: str, expires_at: datetime) -> Held:
    return Held(
        "HELD",
        f"{holder} is looking at this one until {expires_at:%H:%M:%S} UTC. Take another one.",
        409,
        retryable=True,
        holder=holder,
        expires_at=expires_at,
    )


def lease_lost() -> Refusal:
    return Refusal(
        "LEASE_LOST",
        "You no longer have this flag. What you wrote is kept: take it again to go on.",
        409,
    )


def changed(what: str = "flag") -> Refusal:
    return Refusal(
        "CHANGED",
        f"Something happened to this {what} since you looked. Look again, then decide.",
        409,
    )


def evidence_changed() -> Refusal:
    return Refusal(
        "EVIDENCE_CHANGED",
        "The match or its policy is another since you looked. Look again, then decide.",
        409,
    )


def no_evidence() -> Refusal:
    return Refusal(
        "NO_EVIDENCE", "The match is not there any more, so it cannot be confirmed.", 409
    )


def wrong_state(state: str, name: str, what: str = "flag") -> Refusal:
    words, now = name.replace("_", " "), state.replace("_", " ")
    return Refusal("WRONG_STATE", f"“{words}” cannot be done with a {what} that is {now}.", 409)


def no_such_flag() -> Refusal:
    return Refusal("NO_FLAG", "There is no such flag, or it is not in your queues.", 404)


def no_such_claim() -> Refusal:
    return Refusal("NO_CLAIM", "There is no such claim, or it is none of yours.", 404)


def no_such_rule() -> Refusal:
    return Refusal("NO_RULE", "There is no such allow rule, or it has ended.", 404)


def no_moderator() -> Refusal:
    return Refusal("NO_MODERATOR", "This is for moderators. A lead can make you one.", 403)


def no_lead() -> Refusal:
    return Refusal("NO_LEAD", "This is for leads.", 403)


def not_yours_to_move(name: str, what: str = "flag") -> Refusal:
    words = name.replace("_", " ")
    return Refusal("NOT_YOURS", f"“{words}” is not yours to do with this {what}.", 403)


def decided_before() -> Refusal:
    return Refusal(
        "DECIDED_BEFORE", "You decided about this before, so another lead has to answer.", 403
    )


def own_video() -> Refusal:
    return Refusal(
        "OWN_VIDEO", "One of the videos is yours, so somebody else has to decide this.", 403
    )


def too_late(seconds: int) -> Refusal:
    return Refusal(
        "TOO_LATE", f"A decision can be undone for {seconds} seconds. Ask a lead to reopen it.", 409
    )


def bad_reason(reason: str) -> Refusal:
    named = reason if len(reason) <= 40 else reason[:40] + "…"
    return Refusal("BAD_REASON", f"“{named}” is none of the reasons for this.", 422)


def bad_note(longest: int) -> Refusal:
    return Refusal("BAD_NOTE", f"A note is a text of up to {longest} characters.", 422)


def too_many(most: int) -> Refusal:
    return Refusal("TOO_MANY", f"Up to {most} are decided at once. Choose fewer.", 422)


def time_over() -> Refusal:
    return Refusal(
        "TIME_OVER", "The time for an answer is over, so the claim moves by itself now.", 409
    )


def bad_documents() -> Refusal:
    return Refusal("BAD_DOCUMENTS", "Name up to 20 documents, in up to 500 characters each.", 422)


def note_needed() -> Refusal:
    return Refusal("NOTE_NEEDED", "Say in a note what this is about.", 422)


def bad_segments() -> Refusal:
    return Refusal("BAD_SEGMENTS", "Choose segments of this match, one or more.", 422)


def bad_rule(why: str) -> Refusal:
    return Refusal("BAD_RULE", why, 422)


def not_allowed() -> Refusal:
    return Refusal("NOT_ALLOWED", "You may not change who has rights in what.", 403)
