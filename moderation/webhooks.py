"""Where a rights holder's webhooks go, and the secret that signs them."""

import secrets
from typing import Final

from django.core.exceptions import ValidationError

from videos.outgoing import AddressRefused, read_url

PREFIX: Final = "whsec_"


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def check_address(url: str) -> None:
    """Raises ValidationError for what no webhook is ever sent to.

    Whether the name leads to a private address is asked each time that something is sent.
    """
    try:
        read_url(url)
    except AddressRefused as error:
        raise ValidationError(f"Nothing can be sent to this address: {error}.") from None
