"""The claims on a video, on its page."""

from typing import Any

from django import template

from moderation.claim_verbs import claims_on
from moderation.reasons import words_of
from moderation.statement import OF_UPLOADER, claim_json
from videos.models import Video
from videos.requests import viewer

register = template.Library()


@register.inclusion_tag("moderation/claims.html", takes_context=True)
def claims_on_video(context: dict[str, Any], video_id: str) -> dict[str, Any]:
    """Statements of reasons with what its uploader may do, for those whose matter it is."""
    request = context["request"]
    asker = viewer(request)
    video = Video.objects.filter(pk=video_id).first()
    claims = [claim_json(claim, asker) for claim in claims_on(asker, video)] if video else []
    for claim in claims:
        claim["forms"] = [told for told in claim["choices"] if told["verb"] in OF_UPLOADER]
    return {"claims": claims, "video": video, "request": request}


@register.filter
def in_words(code: str) -> str:
    """A state or reason as words: "own_work" is "own work"."""
    return code.replace("_", " ")


@register.filter
def why(reason: str) -> str:
    """A reason as people chose it: "own_work" is "It is my own work"."""
    return words_of(reason) if reason else ""


@register.filter
def minute(moment: str) -> str:
    """2026-11-21T20:14:03… as 2026-11-21 20:14."""
    return moment[:16].replace("T", " ")
