"""Every TVIDZ_ environment variable: its type, range, default and meaning, in one place.

`read_options()` reads the environment once, at start, and refuses to go on when a value is wrong,
naming the variable, the value and what would be accepted. `docs/settings.md` is written from this
class (`manage.py settings_reference`) and a test holds the two together.
"""

import re
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from matching.engine.descriptors import registered
from tvidz.email import read_email_url
from videos.addresses import read_networks, read_ports

PREFIX = "TVIDZ_"
BASE_DIR = Path(__file__).resolve().parent.parent
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
ENDPOINT = r"^(https?://[^/\s]+)?$"
ADDRESS = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})", re.ASCII)


class Options(BaseSettings):
    """The settings an operator may change, one attribute per environment variable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", env_ignore_empty=True)

    # The site
    environment: Literal["development", "production"] = Field(
        "development",
        description="`production` demands a secret key and host names and turns on HTTPS-only "
        "cookies, the redirect to HTTPS and HSTS.",
    )
    debug: bool = Field(False, description="Django's debug pages. Refused in production.")
    secret_key: str = Field(
        "",
        description="Signs sessions and media URLs. Required in production (50 characters or "
        "more); in development one is made and kept in `TVIDZ_VAR`.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        description="Host names the site answers to, separated by commas.",
    )
    trusted_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins (with scheme) whose forms are accepted when a proxy changes the "
        "host name, separated by commas.",
    )
    proxy_sets_https: bool = Field(
        False,
        description="Trust `X-Forwarded-Proto: https` from the proxy in front. Only where that "
        "proxy always sets it.",
    )
    var: Path = Field(
        BASE_DIR / "var",
        description="Folder for everything that is written: the embedded database, stored files, "
        "work files. Ignored by git.",
    )
    time_zone: str = Field("UTC", description="Time zone of the admin's dates.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line that is written."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Log lines for people, or one JSON object a line."
    )
    commit: str = Field("", description="Commit shown as build info; set when an image is built.")
    build_date: str = Field("", description="Build date shown as build info.")

    # Services
    database_url: str = Field(
        "",
        description="PostgreSQL with pgvector, as `postgres://user:password@host:5432/name`. "
        "Empty: the embedded server under `TVIDZ_VAR`. `DATABASE_URL` is read when this is empty.",
    )
    redis_url: str = Field(
        "",
        description="Redis for live messages, as `redis://host:6379/0`. Empty: PostgreSQL's "
        "LISTEN/NOTIFY carries them.",
    )

    # What may come in
    max_upload_mb: int = Field(
        2048,
        ge=1,
        le=1_000_000,
        description="Largest file in MiB (the plan's 200 is a minute of phone video). Larger "
        "ones are refused with 413.",
    )
    max_duration: float = Field(
        14_400.0,
        gt=0,
        le=86_400,
        description="Longest video in seconds (the plan's 300 shuts out every film).",
    )
    quota_mb: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="MiB that the videos of one account may take together; more is refused with "
        "413. 0: no limit. Uploads without an account are not counted.",
    )
    sign_up: bool | None = Field(
        None,
        description="Whether visitors may make themselves an account, by a link that is mailed to "
        "them. Empty: in development only. In production it needs `TVIDZ_EMAIL_URL`.",
    )
    email_url: str = Field(
        "",
        description="Server that takes mail for links to sign up and for new passwords: "
        "`smtps://user:password@host`, `smtp+starttls://…` or, without encryption, `smtp://…`, "
        "with `:port` where it is another. Empty: development prints mail, production sends none.",
    )
    site_url: str = Field(
        "",
        pattern=ENDPOINT,
        description="Where the site is reached, as `https://videos.example`, for links in mails "
        "about claims. Empty: they name the path alone.",
    )
    email_from: str = Field("tvidz@localhost", description="Sender of that mail.")
    anonymous_uploads: bool = Field(
        True, description="Whether visitors who are not signed in may upload."
    )
    default_visibility: Literal["public", "private"] = Field(
        "private",
        description="Whether a new video's picture and player are shown to others who match it. "
        "The match itself (seconds, share, confidence) is always told.",
    )
    upload_expiry_hours: int = Field(
        24,
        ge=1,
        le=24 * 30,
        description="Hours after its last byte that an unfinished upload is kept for its sender to "
        "go on with.",
    )
    storage_reserve_mb: int = Field(
        256,
        ge=0,
        description="Free space in MiB that an upload must leave on the disk; without it, 507.",
    )
    clamd: str = Field(
        "",
        description="The ClamAV daemon that scans what comes in for malware: `host:port`, or the "
        "absolute path of a Unix socket. While it does not answer nothing comes in. Empty: no "
        "scan. Its own limits must be raised with it (docs/security.md).",
    )
    clamd_seconds: float = Field(
        120.0,
        ge=1,
        le=3600,
        description="Seconds one file may take on its way to clamd and back. ClamAV's own "
        "`MaxScanTime` is 120 seconds, too.",
    )
    url_import: bool = Field(
        False,
        description="Whether people who are signed in may name the address of a file for tvidz to "
        "fetch. tvidz then connects to hosts they choose; see docs/security.md.",
    )
    url_import_seconds: int = Field(
        1800, ge=1, le=86_400, description="Seconds one such fetch may take in all."
    )
    url_imports_at_once: int = Field(
        1,
        ge=1,
        le=64,
        description="Such fetches at a time, on all machines together. Each holds a worker: keep "
        "it below `TVIDZ_WORKERS`, or slow servers keep analyses waiting.",
    )
    url_imports_waiting: int = Field(
        20, ge=1, le=10_000, description="Such fetches one person may have before them."
    )
    outgoing_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Networks that are not public and to which tvidz may connect all the same for "
        "addresses that people name, like `10.1.0.0/16,fd12::/64`.",
    )
    outgoing_ports: Annotated[tuple[str, ...], NoDecode] = Field(
        ("80", "443", "8000-8999"),
        description="Ports, and ranges of ports, of addresses that people name. The web's: tvidz "
        "is not to knock at other services for them.",
    )

    # Searching with a file
    anonymous_search: Literal["uploads", "true", "false"] = Field(
        "uploads",
        description="Whether visitors who are not signed in may search with a file. `uploads`: as "
        "`TVIDZ_ANONYMOUS_UPLOADS` says.",
    )
    search_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="Longest video in seconds that is searched with while its sender waits; a "
        "longer one is left to a worker. Seconds of pictures larger than 720p, or of more than 25 "
        "a second, count for more.",
    )
    search_patience: float = Field(
        20.0,
        ge=1,
        le=600,
        description="Seconds after which a sender waits no longer for a file to be read, and it "
        "is left to a worker all the same.",
    )
    searches_at_once: int = Field(
        2,
        ge=1,
        le=256,
        description="Searches at a time in one process of the web server while their senders "
        "wait. More wait for five seconds, then are refused with 503.",
    )
    searches_waiting: int = Field(
        20,
        ge=0,
        le=100_000,
        description="Searches that may be left to workers and not be finished, on all machines "
        "together; more are refused with 503.",
    )
    search_expiry_minutes: int = Field(
        60,
        ge=1,
        le=60 * 24 * 30,
        description="Minutes that the result of a search by a worker is kept.",
    )

    # Files in S3
    storage: Literal["local", "s3"] = Field(
        "local",
        description="Where files are kept: in `TVIDZ_VAR/files`, or in the S3 bucket "
        "`TVIDZ_S3_LIBRARY_BUCKET`.",
    )
    s3_uploads: bool = Field(
        False,
        description="Let files come in through the bucket `TVIDZ_S3_BUCKET`: straight from the "
        "browser, and from whoever else may write to it. `manage.py run` then also listens to its "
        "events.",
    )
    s3_bucket: str = Field(
        "videos",
        pattern=BUCKET,
        description="Bucket that files come in through. What is put there is taken in and copied.",
    )
    s3_library_bucket: str = Field(
        "tvidz-library",
        pattern=BUCKET,
        description="Bucket that files are kept in with `TVIDZ_STORAGE=s3`. Another than the one "
        "above, whose events would tell of our own files.",
    )
    s3_queue: str = Field(
        "tvidz-uploads",
        pattern=r"^[A-Za-z0-9_-]{1,75}$",
        description="SQS queue that the bucket's events come in. What fails five times goes to the "
        "queue of that name with `-dead` after it.",
    )
    s3_endpoint: str = Field(
        "",
        pattern=ENDPOINT,
        description="Address of S3 and SQS where they are not Amazon's, as `http://localhost:4566`.",
    )
    s3_browser_endpoint: str = Field(
        "",
        pattern=ENDPOINT,
        description="Address of S3 as browsers reach it, where it is another.",
    )
    s3_region: str = Field("us-east-1", description="Region of buckets and queue.")
    s3_access_key: str = Field(
        "",
        description="Key to S3 and SQS. Empty: what boto3 finds by itself (environment, profile, "
        "the machine's role).",
    )
    s3_secret_key: str = Field("", description="The secret that goes with it.")
    s3_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("http://localhost:8000", "http://127.0.0.1:8000"),
        description="Origins (with scheme) whose pages may send files to the bucket, separated by "
        "commas.",
    )
    s3_url_minutes: int = Field(
        60, ge=1, le=7 * 24 * 60, description="Minutes that a signed address for sending works."
    )
    s3_part_mb: int = Field(
        16,
        ge=5,
        le=5120,
        description="Larger files are sent to the bucket in parts of so many MiB.",
    )
    s3_poll_threads: int = Field(
        4, ge=1, le=64, description="Objects of the bucket taken in at the same time."
    )
    s3_visibility_seconds: int = Field(
        60,
        ge=10,
        le=43_200,
        description="Seconds after which an event comes again whose taker died. While it works it "
        "renews them.",
    )

    # Looking at a video
    ffmpeg: str = Field(
        "",
        description="Path of the ffmpeg to use. Empty: the system's, else the one from PyPI.",
    )
    dense_frame_interval: float = Field(
        0.25,
        gt=0,
        le=2,
        description="Seconds between the frames whose hashes verify a match.",
    )
    index_frame_interval: float = Field(
        1.0,
        ge=0.1,
        le=60,
        description="Seconds between the frames put into the search index.",
    )
    max_index_frames: int = Field(
        7200,
        ge=1,
        le=1_000_000,
        description="Most index frames of one video; a longer video is thinned evenly, with a "
        "warning (the plan's 100 leaves a film one frame a minute; this is two hours of one a "
        "second).",
    )
    max_dense_frames: int = Field(
        60_000,
        ge=10,
        le=10_000_000,
        description="Most dense frames of one video (60,000 are 1.9 MB); a longer video is "
        "sampled at a longer interval.",
    )
    frame_batch_size: int = Field(
        10,
        ge=1,
        le=1024,
        description="Frames handled at a time. Changes memory and speed, never the result.",
    )
    scene_threshold: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="How different two neighbouring frames must be to count as a scene cut.",
    )
    ffmpeg_threads: int = Field(2, ge=1, le=64, description="Threads of one ffmpeg.")
    ffmpeg_memory_mb: int = Field(
        1536, ge=256, le=65_536, description="Address space of one ffmpeg in MiB."
    )
    analysis_timeout: int = Field(
        3600,
        ge=10,
        le=86_400,
        description="Seconds one analysis may take before its ffmpeg is killed.",
    )

    # Matching
    min_matches: int = Field(
        3,
        ge=1,
        le=1000,
        description="Fewest agreeing dense frames of a reported match. A still image needs one.",
    )
    similarity_threshold: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Least similarity (0 to 1) of two frames that count as agreeing.",
    )
    flag_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Least confidence of a match that is put before a moderator.",
    )
    report_confidence: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Least confidence of a match that is kept and shown at all.",
    )
    cuts_to_propose: int = Field(
        3, ge=2, le=100, description="Aligned scene cuts that propose a candidate."
    )
    cuts_to_flag: int = Field(
        8, ge=3, le=1000, description="Aligned scene cuts that flag without any agreeing picture."
    )
    max_candidates: int = Field(
        50, ge=1, le=1000, description="Most library videos compared closely in one search."
    )
    max_rows_per_hash: int = Field(
        2000,
        ge=10,
        le=1_000_000,
        description="Index rows one query frame may draw, which bounds what a very common frame "
        "costs; the rest is left to verification.",
    )
    max_rows_per_word: int = Field(
        2000,
        ge=10,
        le=1_000_000,
        description="Index rows one visual word of a query may draw: a word that is seen in "
        "thousands of frames says little and would cost most.",
    )
    kept_answers: int = Field(
        10_000,
        ge=0,
        le=10_000_000,
        description="Answers to searches with a file that are kept in the database, for the same "
        "content asked again while the library is the same; the oldest go after a day. 0 keeps "
        "none.",
    )
    early_verdict: bool = Field(
        True,
        description="Look at a few keyframes first and tell a plain copy before the full pass "
        "begins. The final result is the same without.",
    )
    stop_at_duplicate: bool = Field(
        False,
        description="End an analysis at its first certain duplicate, in state *duplicate*, with "
        "nothing of it in the index.",
    )

    # Moderation
    review_lease_seconds: int = Field(
        600,
        ge=10,
        le=86_400,
        description="How long a moderator holds a flag without a sign of life before others may "
        "take it.",
    )
    undo_seconds: int = Field(
        60,
        ge=0,
        le=3600,
        description="Seconds in which moderators may undo a decision of theirs; so long nobody is "
        "told of the claims it opened. Later a lead has to reopen it.",
    )
    due_hours_block: float = Field(
        24.0,
        gt=0,
        le=8760,
        description="Hours until a flag is due whose strictest policy is *block*.",
    )
    due_hours_monetise: float = Field(72.0, gt=0, le=8760, description="The same for *monetise*.")
    due_hours_review: float = Field(168.0, gt=0, le=8760, description="The same for *review*.")
    due_hours_track: float = Field(336.0, gt=0, le=8760, description="The same for *track*.")
    due_hours_plain: float = Field(
        336.0,
        gt=0,
        le=8760,
        description="The same for duplicates of videos that nobody has rights in.",
    )
    queue_points_a_day: float = Field(
        0.1,
        ge=0,
        le=100,
        description="Priority that a flag gains for each day it waits. Policies are a whole point "
        "apart, and certainty and covered share make up to one. Changing it reorders new flags "
        "only.",
    )
    reopen_seconds: float = Field(
        2.0,
        gt=0,
        le=86_400,
        description="Seconds that match and that nobody has judged: with so many a decided flag "
        "is opened again, after a new analysis or by a new version of the engine.",
    )
    second_review_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of confirmations that by chance need a second moderator.",
    )
    block_needs_two: bool = Field(
        True, description="Whether each confirmation under the policy *block* needs two."
    )
    bulk_needs_two: bool = Field(
        True, description="Whether each confirmation of many flags at once needs two."
    )
    trusted_uploads: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="An uploader with so many videos and no confirmed copy is trusted: confirming "
        "their first needs two. 0: nobody is.",
    )
    allow_rule_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="Days that an allow rule holds where its maker names none. 0: for ever.",
    )

    # Claims
    claim_potential_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days after which a claim under the policy *review* expires, if the rights "
        "holder does not let it take effect.",
    )
    claim_dispute_days: int = Field(
        30,
        ge=1,
        le=365,
        description="Days after which a disputed claim is released if nobody answers.",
    )
    claim_appeal_days: int = Field(
        7, ge=1, le=365, description="The same for a claim that is appealed against."
    )
    claim_counter_days: int = Field(
        14,
        ge=1,
        le=365,
        description="Days after a counter-notice until the video is restored, if no court action "
        "is told.",
    )
    notice_days: int = Field(
        3,
        ge=1,
        le=30,
        description="Days that a mail or webhook about a claim is tried again before it is given "
        "up.",
    )
    webhook_seconds: float = Field(
        10.0, gt=0, le=120, description="Seconds that the receiver of a webhook has to answer."
    )

    # A descriptor of one's own
    onnx_model: str = Field(
        "",
        description="Path of an ONNX file that OpenCV can run; what it makes of a picture becomes "
        "a descriptor of one's own (docs/matching.md). Empty: none.",
    )
    onnx_name: str = Field(
        "own", pattern=r"^[a-z][a-z0-9_]{0,23}$", description="Name of that descriptor."
    )
    onnx_size: int = Field(
        224, ge=8, le=1024, description="Pixels a side of the square picture the model takes."
    )
    onnx_mean: Annotated[tuple[float, ...], NoDecode] = Field(
        (0.0, 0.0, 0.0),
        description="Three numbers: the model gets (value / 255 - mean) / std in each channel.",
    )
    onnx_std: Annotated[tuple[float, ...], NoDecode] = Field(
        (1.0, 1.0, 1.0),
        description="Three numbers, see `TVIDZ_ONNX_MEAN`; 0.00392157 thrice gives a model 0 "
        "to 255.",
    )
    onnx_channels: Literal["rgb", "bgr"] = Field(
        "rgb", description="Order of the colours the model takes."
    )
    onnx_output: str = Field(
        "", description="Which output is the descriptor, where the model has several."
    )
    onnx_distance: Literal["cosine", "l2"] = Field(
        "cosine", description="How two of its vectors are compared."
    )

    # Work
    workers: int = Field(2, ge=1, le=256, description="Worker processes of one `qcluster`.")
    lease_seconds: int = Field(
        20,
        ge=5,
        le=3600,
        description="How long a worker may be silent before its analysis is given to another.",
    )
    max_attempts: int = Field(
        3, ge=1, le=20, description="Times an analysis is begun before it is set aside."
    )
    reconcile_seconds: int = Field(
        10, ge=1, le=3600, description="Seconds between the searches for dropped work."
    )
    media_url_seconds: int = Field(
        3600, ge=30, le=86_400, description="How long a signed media URL works."
    )

    @field_validator(
        *("allowed_hosts", "trusted_origins", "outgoing_allow", "outgoing_ports"),
        *("s3_origins", "onnx_mean", "onnx_std"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("clamd")
    @classmethod
    def _address(cls, value: str) -> str:
        if value.startswith("/"):
            return value
        told = ADDRESS.fullmatch(value)
        if value and not (told and 0 < int(told["port"]) < 65536):
            raise ValueError("host:port or the absolute path of a Unix socket is needed")
        return value

    @field_validator("outgoing_allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        read_networks(value)
        return value

    @field_validator("outgoing_ports")
    @classmethod
    def _ports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        read_ports(value)
        return value

    @field_validator("onnx_model")
    @classmethod
    def _there(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError("there is no such file")
        return value

    @field_validator("onnx_name")
    @classmethod
    def _free(cls, value: str) -> str:
        if value in {known.name for known in registered()}:
            raise ValueError("a descriptor of that name comes with tvidz; choose another one")
        return value

    @field_validator("onnx_mean", "onnx_std")
    @classmethod
    def _for_each_channel(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) != 3 or not all(map(isfinite, value)):
            raise ValueError("three numbers are needed, one a channel")
        return value

    @field_validator("onnx_std")
    @classmethod
    def _above_zero(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if min(value) <= 0:
            raise ValueError("each number must be above 0")
        return value

    @model_validator(mode="after")
    def _agree(self) -> "Options":
        if self.index_frame_interval < self.dense_frame_interval:
            raise ValueError(
                f"{PREFIX}INDEX_FRAME_INTERVAL must not be below {PREFIX}DENSE_FRAME_INTERVAL"
            )
        if self.cuts_to_flag < self.cuts_to_propose:
            raise ValueError(f"{PREFIX}CUTS_TO_FLAG must not be below {PREFIX}CUTS_TO_PROPOSE")
        if self.flag_confidence < self.report_confidence:
            raise ValueError(f"{PREFIX}FLAG_CONFIDENCE must not be below {PREFIX}REPORT_CONFIDENCE")
        if bool(self.s3_access_key) != bool(self.s3_secret_key):
            raise ValueError(
                f"{PREFIX}S3_ACCESS_KEY and {PREFIX}S3_SECRET_KEY go together: set both, or none"
            )
        if self.s3_bucket == self.s3_library_bucket:
            raise ValueError(f"{PREFIX}S3_LIBRARY_BUCKET must be another than {PREFIX}S3_BUCKET")
        # Not in a validator of its own, whose refusal would repeat the password.
        try:
            read_email_url(self.email_url)
        except ValueError as error:
            raise ValueError(f"{PREFIX}EMAIL_URL: {error}") from None
        if self.sign_up is None:
            self.sign_up = self.environment == "development"
        if self.environment == "production":
            if self.sign_up and not self.email_url:
                raise ValueError(f"{PREFIX}SIGN_UP needs {PREFIX}EMAIL_URL in production")
            if len(self.secret_key) < 50:
                raise ValueError(f"{PREFIX}SECRET_KEY needs 50 characters or more in production")
            if "allowed_hosts" not in self.model_fields_set:
                raise ValueError(f"{PREFIX}ALLOWED_HOSTS must name the site's hosts in production")
            if self.debug:
                raise ValueError(f"{PREFIX}DEBUG is not allowed in production")
        return self

    @property
    def bucket_origins(self) -> list[str]:
        """Where browsers send files to: origins that the site's pages may speak with."""
        if not self.s3_uploads:
            return []
        if own := self.s3_browser_endpoint or self.s3_endpoint:
            return [own]
        hosts = ("s3.amazonaws.com", f"s3.{self.s3_region}.amazonaws.com")
        return [f"https://{name}{host}" for host in hosts for name in (f"{self.s3_bucket}.", "")]


def variable(name: str) -> str:
    """The environment variable that sets the attribute `name` of `Options`."""
    return PREFIX + name.upper()


def read_options() -> Options:
    """Read the environment; raise ImproperlyConfigured with one line per wrong value."""
    try:
        return Options()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            message = problem["msg"].removeprefix("Value error, ")
            if problem["loc"]:
                name = variable(str(problem["loc"][0]))
                lines.append(f"{name}={problem['input']!r}: {message}")
            else:
                lines.append(message)
        raise ImproperlyConfigured("Wrong settings:\n  " + "\n  ".join(lines)) from None
