"""Assembly of HTTP and websocket into the one ASGI application."""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvidz.settings")
# Sets Django up; what follows needs the models.
django_application = get_asgi_application()

from tvidz.body_limit import BodyLimit  # noqa: E402
from tvidz.live import VideoConsumer  # noqa: E402
from videos.uploads.tus import PREFIX, Tus  # noqa: E402

tus, site = Tus(), BodyLimit(django_application)


async def http(scope: Any, receive: Any, send: Any) -> None:
    """Resumable uploads by themselves: Django would hold their bytes until the last has come."""
    resumable = scope["path"] == PREFIX or scope["path"].startswith(f"{PREFIX}/")
    await (tus if resumable else site)(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(
                URLRouter([path("ws/videos/<uuid:video_id>/", VideoConsumer.as_asgi())])
            )
        ),
    }
)
