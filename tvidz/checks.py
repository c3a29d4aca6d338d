"""System checks: what this installation stands on, each with an id and a hint."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError

from matching import reindexing
from matching.calibration import shipped_calibration
from matching.engine.calibration import CalibrationError
from matching.engine.evidence import SIGNS
from matching.engine.onnx import ModelUnusable
from matching.engine.version import ENGINE_VERSION
from matching.models import WORDS
from matching.own_descriptor import own_descriptor
from matching.words import vocabulary
from videos.media.errors import MediaError
from videos.media.ffmpeg import find_ffmpeg
from videos.media.sandbox import capabilities
from videos.uploads import clamd


@register("tvidz")
def ffmpeg_found(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Which ffmpeg reads the videos."""
    try:
        found = find_ffmpeg(settings.TVIDZ.ffmpeg or None)
    except MediaError as error:
        return [
            Error(
                error.message,
                hint="Install ffmpeg 5.1 or newer, or set TVIDZ_FFMPEG to its path.",
                id="tvidz.E001",
            )
        ]
    return [Info(f"ffmpeg {found.version} ({found.origin}): {found.path}", id="tvidz.I001")]


@register("tvidz")
def sandbox_whole(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether the kernel offers every lock of the sandbox."""
    report = capabilities()
    if report.whole:
        return []
    return [
        Warning(
            f"Videos are read with fewer locks than intended: {report}.",
            hint="Linux 5.13 or newer has Landlock and seccomp; see docs/security.md.",
            id="tvidz.W001",
        )
    ]


@register("tvidz")
def scanner_answers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether the virus scanner that uploads wait for is there, where one is configured."""
    address = settings.TVIDZ.clamd
    if not address:
        return []
    try:
        clamd.ping(address)
    except clamd.NoVerdict as error:
        return [
            Warning(
                f"No upload is accepted: {error}.",
                hint="Start clamd, or correct or empty TVIDZ_CLAMD; see docs/security.md.",
                id="tvidz.W003",
            )
        ]
    return []


@register("tvidz")
def own_descriptor_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether the model of a descriptor of one's own makes vectors of pictures."""
    try:
        own = own_descriptor()
    except ModelUnusable as error:
        return [
            Error(
                f"TVIDZ_ONNX_MODEL gives no descriptor: {error}",
                hint="See `A descriptor of your own` in docs/matching.md, or leave it empty.",
                id="tvidz.E002",
            )
        ]
    if own is None:
        return []
    told = f"{own.dimension} numbers, {own.distance}"
    return [Info(f"Own descriptor {own.name}, version {own.version}: {told}", id="tvidz.I002")]


@register("tvidz")
def shipped_data_fits(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether the vocabulary and the calibration of this package go with its engine."""
    problems = []
    try:
        held = vocabulary()
        if held.size > WORDS:
            problems.append(f"The vocabulary makes {held.size} words; the index holds {WORDS}.")
    except (OSError, RuntimeError, ValueError) as error:
        problems.append(f"The vocabulary does not fit engine {ENGINE_VERSION}: {error}")
    try:
        made = shipped_calibration()
        if unlike := sorted(set(made.names) ^ set(SIGNS)):
            problems.append(f"The calibration was made for other features: {', '.join(unlike)}.")
    except CalibrationError as error:
        problems.append(f"The calibration does not fit engine {ENGINE_VERSION}: {error}")
    return [
        Error(
            problem,
            hint="They come with the code: install the whole of it again. Who changes the engine "
            "makes them with manage.py train_vocabulary and calibrate.",
            id="tvidz.E003",
        )
        for problem in problems
    ]


@register(Tags.database)
def library_fingerprinted(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Whether searches find the whole library, or an older engine fingerprinted some of it.

    Silent where the database is not asked for, not reachable or not migrated yet.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    try:
        found = reindexing.standing()
    except (DatabaseError, InterfaceError):
        return []
    if not found.lacking:
        return []
    return [
        Warning(
            f"{found.lacking} of {found.videos} videos have no fingerprint of engine "
            f"{ENGINE_VERSION}: no search finds them ({found.unfinished} of them wait or are being "
            "analysed).",
            hint="Run manage.py reindex; see `After an upgrade of the engine` in docs/runbook.md.",
            id="tvidz.W002",
        )
    ]
