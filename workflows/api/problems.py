"""Problems: what went wrong, as RFC 9457 says it, with a stable code."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from rest_framework import exceptions

MEDIA_TYPE = "application/problem+json"
# Whether the id of the request is the caller's own.
THEIRS = "mollifier.request_id_is_theirs"
log = structlog.get_logger(__name__)


class Problem(Exception):
    """An answer that is not the one asked for.

    `pointer` is the JSON pointer of the fault in the body, `parameter` the name of a query parameter or header;
    `extra` members stand beside the standard ones.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        parameter: str | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.parameter = parameter
        self.headers = headers or {}
        self.extra = extra

    def as_dict(self, request_id: str) -> dict[str, Any]:
        """Lay it out; members that say nothing are left out."""
        body: dict[str, Any] = {
            "type": f"urn:mollifier:problem:{self.code}",
            "title": self.status.phrase,
            "status": int(self.status),
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.pointer is not None:
            body["pointer"] = self.pointer
        if self.parameter is not None:
            body["parameter"] = self.parameter
        if "Retry-After" in self.headers:
            # In a batch no item has headers of its own.
            body["retry_after_seconds"] = int(self.headers["Retry-After"])
        return body | self.extra

    def as_response(self, request_id: str) -> HttpResponse:
        content = msgspec.json.encode(self.as_dict(request_id))
        return HttpResponse(content, MEDIA_TYPE, status=int(self.status), headers=self.headers)


def invalid(code: str, detail: str, pointer: str) -> Problem:
    """Return the 400 of a body."""
    return Problem(HTTPStatus.BAD_REQUEST, code, detail, pointer=pointer)


def invalid_parameter(code: str, detail: str, parameter: str) -> Problem:
    """Return the 400 of a query parameter or header."""
    return Problem(HTTPStatus.BAD_REQUEST, code, detail, parameter=parameter)


def faulty(
    code: str, faults: Sequence[tuple[str, str, str]], status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
) -> Problem:
    """Return the refusal of a body with one fault or more: the pointer, code and detail of each."""
    errors = [{"pointer": pointer, "code": of, "detail": detail} for pointer, of, detail in faults]
    pointer, _, detail = faults[0]
    return Problem(status, code, detail, pointer=pointer, errors=errors)


def not_found(what: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not_found", f"There is no such {what}.")


def not_allowed(detail: str, methods: Iterable[str]) -> Problem:
    headers = {"Allow": ", ".join(methods)}
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers=headers)


def unavailable(code: str, detail: str, retry_after_seconds: int = 1) -> Problem:
    """Return a 503 that says when to come again."""
    headers = {"Retry-After": str(retry_after_seconds)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers=headers)


def sent_id_of(request: Any) -> str | None:
    """Return the id that the caller gave the request, None where the middleware made one."""
    return request_id_of(request) if request.META.get(THEIRS) else None


def request_id_of(request: Any) -> str:
    """Read the id that the request's middleware made or checked."""
    return str(request.META.get("HTTP_X_REQUEST_ID", ""))


def from_exception(error: Exception) -> Problem:
    """Name what was raised; what nobody expected is a 500 and is logged with its traceback."""
    match error:
        case Problem():
            return error
        case RequestDataTooBig():
            return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "The body is too large.")
        case UnreadablePostError():
            return invalid("body_incomplete", "The body ended before its announced length.", "")
        case SuspiciousOperation() | exceptions.APIException():
            return invalid("bad_request", "The request can't be understood.", "")
        case OperationalError() | InterfaceError():
            log.warning("api.database_unavailable", error=type(error).__name__)
            return unavailable("database_unavailable", "The database can't be reached; try again.")
        case _:
            log.error("api.request_failed", error=type(error).__name__, exc_info=error)
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "This is our fault and it is logged.")


def replace_page(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Put a problem in place of an HTML error that Django made before or instead of a view."""
    if not response.get("Content-Type", "").startswith("text/html"):
        return response
    status = HTTPStatus(response.status_code)
    code = status.name.lower()
    return Problem(status, code, status.description or status.phrase).as_response(request_id_of(request))
