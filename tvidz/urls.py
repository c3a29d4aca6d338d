"""Assembly of the addresses of all apps."""

from django.contrib import admin
from django.urls import include, path, re_path

from tvidz.build import build_info
from tvidz.health import healthz
from tvidz.help import help_page
from tvidz.live import events
from tvidz.search_api import SearchResultView, SearchView
from videos.problems import api_not_found

urlpatterns = [
    path("", include("videos.urls")),
    path("", include("matching.urls")),
    path("", include("moderation.urls")),
    path("help/", help_page, name="help"),
    path("account/", include("videos.access.urls")),
    path("api/v1/videos/<uuid:video_id>/events", events, name="events"),
    path("api/v1/search/", SearchView.as_view(), name="search-with-file"),
    path("api/v1/searches/<uuid:search_id>/", SearchResultView.as_view(), name="search-result"),
    path("api/v1/build", build_info, name="build"),
    path("healthz", healthz, name="healthz"),
    re_path(r"^api/(?P<path>.*)$", api_not_found),
    path("admin/", admin.site.urls),
]
