"""Logs: one JSON object a line on stderr, with the ids of the request at hand and never a payload."""

import logging
import sys
from typing import Any

import structlog

from settings import env

__all__ = [
    "DJANGO_STRUCTLOG_IP_LOGGING_ENABLED",
    "DJANGO_STRUCTLOG_STATUS_2XX_LOG_LEVEL",
    "DJANGO_STRUCTLOG_STATUS_DEFAULT_LOG_LEVEL",
    "DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL",
    "DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID",
    "LOGGING",
]

LEVEL = env.choice("LOG_LEVEL", "INFO", logging.getLevelNamesMapping())
# `text` is for people at a terminal; anything that collects logs wants json.
AS_TEXT = env.choice("LOG_FORMAT", "json", ("json", "text")) == "text"


def drop_request_object(_: Any, __: str, record: dict[str, Any]) -> dict[str, Any]:
    """Leave out the request that Django hangs on its log records: printed, it shows headers, keys included."""
    if not isinstance(record.get("request"), str):
        record.pop("request", None)
    return record


def add_ids_of_step(_: Any, __: str, record: dict[str, Any]) -> dict[str, Any]:
    """Tell whose step a line comes from, and which span, where traces are on; what the line itself names stays."""
    # Settings are read before there are apps.
    from workflows import tracing  # noqa: PLC0415
    from workflows.steps import running  # noqa: PLC0415

    step = running.get()
    if step is not None:
        ids = step.instance
        for name, value in (("org_id", ids.org_id), ("env_id", ids.env_id), ("instance_id", ids.id)):
            record.setdefault(name, str(value))
    traceparent = tracing.carried()
    if traceparent is not None:
        record.setdefault("trace_id", traceparent.split("-")[1])
    return record


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    add_ids_of_step,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    # A traceback as text: without the values of locals, which may be payloads.
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
]
RENDERER: Any = (
    structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if AS_TEXT
    else structlog.processors.JSONRenderer(default=str)
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, RENDERER],
            "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), drop_request_object, *SHARED],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": LEVEL},
    "loggers": {
        # Django's own handlers would print a second line and mail the request to admins.
        "django": {"handlers": [], "level": LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LEVEL, "propagate": True},
        # It tells of every task it queues and runs.
        "django-q": {"level": "WARNING"},
        # Answers of 4xx are the caller's affair and are counted; 5xx still log at error.
        "django.request": {"level": "ERROR"},
    },
}

# The pages' middleware takes the id that the request's middleware made or checked.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_2XX_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_DEFAULT_LOG_LEVEL = logging.DEBUG

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
