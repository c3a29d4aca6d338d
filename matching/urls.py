from django.urls import path

from matching import api, views

app_name = "matching"
urlpatterns = [
    path("videos/<uuid:video_id>/", views.video, name="video"),
    path("api/v1/videos/<uuid:video_id>/", api.VideoView.as_view(), name="api-video"),
    path(
        "api/v1/links/<int:link_id>/segments/<int:segment_id>/evidence.jpg",
        api.EvidenceView.as_view(),
        name="api-evidence",
    ),
]
