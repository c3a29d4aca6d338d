"""The upload page, the search page, and the gallery of public videos."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from videos.access.visibility import may_search, recent_uploads
from videos.api import take
from videos.errors import Refusal, from_media
from videos.gallery import asked_text, gallery_page
from videos.media.errors import MediaError
from videos.media_urls import thumbnail_url
from videos.models import Upload
from videos.problems import problem_body
from videos.requests import viewer
from videos.serializers import import_json, video_json, video_page
from videos.uploads import url_import

RECENT = 20
ACCEPT = "video/*,.mkv,.ts,.flv,image/jpeg,image/png,image/webp"
CONTAINERS = "MP4, MOV, WebM, MKV, AVI, TS, FLV, MPEG or Ogg; JPEG, PNG or WebP"


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The front page; a POST is the form of browsers without JavaScript."""
    if request.method == "POST":
        try:
            accepted = take(request, Upload.Entrance.SITE)
        except MediaError as error:
            return _page(request, from_media(error))
        except Refusal as refusal:
            return _page(request, refusal)
        return HttpResponseRedirect(video_page(accepted.video))
    return _page(request)


@ensure_csrf_cookie
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The search page; its script asks the API."""
    context = {
        "limits": _limits(),
        "allowed": may_search(request.user),
        "sign_in": resolve_url(settings.LOGIN_URL),
    }
    return render(request, "videos/search.html", context)


def _limits() -> dict[str, Any]:
    """What the pages tell of what may come in."""
    options = settings.TVIDZ
    return {
        "max_upload_bytes": options.max_upload_mb << 20,
        "max_duration": options.max_duration,
        "containers": CONTAINERS,
        "accept": ACCEPT,
    }


def _page(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    options = settings.TVIDZ
    if request.session.session_key is None:
        # What is sent from here without an account belongs to the browser's session.
        request.session.create()
    asker = viewer(request)
    recent = [video_json(video, asker) for video in recent_uploads(asker, RECENT)]
    user = request.user if options.url_import and isinstance(request.user, User) else None
    context = {
        "may_import": user is not None,
        "imports_json": _imports(user) if user else [],
        "limits": _limits(),
        "direct": reverse("videos:api-direct-begin") if options.s3_uploads else "",
        "recent_json": recent,
        "error": problem_body(refusal) if refusal else None,
    }
    return render(request, "videos/upload.html", context, status=refusal.status if refusal else 200)


def _imports(owner: User) -> list[dict[str, Any]]:
    """The owner's imports that are no video yet, newest first."""
    rows = [import_json(row) for row in url_import.open_imports(owner)[:RECENT]]
    return [row for row in rows if row["video"] is None]


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """The public videos; what is looked for stands in the address."""
    text = asked_text(request.GET.get("text", ""))
    found = gallery_page(text, request.GET.get("after", ""), request.GET.get("before", ""))
    told = {"text": text} if text else {}
    context = {
        "text": text,
        "cards": [{"video": video, "thumbnail": thumbnail_url(video)} for video in found.rows],
        "next": urlencode({**told, "after": found.after}) if found.after else "",
        "previous": urlencode({**told, "before": found.before}) if found.before else "",
    }
    return render(request, "videos/gallery.html", context)
