"""What each button of a review will do, in a sentence: told before, not after."""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings

from moderation.claims import would_end, would_open
from moderation.facts import routing, trusted
from moderation.models import Flag, Lease, RightsHolder
from moderation.policy import needs_second
from moderation.reasons import Confirmed, Dismissed, Reopened, Returned
from moderation.roles import Actor, permit
from videos.errors import Refusal

# How the verbs are called over REST, by the move of the table that they make.
_VERBS: Final = {
    "leased": {"dismiss": "dismiss", "confirm": "propose", "escalate": "escalate"},
    "second_review": {"agree": "agree", "disagree": "disagree"},
    "escalated": {
        "answer-dismiss": "dismiss",
        "answer-confirm": "confirm",
        "send-back": "send_back",
    },
    "dismissed": {"undo": "undo", "reopen": "reopen"},
    "confirmed": {"undo": "undo", "reopen": "reopen"},
    "suppressed": {"reopen": "reopen"},
}
_REASONS: Final = {
    "dismiss": Dismissed,
    "confirm": Confirmed,
    "agree": Confirmed,
    "disagree": Returned,
    "answer-dismiss": Dismissed,
    "answer-confirm": Confirmed,
    "send-back": Returned,
    "reopen": Reopened,
}
# What follows for a rights holder, by the policy of theirs that applies.
_OF_POLICY: Final = {
    "block": "Blocks the video for the public, at once, for {}, and tells the uploader.",
    "monetise": "Claims the video's income for {} and tells the uploader.",
    "review": "Leaves it to {} whether anything follows.",
    "track": "Lets {} follow the video, and tells the uploader.",
}
_EVERYWHERE: Final = "The block is for some countries, but holds in all: no viewer's is known."
_WHY_TWO: Final = {
    "blocking": "because blocking needs two people",
    "trusted_uploader": "because this uploader was never found to copy",
}


def choices(flag: Flag, actor: Actor, lease: Lease | None) -> list[dict[str, Any]]:
    """What the actor may do with the flag now: verb, reasons to choose from and what follows."""
    last = flag.decisions.order_by("-pk").first()
    author = last.moderator_id if last else None
    told = []
    for verb, move in _VERBS.get(flag.state, {}).items():
        try:
            permit(actor, flag, move, lease=lease, author=author)
        except Refusal:
            continue
        reasons = _REASONS.get(verb)
        told.append(
            {
                "verb": verb,
                "does": _does(verb, flag),
                "reasons": [
                    {"value": value, "label": str(label).capitalize()}
                    for value, label in (reasons.choices if reasons else [])
                ],
                "needs_note": verb == "escalate",
            }
        )
    return told


def _follows(flag: Flag, chosen: Sequence[Sequence[float]] | None = None) -> str:
    """What a confirmation of all of the match leads to, or of the `chosen` segments."""
    rights = would_open(flag, chosen)
    if not rights:
        return "Records that this is a copy. No policy applies, so nothing follows."
    names = RightsHolder.objects.in_bulk([right.holder_pk for right in rights])
    told = [_OF_POLICY[right.policy].format(names[right.holder_pk]) for right in rights]
    if any(right.policy == "block" and right.territories for right in rights):
        told.append(_EVERYWHERE)
    return " ".join(told)


def _ends(verb: str, flag: Flag) -> str:
    """What a dismissal does to claims that stand, as a sentence to add; "" without any."""
    count = would_end(flag) if verb.endswith("dismiss") else 0
    if not count:
        return ""
    which = "The claim that stands ends" if count == 1 else f"The {count} claims that stand end"
    return f" {which}, and the uploader is told."


def _does(verb: str, flag: Flag) -> str:
    if verb == "confirm":
        known = trusted(flag.query_id)
        why = needs_second(routing(), flag.policy, bulk=False, trusted=known, draw=1.0)
        if why is not None:
            return f"Asks another moderator to agree, {_WHY_TWO[why]}. Then: {_follows(flag)}"
    if verb == "agree":
        proposal = flag.decisions.order_by("-pk").first()
        return _follows(flag, proposal.segments if proposal is not None else None)
    if verb in ("confirm", "answer-confirm"):
        return _follows(flag)
    ends = _ends(verb, flag)
    return {
        "dismiss": f"Closes the flag. Remembered, the pair is not flagged again.{ends}",
        "escalate": "Leaves it to a lead, with your note.",
        "disagree": "Gives it back to the queue.",
        "answer-dismiss": f"Closes the flag.{ends}",
        "send-back": "Gives it back to the queue.",
        "undo": f"Takes your decision back, within {settings.TVIDZ.undo_seconds} seconds of it.",
        "reopen": "Puts it back into the queue and takes back what followed.",
    }[verb]
