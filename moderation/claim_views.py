"""What an uploader does about a claim, from their video's page and without a script."""

import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from moderation.claim_verbs import Said, act
from moderation.errors import changed, no_such_claim
from moderation.models import Claim
from moderation.reading import whole
from moderation.statement import OF_UPLOADER
from videos.errors import Refusal
from videos.requests import viewer

DONE = {
    "dispute": "Your dispute is with the rights holder and the moderators now.",
    "appeal": "Your appeal is with a lead now.",
    "counter": "Your counter-notice is with the rights holder now.",
}


@require_POST
def act_on_page(request: HttpRequest, video_id: uuid.UUID, claim_id: int) -> HttpResponse:
    """POST `verb`, `version`, `reason` and `note`; back to the page with a sentence."""
    told = request.POST
    verb, version = told.get("verb", ""), whole(told.get("version", ""))
    try:
        theirs = Claim.objects.filter(pk=claim_id, query_id=video_id).exists()
        if not theirs or verb not in OF_UPLOADER:
            raise no_such_claim()
        if version is None:
            raise changed("claim")
        said = Said(told.get("reason", ""), told.get("note", ""))
        act(viewer(request), claim_id, version, verb, said)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, DONE[verb])
    secret = request.GET.get("secret", "")
    asked = f"?{urlencode({'secret': secret})}" if secret else ""
    return HttpResponseRedirect(f"/videos/{video_id}/{asked}#claims")
