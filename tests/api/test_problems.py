"""Whatever goes wrong is named by a code and told in one form."""

import json

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, HttpResponseBadRequest, UnreadablePostError
from django.test import RequestFactory
from rest_framework.exceptions import ParseError

from workflows.api import problems


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (problems.not_found("instance"), 404, "not_found"),
        (RequestDataTooBig(), 413, "body_too_large"),
        (UnreadablePostError(), 400, "body_incomplete"),
        (SuspiciousOperation(), 400, "bad_request"),
        (ParseError(), 400, "bad_request"),
        (OperationalError("gone"), 503, "database_unavailable"),
        (InterfaceError("closed"), 503, "database_unavailable"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_every_exception_has_a_status_and_a_code(error: Exception, status: int, code: str) -> None:
    problem = problems.from_exception(error)
    assert (problem.status, problem.code) == (status, code)
    assert "secret" not in problem.detail


def test_a_problem_tells_only_what_it_knows() -> None:
    assert problems.not_found("instance").as_dict("r-1") == {
        "type": "urn:mollifier:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "There is no such instance.",
        "request_id": "r-1",
    }
    body = problems.invalid("invalid_field", "It is wrong.", "/tags/0").as_dict("r-1")
    assert (body["pointer"], "parameter" in body) == ("/tags/0", False)
    query = problems.invalid_parameter("invalid_parameter", "It is wrong.", "limit").as_dict("r-1")
    assert (query["parameter"], "pointer" in query) == ("limit", False)


def test_a_problem_that_passes_says_when_to_come_again() -> None:
    response = problems.unavailable("buffer_full", "Full.", 7).as_response("r-1")
    assert (response.status_code, response["Retry-After"]) == (503, "7")
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["retry_after_seconds"] == 7


def test_a_page_of_an_error_becomes_a_problem() -> None:
    request = RequestFactory().get("/api/v1/triggers", headers={"X-Request-Id": "r-1"})
    replaced = problems.replace_page(request, HttpResponseBadRequest("<h1>Bad Request</h1>"))
    body = json.loads(replaced.content)  # type: ignore[attr-defined]
    assert (body["status"], body["code"], body["request_id"]) == (400, "bad_request", "r-1")


def test_an_error_that_is_no_page_stays_as_it_is() -> None:
    request = RequestFactory().get("/api/v1/triggers")
    for response in (problems.not_found("x").as_response("r"), HttpResponse(b"{}", "application/json", 400)):
        assert problems.replace_page(request, response) is response
