"""Signing up, in and out, and passwords: Django's views with our pages.

Nothing here tells whether an address has an account: signing up and asking for a new password
answer in the same words either way, and a mail says the rest.
"""

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.core.signing import BadSignature, TimestampSigner
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from videos.access.accounts import unclaimed
from videos.access.forms import ResetForm, SignInForm, SignUpForm
from videos.access.mail import post
from videos.access.visibility import SESSION_KEY, own_uploads
from videos.requests import viewer

BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
SALT: Final = "videos.account"


class SignIn(views.LoginView):
    form_class = SignInForm
    template_name = "account/sign_in.html"
    next_page = "/library/"
    redirect_authenticated_user = True

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(sign_up=settings.TVIDZ.sign_up, **more)


class SignOut(views.LogoutView):
    """POST. Uploads of this browser that are in no account are still its own afterwards."""

    next_page = "/"

    def post(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        left = [str(number) for number in unclaimed(viewer(request))]
        answer = super().post(request, *arguments, **named)
        if left:
            request.session[SESSION_KEY] = left
        return answer


class ChangePassword(views.PasswordChangeView):
    template_name = "account/change_password.html"
    success_url = reverse_lazy("account:account")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "Your password was changed.")
        return super().form_valid(form)


class Reset(views.PasswordResetView):
    form_class = ResetForm
    template_name = "account/reset.html"
    email_template_name = "account/reset_mail.txt"
    success_url = reverse_lazy("account:mail-sent")

    def dispatch(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        if not settings.SENDS_MAIL:
            return render(request, "account/no_mail.html", status=403)
        return super().dispatch(request, *arguments, **named)


class ResetConfirm(views.PasswordResetConfirmView):
    template_name = "account/new_password.html"
    success_url = reverse_lazy("videos:upload")
    post_reset_login = True
    post_reset_login_backend = BACKEND

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "Your password was changed, and you are signed in.")
        return super().form_valid(form)


@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    """Asks for an address and sends it a link, or the word that it has an account already."""
    if not settings.TVIDZ.sign_up:
        return render(request, "account/no_sign_up.html", status=403)
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _invite(request, form.cleaned_data["email"])
        return HttpResponseRedirect(reverse("account:mail-sent"))
    return render(request, "account/sign_up.html", {"form": form})


def mail_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "account/mail_sent.html")


@never_cache
@sensitive_post_parameters()
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Where the mail's link leads: whoever reads that mailbox chooses a password."""
    try:
        email = _signer().unsign(token, max_age=settings.PASSWORD_RESET_TIMEOUT)
    except BadSignature:
        email = ""
    if not email or not settings.TVIDZ.sign_up or _known(email):
        return render(request, "account/new_password.html", {"validlink": False})
    user = User(username=email, email=email)
    form = SetPasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                form.save()
        except IntegrityError:
            return render(request, "account/new_password.html", {"validlink": False})
        login(request, user, BACKEND)
        messages.success(request, "Welcome. You are signed in.")
        return HttpResponseRedirect("/library/")
    context = {"validlink": True, "form": form, "email": email}
    return render(request, "account/new_password.html", context)


@login_required
def account(request: HttpRequest) -> HttpResponse:
    context = {"uploads": own_uploads(viewer(request)).count()}
    return render(request, "account/account.html", context)


def _invite(request: HttpRequest, email: str) -> None:
    site = request.build_absolute_uri("/")[:-1]
    known = _known(email)
    link = reverse(
        "account:reset" if known else "account:confirm", args=[] if known else [_token(email)]
    )
    text = render_to_string("account/sign_up_mail.txt", {"known": known, "link": site + link})
    post(email, "Your account with tvidz", text)


def _known(email: str) -> bool:
    return User.objects.filter(Q(username=email) | Q(email__iexact=email)).exists()


def _token(email: str) -> str:
    return _signer().sign(email)


def _signer() -> TimestampSigner:
    return TimestampSigner(salt=SALT)
