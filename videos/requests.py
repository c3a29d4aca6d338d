"""What a request tells of who asks."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from videos.access.visibility import Viewer, viewer_of
from videos.errors import no_file

SECRET_HEADER = "X-Upload-Secret"


def viewer(request: HttpRequest | Request) -> Viewer:
    """The viewer behind a Django or DRF request; the secret comes in a header or in `?secret=`."""
    plain = request._request if isinstance(request, Request) else request
    secret = plain.headers.get(SECRET_HEADER, "") or plain.GET.get("secret", "")
    return viewer_of(request.user, plain.session, secret)


def sent_file(request: HttpRequest) -> TemporaryUploadedFile:
    """The file of a form, in its field `file`; raises NO_FILE."""
    sent = request.FILES.get("file")
    if not isinstance(sent, TemporaryUploadedFile):
        raise no_file()
    return sent


def told_fields(request: Request) -> dict[str, Any]:
    """The fields of a JSON object or a form; {} for what is neither."""
    try:
        told: Any = request.data
    except (ParseError, UnicodeError):
        return {}
    return {name: told[name] for name in told} if isinstance(told, dict) else {}


class BrowserSession(SessionAuthentication):
    """Session authentication that asks every browser for the CSRF token, signed in or not.

    A request without our cookies carries nobody's authority, so a command-line client needs none.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        cookies = request._request.COOKIES
        if settings.SESSION_COOKIE_NAME in cookies or settings.CSRF_COOKIE_NAME in cookies:
            self.enforce_csrf(request)
        return super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return "Session"
