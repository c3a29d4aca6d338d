from django.urls import path, re_path

from moderation import api

app_name = "moderation"
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
]
