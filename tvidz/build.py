"""What is running: version, commit and build date, for the footer and the build endpoint."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, JsonResponse

VERSION = "0.1.0"
UNKNOWN = "unknown"


def read_build(base: Path, commit: str, date: str) -> dict[str, str]:
    """Version, commit and date (ISO 8601); a checkout tells what the environment does not."""
    if not commit and (base / ".git").exists():
        commit, _, stamp = _git(base, "log", "-1", "--format=%h %ct").partition(" ")
        if stamp and not date:
            date = datetime.fromtimestamp(int(stamp), UTC).isoformat()
    return {"version": VERSION, "commit": commit or UNKNOWN, "date": date or UNKNOWN}


def day(date: str) -> str:
    """A build date as people read it, "3 November 2026"; what is no ISO date stays as it is."""
    try:
        built = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{built.day} {built:%B %Y}"


def _shown(build: dict[str, str]) -> dict[str, str]:
    """Commit and date as the footer has them, and nothing of what is not known."""
    known = {name: value for name, value in build.items() if value != UNKNOWN}
    if "date" in known:
        known["day"] = day(known["date"])
    return known


def _git(base: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(base), *arguments], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def context(request: HttpRequest) -> dict[str, dict[str, str]]:
    """Context processor: `build` for every page's footer."""
    return {"build": _shown(settings.TVIDZ_BUILD)}


def build_info(request: HttpRequest) -> JsonResponse:
    """GET /api/v1/build: the same as JSON."""
    return JsonResponse(settings.TVIDZ_BUILD)
