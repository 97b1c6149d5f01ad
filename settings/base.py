"""What every environment shares."""

import dj_database_url

from settings import env
from settings.logging import *  # noqa: F403
from settings.mollifier import EXCHANGE_TIMEOUT_MS, MOLLIFIER  # noqa: F401
from settings.queue import Q_CLUSTER  # noqa: F401
from settings.unfold import UNFOLD  # noqa: F401
from settings.workflows import WORKFLOWS  # noqa: F401

BASE_DIR = env.ROOT
SECRET_KEY = env.text("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "mollifier",
    "workflows",
    "dashboard",
    "demo",
    "django_q",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    *env.words("EXTRA_APPS"),
]

# The first two see every request; the others step aside for the API.
MIDDLEWARE = [
    "workflows.api.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "workflows.api.middleware.PageFiles",
    "workflows.api.middleware.PageSession",
    "workflows.api.middleware.PageCommon",
    "workflows.api.middleware.PageCsrf",
    "workflows.api.middleware.PageAuthentication",
    "workflows.api.middleware.PageLog",
    "workflows.api.middleware.PageMessages",
    "workflows.api.middleware.PageFrames",
]
# A batch of triggers; the API answers 413 itself.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

ROOT_URLCONF = "settings.urls"
WSGI_APPLICATION = "settings.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        **dj_database_url.parse(env.text("DATABASE_URL", "postgres://mollifier@127.0.0.1:5432/mollifier")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # Without a threshold psycopg ignores it when a statement asks to be prepared.
        "OPTIONS": {"prepare_threshold": 5} if env.flag("DATABASE_PREPARE", default=True) else {},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")


def redis_alias(name: str, timeout_seconds: float) -> dict[str, object]:
    """Describe one django-redis connection; client_name keeps its pool apart from the other aliases."""
    separator = "&" if "?" in REDIS_URL else "?"
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{REDIS_URL}{separator}client_name={name}",
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": timeout_seconds,
            "SOCKET_TIMEOUT": timeout_seconds,
        },
        "KEY_PREFIX": "mollifier-cache",
    }


CACHES = {
    "default": redis_alias("cache", 2),
    # The gate answers within its exchange time-out or fails open.
    "gate": redis_alias("gate", EXCHANGE_TIMEOUT_MS / 1000),
    # Drainer, sweep and reads for people; longer than the drainer's blocking reads.
    "buffer": redis_alias("buffer", 10),
    "queue": redis_alias("queue", 10),
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "settings.formats"

STATIC_URL = "static/"
STATIC_ROOT = env.data_dir() / "static"
# What is too large for a log; nothing serves it.
MEDIA_ROOT = env.data_dir() / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mollifier",
    "DESCRIPTION": "Burst smoothing, storm damping and durable workflows.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["workflows.api.schema.add_components"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
