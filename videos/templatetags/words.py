"""Words and figures in templates."""

from django import template

from videos.models import State
from videos.words import STATES

register = template.Library()


@register.filter
def state_words(state: str) -> str:
    """What a state is called on screen."""
    return STATES.get(State(state), state) if state in State.values else state


@register.filter
def clock(seconds: float | None) -> str:
    """A length as 1:02 or 1:02:03."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def spoken_length(seconds: float) -> str:
    """A length in words: "4 hours", "1 minute 30 seconds"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    words = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(words) or "0 seconds"
