"""A browser, and who is signed in there."""

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def client() -> Client:
    """A browser of Django's own; beside this folder the name means a client of uploads."""
    return Client()


@pytest.fixture
def alice(client: Client) -> User:
    user = User.objects.create_user("alice")
    client.force_login(user)
    return user
