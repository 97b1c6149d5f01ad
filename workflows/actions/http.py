"""The `http` action: one request, through the guard, with an outcome that retries understand."""

import base64
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from workflows import lineage, outbound, tracing
from workflows.actions import answers
from workflows.actions.call import ActionCall, Arguments
from workflows.actions.registry import action
from workflows.outbound import Request, Response
from workflows.redaction import Secret

CHARSET = re.compile(r"charset=\"?([-\w.:]+)")
# Not for the log: a session is a credential.
LEFT_OUT = frozenset({"set-cookie", "set-cookie2"})
Status = Annotated[int, Meta(ge=100, le=599)]


class HttpArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`json` or `body`, not both. `expect` lists the statuses that are no failure; by default all of 2xx."""

    url: Secret
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: dict[str, Secret] = msgspec.field(default_factory=dict)
    query: dict[str, Secret | None] = msgspec.field(default_factory=dict)
    json: Any = msgspec.UNSET
    body: Secret | None = None
    timeout_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 30.0
    expect: Annotated[list[Status], Meta(max_length=50)] = msgspec.field(default_factory=list)
    follow_redirects: bool = True

    def __post_init__(self) -> None:
        if self.json is not msgspec.UNSET and self.body is not None:
            raise ValueError("give json or body, not both")
        if self.method in {"GET", "HEAD"} and (self.json is not msgspec.UNSET or self.body is not None):
            raise ValueError(f"{self.method} takes no body; use POST, PUT or PATCH")


@action("http", arguments=HttpArguments, retries=3, timeout_seconds=330.0)
def http(call: ActionCall[HttpArguments]) -> dict[str, Any]:
    """Send a request to another service.

    The result is `{status, headers, body}`, the body parsed where it is JSON.
    """
    response = outbound.send(request_of(call))
    asked = call.arguments.expect
    if response.status not in asked if asked else not 200 <= response.status < 300:
        raise answers.refuse(response, answers.excerpt(response.body))
    return described(response)


def request_of(call: ActionCall[HttpArguments]) -> Request:
    """Return the request, with its lineage and the key that makes a repeat harmless."""
    asked = call.arguments
    headers = {**traced(call), **keyed(call), **{name.lower(): value.reveal() for name, value in asked.headers.items()}}
    body = asked.body.reveal().encode() if asked.body is not None else None
    if asked.json is not msgspec.UNSET:
        body = msgspec.json.encode(asked.json)
        headers.setdefault("content-type", "application/json")
    return Request(
        asked.method,
        with_query(asked.url.reveal(), {name: value.reveal() for name, value in asked.query.items() if value}),
        headers,
        body,
        asked.timeout_seconds,
        asked.follow_redirects,
    )


def traced(call: ActionCall[Any]) -> dict[str, str]:
    """Return the headers that say which chain of instances asks, and in which span where traces are on."""
    headers = {name.lower(): value for name, value in lineage.to_headers(call.lineage()).items()}
    span = tracing.carried()
    return {**headers, "traceparent": span} if span else headers


def keyed(call: ActionCall[Any]) -> dict[str, str]:
    """Return the header that says which execution of a step asks, where its step has a name."""
    return {"idempotency-key": call.idempotency_key} if call.idempotency_key else {}


def with_query(url: str, query: dict[str, str]) -> str:
    if not query:
        return url
    bare, mark, fragment = url.partition("#")
    return f"{bare}{'&' if '?' in bare else '?'}{urlencode(query)}{mark}{fragment}"


def described(response: Response) -> dict[str, Any]:
    """Return what the log keeps of a response."""
    headers = {name: value for name, value in response.headers.items() if name not in LEFT_OUT}
    result: dict[str, Any] = {"status": response.status, "headers": headers}
    kind = headers.get("content-type", "").lower()
    if "json" in kind.partition(";")[0]:
        try:
            return {**result, "body": msgspec.json.decode(response.body)}
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
    found = CHARSET.search(kind)
    try:
        return {**result, "body": response.body.decode(found[1] if found else "utf-8")}
    except (UnicodeError, LookupError):
        return {**result, "body": None, "body_base64": base64.b64encode(response.body).decode()}
