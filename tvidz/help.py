"""The help page: how to upload, what results mean, limits as they are set, and the glossary."""

import re
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from tvidz.options import BASE_DIR
from videos.views import CONTAINERS

GLOSSARY = BASE_DIR / "docs" / "glossary.md"
# Of the little Markdown that the glossary is written in, what stands within a line.
INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*"), r"<em>\1</em>"),
    (re.compile(r"`(.+?)`"), r"<code>\1</code>"),
)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    options = settings.TVIDZ
    context = {
        "glossary": glossary(),
        "containers": CONTAINERS,
        "max_bytes": options.max_upload_mb << 20,
        "max_duration": options.max_duration,
        "quota_bytes": options.quota_mb << 20,
        "anonymous": options.anonymous_uploads,
        "sign_up": options.sign_up,
    }
    return render(request, "help.html", context)


@cache
def glossary() -> list[tuple[SafeString, SafeString]]:
    """Words and what they mean, as HTML, from docs/glossary.md; empty where the docs are not."""
    if not GLOSSARY.is_file():
        return []
    entries = []
    for paragraph in GLOSSARY.read_text(encoding="utf-8").split("\n\n"):
        word, dash, meaning = " ".join(paragraph.split()).partition(" – ")
        if dash and word.startswith("**"):
            entries.append((_inline(word.replace("**", "")), _inline(meaning)))
    return entries


def _inline(text: str) -> SafeString:
    html = str(escape(text))
    for pattern, replacement in INLINE:
        html = pattern.sub(replacement, html)
    # Escaped above; what was added is ours.
    return mark_safe(html)
