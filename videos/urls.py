from django.urls import path

from videos import api, direct_api, media_urls, own_views, views

app_name = "videos"
DIRECT = "api/v1/direct-uploads/<uuid:upload_id>"
urlpatterns = [
    path("", views.upload, name="upload"),
    path("search/", views.search, name="search"),
    path("videos/", views.gallery, name="gallery"),
    path("library/delete/", own_views.delete_chosen, name="delete"),
    path("library/keep/", own_views.keep_in_account, name="keep"),
    path("library/visibility/", own_views.show_or_hide, name="visibility"),
    path("media/<str:token>", media_urls.media, name="media"),
    path("api/v1/videos/", api.UploadView.as_view(), name="api-upload"),
    path("api/v1/imports/", api.ImportsView.as_view(), name="api-imports"),
    path("api/v1/imports/<uuid:import_id>/", api.ImportView.as_view(), name="api-import"),
    path("api/v1/videos/<uuid:video_id>/retry", api.RetryView.as_view(), name="api-retry"),
    path("api/v1/direct-uploads/", direct_api.DirectUploadsView.as_view(), name="api-direct-begin"),
    path(f"{DIRECT}/", direct_api.DirectUploadView.as_view(), name="api-direct"),
    path(f"{DIRECT}/parts/", direct_api.DirectPartsView.as_view(), name="api-direct-parts"),
    path(
        f"{DIRECT}/complete/", direct_api.DirectCompleteView.as_view(), name="api-direct-complete"
    ),
]
