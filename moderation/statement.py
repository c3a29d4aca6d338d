"""A claim as its parties are shown it; to an uploader it is the statement of reasons."""

from typing import Any, Final

from django.urls import reverse

from moderation.claim_verbs import EFFECTS, REASONS, choices, needs_words
from moderation.models import Claim, Event, Policy
from moderation.policy import strictest, union
from moderation.states import APPLIED
from videos.access.visibility import Viewer
from videos.models import Video

RESTRICTIONS: Final = {
    Policy.BLOCK: "The video is not shown to the public.",
    Policy.MONETISE: "Income from the video is claimed; it stays where it is.",
    Policy.TRACK: "Nothing. The rights holder follows how the video does.",
    Policy.REVIEW: "Nothing, until the rights holder says so.",
}
# How a party's buttons are called.
LABELS: Final = {
    "activate": "Let it take effect",
    "dispute": "Dispute",
    "release": "Release",
    "reinstate": "Reinstate",
    "appeal": "Appeal",
    "uphold": "Uphold",
    "take_down": "Send a formal notice",
    "counter": "Send a counter-notice",
    "hold": "Tell of a court action",
    "withdraw": "Withdraw",
}
# The moves of an uploader are offered below their video.
OF_UPLOADER: Final = ("dispute", "appeal", "counter")


def claim_json(claim: Claim, viewer: Viewer) -> dict[str, Any]:
    """The claim, why it is, what it does, and what the viewer may do about it now."""
    effective = claim.state in APPLIED
    stretches = union((part[0], part[1]) for part in claim.segments)
    return {
        "id": claim.pk,
        "version": claim.version,
        "state": claim.state,
        "reason": claim.reason,
        "video": str(claim.query_id),
        "reference": str(claim.reference_id),
        "holder": claim.holder.name,
        "policy": claim.policy,
        "policy_version": claim.policy_version,
        "in_effect": effective,
        "until": claim.until.isoformat() if claim.until else None,
        "opened_at": claim.opened_at.isoformat(),
        "statement": {
            "restriction": RESTRICTIONS[Policy(claim.policy)]
            if effective
            else "Nothing is restricted by this claim.",
            "territories": claim.territories,
            "where": _where(claim),
            "ground": _ground(claim),
            "facts": {
                "segments": [list(part) for part in claim.segments],
                "seconds": round(sum(end - start for start, end in stretches), 3),
                "confidence": round(claim.flag.score, 4),
            },
            "found_by": "machine",
            "decided_by": "person" if claim.decision_id else "machine",
            "decided_at": claim.decision.at.isoformat() if claim.decision else None,
            "redress": _redress(claim),
        },
        "history": [_turn_json(event) for event in _history(claim)],
        "choices": [choice(claim, name) for name in choices(viewer, claim)],
    }


def choice(claim: Claim, name: str) -> dict[str, Any]:
    """A move that may be made now, and how it is called over REST."""
    if name in OF_UPLOADER:
        told = [claim.query_id, claim.pk, name]
        address = reverse("moderation:video-claim-act", args=told)
    else:
        address = reverse("moderation:claim-act", args=[claim.pk, name.replace("_", "-")])
    effects = EFFECTS if name == "activate" and claim.policy == Policy.REVIEW else ()
    return {
        "verb": name,
        "label": LABELS[name],
        "address": address,
        "reasons": [{"value": v, "label": str(w)} for v, w in REASONS[name].choices],
        "needs_note": needs_words(claim, name),
        "policies": [str(policy) for policy in effects],
    }


def applied_policy(claims: list[Claim]) -> str:
    """The strictest policy that has its effect; "" for none."""
    return strictest(claim.policy for claim in claims if claim.state in APPLIED)


def video_name(claim: Claim) -> str:
    video = Video.objects.filter(pk=claim.query_id).first()
    return video.name if video is not None else "a video that was deleted"


def _where(claim: Claim) -> str:
    if not claim.territories:
        return "Everywhere."
    named = ", ".join(claim.territories)
    if claim.policy == Policy.BLOCK:
        return f"The claim is for {named}. We know no viewer's country, so it holds everywhere."
    return f"{named}."


def _ground(claim: Claim) -> str:
    licence = f", under the licence “{claim.licence}”" if claim.licence else ""
    return f"Rights of {claim.holder.name} in a registered video{licence}."


def _redress(claim: Claim) -> str:
    """What the uploader can do against it."""
    return {
        Claim.State.ACTIVE: "You can dispute this, with a reason.",
        Claim.State.DISPUTED: "You have disputed this. Without an answer it ends at the time told.",
        Claim.State.REINSTATED: "Your dispute was turned down. You can appeal: then somebody "
        "decides who has had nothing to do with it before.",
        Claim.State.APPEALED: "You have appealed. Without an answer it ends at the time told.",
        Claim.State.UPHELD: "Your appeal was turned down. You can still go to court, or to a body "
        "that settles disputes out of court.",
        Claim.State.TAKEDOWN: "You can answer the notice with a counter-notice.",
        Claim.State.COUNTER_NOTICED: "Unless a court action is told, it ends at the time told.",
        Claim.State.LITIGATION_HOLD: "A court decides.",
    }.get(Claim.State(claim.state), "There is nothing to be done.")


def _history(claim: Claim) -> list[Event]:
    rows = Event.objects.filter(machine=Event.Subject.CLAIM, subject_id=claim.pk)
    return list(rows.order_by("sequence"))


def _turn_json(event: Event) -> dict[str, Any]:
    """One turn; a party is named by what they are, not by name."""
    return {
        "at": event.at.isoformat(),
        "move": event.move,
        "from": event.before,
        "to": event.after,
        "by": event.actor_kind,
        "reason": event.reason,
        "note": event.note,
        "documents": event.facts.get("documents", []),
        "until": event.facts.get("until"),
    }
