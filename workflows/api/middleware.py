"""Middlewares: an id for every request, and a short way to the API past what only pages need."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django_structlog.middlewares import RequestMiddleware
from uuid_utils import uuid7
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from workflows.api import problems

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What a caller may name a request: it is echoed in a header and stands in logs.
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
API = ("/api/", "/healthz/", "/metrics")


def is_api(request: HttpRequest) -> bool:
    """Say whether a program asks: no session, no form, no static file."""
    return request.path_info.startswith(API)


class RequestContext:
    """Give the request an id (the caller's X-Request-Id if it is a sane one), bind it to the logs, and echo it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        theirs = REQUEST_ID.fullmatch(sent) is not None
        request_id = sent if theirs else uuid7().hex
        request.META["HTTP_X_REQUEST_ID"] = request_id
        request.META[problems.THEIRS] = theirs
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        if response.status_code >= HTTPStatus.BAD_REQUEST and request.path_info.startswith("/api/"):
            response = problems.replace_page(request, response)
        response["X-Request-Id"] = request_id
        return response


class ForPages:
    """Step aside for the API; mixed into each middleware that only pages need."""

    def __call__(self, request: HttpRequest) -> Any:
        if is_api(request):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


class PageLog(ForPages, RequestMiddleware):
    """Logs of a page's request; the API logs only what went wrong."""


class PageFiles(ForPages, WhiteNoiseMiddleware):  # type: ignore[misc]
    """Static files."""


class PageSession(ForPages, SessionMiddleware):
    """Sessions."""


class PageCommon(ForPages, CommonMiddleware):
    """Slashes and the Host check."""


class PageCsrf(ForPages, CsrfViewMiddleware):
    """CSRF; a bearer key is never sent by a browser on its own."""


class PageAuthentication(ForPages, AuthenticationMiddleware):
    """Who is signed in."""


class PageMessages(ForPages, MessageMiddleware):
    """One-time messages."""


class PageFrames(ForPages, XFrameOptionsMiddleware):
    """No framing."""
