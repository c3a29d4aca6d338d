"""Django's own browser, with somebody signed in."""

from django.contrib.auth.models import User
from django.test import Client


def browser_of(user: User | None) -> Client:
    browser = Client()
    if user is not None:
        browser.force_login(user)
    return browser
