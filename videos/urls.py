from django.urls import path

from videos import api, media_urls, views

app_name = "videos"
urlpatterns = [
    path("", views.upload, name="upload"),
    path("media/<str:token>", media_urls.media, name="media"),
    path("api/v1/videos/", api.UploadView.as_view(), name="api-upload"),
    path("api/v1/videos/<uuid:video_id>/retry", api.RetryView.as_view(), name="api-retry"),
]
