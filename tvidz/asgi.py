"""Assembly of HTTP and websocket into the one ASGI application."""

import os

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

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(django_application),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(
                URLRouter([path("ws/videos/<uuid:video_id>/", VideoConsumer.as_asgi())])
            )
        ),
    }
)
