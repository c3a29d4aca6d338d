from django.urls import path, re_path

from matching import api, library_views, views

app_name = "matching"
urlpatterns = [
    path("library/", library_views.library, name="library"),
    path("videos/<uuid:video_id>/", views.video, name="video"),
    path("api/v1/videos/<uuid:video_id>/", api.VideoView.as_view(), name="api-video"),
    re_path(
        r"^api/v1/videos/(?P<video_id>[0-9a-f-]{36})/matches\.(?P<as_what>csv|json)$",
        api.MatchesView.as_view(),
        name="api-matches",
    ),
    path(
        "api/v1/links/<int:link_id>/segments/<int:segment_id>/evidence.jpg",
        api.EvidenceView.as_view(),
        name="api-evidence",
    ),
]
