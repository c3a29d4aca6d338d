from django.urls import path, re_path

from moderation import api, claim_api, claim_views

app_name = "moderation"
VIDEO = "api/v1/videos/<uuid:video_id>"
FLAG = "api/v1/moderation/flags/<int:flag_id>"
urlpatterns = [
    path("api/v1/moderation/counts/", api.CountsView.as_view(), name="counts"),
    path("api/v1/moderation/flags/", api.QueueView.as_view(), name="queue"),
    path("api/v1/moderation/flags/next/", api.NextView.as_view(), name="next"),
    path("api/v1/moderation/preferences/", api.PreferencesView.as_view(), name="preferences"),
    path("api/v1/moderation/bulk/", api.BulkView.as_view(), name="bulk"),
    path(f"{FLAG}/", api.FlagView.as_view(), name="flag"),
    path(f"{FLAG}/history/", api.HistoryView.as_view(), name="history"),
    path(f"{FLAG}/take/", api.TakeView.as_view(), name="take"),
    path(f"{FLAG}/renew/", api.RenewView.as_view(), name="renew"),
    path(f"{FLAG}/release/", api.ReleaseView.as_view(), name="release"),
    path(f"{FLAG}/hand-over/", api.HandOverView.as_view(), name="hand-over"),
    path(f"{FLAG}/draft/", api.DraftView.as_view(), name="draft"),
    path(f"{FLAG}/undo/", api.UndoView.as_view(), name="undo"),
    path(f"{FLAG}/reopen/", api.ReopenView.as_view(), name="reopen"),
    re_path(
        rf"^api/v1/moderation/flags/(?P<flag_id>\d{{1,18}})/(?P<verb>{'|'.join(api.VERBS)})/$",
        api.VerdictView.as_view(),
        name="verdict",
    ),
    path(f"{VIDEO}/claims/", claim_api.VideoClaimsView.as_view(), name="video-claims"),
    path(
        f"{VIDEO}/claims/<int:claim_id>/<str:verb>/",
        claim_api.VideoClaimActView.as_view(),
        name="video-claim-act",
    ),
    path("api/v1/claims/", claim_api.ClaimsView.as_view(), name="claims"),
    path("api/v1/claims/<int:claim_id>/", claim_api.ClaimView.as_view(), name="claim"),
    re_path(
        rf"^api/v1/claims/(?P<claim_id>\d{{1,18}})/(?P<verb>{'|'.join(claim_api.VERBS)})/$",
        claim_api.ClaimActView.as_view(),
        name="claim-act",
    ),
    path(
        "videos/<uuid:video_id>/claims/<int:claim_id>/",
        claim_views.act_on_page,
        name="claim-on-page",
    ),
]
