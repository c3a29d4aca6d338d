"""The page of one's own uploads."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from matching.library import duplicates_of, library_page, uploads, wanted
from videos.access.accounts import unclaimed
from videos.access.visibility import own_uploads
from videos.media_urls import thumbnail_url
from videos.requests import viewer


@ensure_csrf_cookie
@require_safe
def library(request: HttpRequest) -> HttpResponse:
    """Filters and cursor stand in the address, so a page can be kept and gone back to."""
    asker, asked = viewer(request), wanted(request.GET)
    found = library_page(asker, asked, request.GET.get("after", ""), request.GET.get("before", ""))
    counts = duplicates_of(video.pk for video in found.rows)
    told = {name: value for name, value in vars(asked).items() if value}
    context = {
        "asked": asked,
        "cards": [
            {"video": video, "thumbnail": thumbnail_url(video), "duplicates": counts[video.pk]}
            for video in found.rows
        ],
        "count": uploads(asker, asked).count(),
        "has_any": bool(found.rows) or own_uploads(asker).exists(),
        "next": urlencode({**told, "after": found.after}) if found.after else "",
        "previous": urlencode({**told, "before": found.before}) if found.before else "",
        "views": [(view, urlencode({**told, "view": view})) for view in ("table", "grid")],
        "unclaimed": len(unclaimed(asker)),
    }
    return render(request, "videos/library.html", context)
