"""What states are called on screen, for templates and scripts alike."""

from typing import Final

from django.http import HttpRequest

from videos.models import State

STATES: Final = {
    State.QUEUED: "Waiting for its turn",
    State.PROCESSING: "Analysing",
    State.READY: "Done",
    State.PARTIAL: "Done in part",
    State.DUPLICATE: "Stopped at the first duplicate",
    State.FAILED: "Failed",
    State.QUARANTINED: "Locked away",
    State.DELETED: "Deleted",
}


def context(request: HttpRequest) -> dict[str, dict[str, str]]:
    """Context processor: `state_words` for the scripts of every page."""
    return {"state_words": {state.value: words for state, words in STATES.items()}}
