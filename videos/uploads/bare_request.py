"""An HTTP request without Django's handling around it: headers, host, and who asks."""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

OURS_WHILE_DEBUGGING = [".localhost", "127.0.0.1", "[::1]"]


@dataclass(frozen=True)
class Visitor:
    """The user who is signed in, if any, and the key of the browser's session, if it has one."""

    user: User | None
    session_key: str


class BareRequest:
    """An ASGI scope, read: `path` without a slash at its end, `method` as X-HTTP-Method-Override
    has it, a header that came in several lines as one with commas (RFC 9110, 5.3)."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            between = "; " if name == "cookie" else ","
            known = self.headers.get(name)
            self.headers[name] = value if known is None else f"{known}{between}{value}"
        self.method = self.header("x-http-method-override").upper() or str(scope["method"])
        self.path = str(scope["path"]).rstrip("/")
        self._scheme = str(scope.get("scheme", "http"))

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip()

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def has_body(self) -> bool:
        some = self.header("content-length").strip("0") != ""
        return some or "transfer-encoding" in self.headers

    @property
    def origin(self) -> str:
        """Scheme and host under which the client reached us."""
        https = settings.TVIDZ.proxy_sets_https and self.header("x-forwarded-proto") == "https"
        return f"{'https' if https else self._scheme}://{self.header('host')}"

    def host_is_ours(self) -> bool:
        allowed = settings.ALLOWED_HOSTS or (OURS_WHILE_DEBUGGING if settings.DEBUG else [])
        domain, _ = split_domain_port(self.header("host"))
        return bool(domain) and validate_host(domain, allowed)


def visitor(request: BareRequest) -> Visitor:
    """Who asks, by the session cookie, as Django's own middleware would find out."""
    try:
        cookies = SimpleCookie(request.header("cookie"))
    except CookieError:
        return Visitor(None, "")
    held = cookies.get(settings.SESSION_COOKIE_NAME)
    if held is None:
        return Visitor(None, "")
    plain = HttpRequest()
    plain.session = import_module(settings.SESSION_ENGINE).SessionStore(held.value)
    user = get_user(plain)
    return Visitor(user if isinstance(user, User) else None, plain.session.session_key or "")
