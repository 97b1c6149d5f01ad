"""What every view of the API is: JSON in and out, a bearer key with a scope, problems for errors, and no more."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.api import problems
from workflows.api.auth import BearerAuthentication, HasScope
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.refresher import DirectoryUnavailable
from workflows.scopes import Scopes


class AlwaysJson(BaseContentNegotiation):
    """The API speaks JSON whatever the caller would like better."""

    def select_renderer(
        self, _request: Request, renderers: Any, _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], "application/json"


class ApiView(APIView):
    """Views return finished responses and raise `problems.Problem`; `scopes` says who may call which method."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (BearerAuthentication,)
    permission_classes: Sequence[Any] = (HasScope,)
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson
    throttle_classes = ()
    # No OPTIONS: the schema describes the API better.
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]  # noqa: RUF012 - as Django declares it
    metadata_class = None
    versioning_class = None
    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {}

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {}

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return respond  # type: ignore[return-value]


def respond(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Answer for an exception that left a view."""
    match error:
        case LookupUnavailable() | DirectoryUnavailable():
            problem = problems.unavailable(error.code, "The store that must answer this is away; try again.")
        case MethodNotAllowed():
            problem = problems.not_allowed(str(error.detail), context["view"].allowed_methods)
        case _:
            problem = problems.from_exception(error)
    return problem.as_response(problems.request_id_of(context["request"]))


class OpenView(ApiView):
    """A view that asks for no key."""

    authentication_classes = ()
    permission_classes = ()


class NowhereView(OpenView):
    """Answers every address below /api/ that no other view does."""

    schema = None

    def dispatch(self, request: Any, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return problems.not_found("address").as_response(problems.request_id_of(request))
