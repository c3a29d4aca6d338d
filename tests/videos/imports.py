"""Somebody has a file fetched from an address: what is asked, and how it ends."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from videos.models import UrlImport
from videos.uploads.url_import import begin, fetch

IMPORTS = "/api/v1/imports/"


def ask(browser: Client, url: object) -> Any:
    return browser.post(IMPORTS, json.dumps({"url": url}), content_type="application/json")


def change(row: UrlImport, **fields: Any) -> None:
    UrlImport.objects.filter(pk=row.pk).update(**fields)


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def ended(url: str, owner: User) -> UrlImport:
    """The import of an address when a worker is done with it."""
    row = begin(url, owner)
    fetch(str(row.pk))
    row.refresh_from_db()
    assert not left_over()
    return row


def left_over() -> list[Path]:
    return [path for path in (settings.TVIDZ.var / "work").rglob("*") if path.is_file()]
