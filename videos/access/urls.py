from django.urls import path

from videos.access import account_views as views

app_name = "account"
urlpatterns = [
    path("", views.account, name="account"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("mail-sent/", views.mail_sent, name="mail-sent"),
    path("confirm/<str:token>/", views.confirm, name="confirm"),
    path("password/", views.ChangePassword.as_view(), name="password"),
    path("reset/", views.Reset.as_view(), name="reset"),
    path("reset/<uidb64>/<token>/", views.ResetConfirm.as_view(), name="reset-confirm"),
]
