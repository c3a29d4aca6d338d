"""Django's settings, made from the environment (see `tvidz/options.py` for every variable)."""

import math
import os
from pathlib import Path

from csp.constants import NONE, SELF

from tvidz.build import read_build
from tvidz.database import database_config
from tvidz.email import read_email_url
from tvidz.logs import logging_config
from tvidz.options import BASE_DIR, read_options
from tvidz.secret import development_secret

TVIDZ = read_options()
PRODUCTION = TVIDZ.environment == "production"

TVIDZ_BUILD = read_build(BASE_DIR, TVIDZ.commit, TVIDZ.build_date)

DEBUG = TVIDZ.debug
SECRET_KEY = TVIDZ.secret_key or development_secret(TVIDZ.var)
ALLOWED_HOSTS = list(TVIDZ.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(TVIDZ.trusted_origins)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "rest_framework",
    "django_q",
    "csp",
    "videos",
    "matching",
    "moderation",
    "tvidz",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "tvidz.urls"
ASGI_APPLICATION = "tvidz.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tvidz.build.context",
                "videos.words.context",
            ],
        },
    },
]

DATABASES = {
    "default": database_config(
        TVIDZ.database_url or os.environ.get("DATABASE_URL") or None, Path(TVIDZ.var)
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account:sign-in"

# In development mail is printed by the worker that would send it.
SENDS_MAIL = bool(TVIDZ.email_url) or not PRODUCTION
EMAIL = read_email_url(TVIDZ.email_url)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL else 'console'}.EmailBackend"
if EMAIL:
    EMAIL_HOST, EMAIL_PORT = EMAIL.host, EMAIL.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL.user, EMAIL.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL.starttls, EMAIL.tls
    EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = TVIDZ.email_from

LANGUAGE_CODE = "en-gb"
TIME_ZONE = TVIDZ.time_zone
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["tvidz.formats"]

STATIC_URL = "static/"
STATIC_ROOT = TVIDZ.var / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Without a collected copy (development, tests) files are served from where they lie.
SERVESTATIC_USE_FINDERS = not PRODUCTION
SERVESTATIC_AUTOREFRESH = False

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": TVIDZ.var / "files", "base_url": None},
    }
    if TVIDZ.storage == "local"
    else {"BACKEND": "videos.s3.LibraryBucket"},
    "staticfiles": {
        "BACKEND": "tvidz.staticfiles.StaticFiles"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = TVIDZ.var / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
# The size of a body is bounded by tvidz.asgi before Django reads it; this one is for forms.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # In the database, so that every process finds what another has asked: see tvidz/answers.py.
    "answers": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "tvidz_answers",
        "TIMEOUT": 24 * 3600,
        "OPTIONS": {"MAX_ENTRIES": TVIDZ.kept_answers},
    }
    if TVIDZ.kept_answers
    else {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}

CHANNEL_LAYERS = (
    {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [TVIDZ.redis_url]},
        }
    }
    if TVIDZ.redis_url
    else {}
)

# A fetched file goes on to the virus scanner in the same task.
LONGEST_TASK = 120 + max(
    TVIDZ.analysis_timeout, TVIDZ.url_import_seconds + math.ceil(TVIDZ.clamd_seconds)
)
Q_CLUSTER = {
    "name": "tvidz",
    "orm": "default",
    "workers": TVIDZ.workers,
    # django-q2 only wakes: the Analysis row holds the truth, so its own retries stay out of the
    # way, one task is fetched at a time (the retry clock starts at the fetch), and a failed
    # wake-up is thrown away for the reconciler to notice.
    "queue_limit": 1,
    "bulk": 1,
    "ack_failures": True,
    "catch_up": False,
    "max_attempts": 1,
    # Which waits by itself: for a notice of PostgreSQL's.
    "broker_class": "tvidz.broker.ListeningBroker",
    "poll": 0,
    "timeout": LONGEST_TASK,
    "retry": 2 * LONGEST_TASK,
    "save_limit": 100,
    "label": "Jobs",
}
# Dotted paths of what runs in a worker; `videos` wakes them by name and imports nothing upward.
TVIDZ_TASKS = {
    "analyse": "tvidz.pipeline.analyse",
    "finish_direct": "videos.uploads.s3.direct.finish",
    "notify": "moderation.delivery.deliver",
    "import": "videos.uploads.url_import.fetch",
    "search": "tvidz.searching.run",
}
# Told of a video that is deleted, in the transaction that hides it.
TVIDZ_DELETION = ["moderation.superseding.video_deleted"]
# Told of a video that others may no longer see, or may again.
TVIDZ_LOOK_AGAIN = ["tvidz.progress.look_again"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["videos.requests.BrowserSession"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "videos.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF, "wss:", *([] if PRODUCTION else ["ws:"]), *TVIDZ.bucket_origins],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    # Whoever asks inside the house whether we live speaks plain HTTP.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
if TVIDZ.proxy_sets_https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = logging_config(TVIDZ.log_level, TVIDZ.log_format)
