"""The page of one video."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from matching.serializers import video_with_duplicates
from videos.access.visibility import owns, remember_upload, visible
from videos.errors import Refusal, deleted
from videos.requests import viewer


@ensure_csrf_cookie
@require_safe
def video(request: HttpRequest, video_id: uuid.UUID) -> HttpResponse:
    """What is known of a video; the page's script follows it live from there."""
    asker = viewer(request)
    try:
        found = visible(asker, video_id)
    except Refusal as refusal:
        if refusal.code == deleted().code:
            return render(request, "videos/deleted.html", status=refusal.status)
        raise Http404 from None
    if found.blocked_at is not None and asker.secret and owns(asker, found):
        # Pictures and players show no secret, so while it is blocked they go by the session.
        remember_upload(request.session, found.pk)
    context = {"video": video_with_duplicates(found, asker)}
    return render(request, "videos/video.html", context)
