"""Bodies and parameters: from bytes to checked values, or to a problem that points at the fault."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import msgspec
from django.http import HttpRequest
from rest_framework.request import Request

from workflows.api import content
from workflows.api.problems import Problem, invalid, invalid_parameter

T = TypeVar("T")

MAX_SHOWN = 200
MAX_BODY_BYTES = 5 * 1024 * 1024
WHERE = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")
UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
# A sequence number or version as an entity tag; quotes are optional, `*` and weak tags say too little.
IF_MATCH = re.compile(r'"?(?P<number>\d{1,9})"?')
MISSING_FIELD = re.compile(r"Object missing required field `(?P<name>.*)`")


def read_body(request: Request | HttpRequest, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the body, refusing one that is announced as too large before it is read."""
    announced = request.META.get("CONTENT_LENGTH") or ""
    if not announced and "HTTP_TRANSFER_ENCODING" in request.META:
        return read_chunks(request, limit)
    if not announced.isdecimal() and announced:
        raise invalid_parameter("invalid_header", "Content-Length is not a number.", "Content-Length")
    if len(announced) > 15 or int(announced or 0) > limit:
        raise too_large("body_too_large", f"A body may have {limit} bytes.", "")
    return bytes(request.body)


def read_chunks(request: Request | HttpRequest, limit: int) -> bytes:
    """Return a body that came in chunks: Django knows only those of an announced length.

    Raises:
        Problem: 413, or 411 where the server does not say that it ends the body.
    """
    if not request.META.get("wsgi.input_terminated"):
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "length_required", "Send a Content-Length.")
    body, source = b"", request.META["wsgi.input"]
    while len(body) <= limit and (part := source.read(limit + 1 - len(body))):
        body += part
    if len(body) > limit:
        raise too_large("body_too_large", f"A body may have {limit} bytes.", "")
    return body


def too_large(code: str, detail: str, pointer: str) -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code, detail, pointer=pointer)


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes, at: str = "") -> T:
    """Decode a body strictly; `at` is the pointer of the body inside a larger one.

    Raises:
        Problem: 400 for anything that JSON, the type, or a database that must hold it does not allow.
    """
    try:
        value = decode_outer(decoder, body, at)
        msgspec.msgpack.encode(value)
    except OverflowError:
        raise invalid("number_out_of_range", "An integer does not fit into 64 bits.", at) from None
    if fault := content.find_fault(body, at):
        raise fault
    return value


def decode_outer(decoder: "msgspec.json.Decoder[T]", body: bytes, at: str = "") -> T:
    """Decode a body whose parts are decoded, and checked, on their own.

    Raises:
        Problem: 400 for what is not JSON or not of the type.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise from_validation(str(error), at) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid("malformed_json", f"The body is not valid JSON: {error}.", at) from None
    except RecursionError:
        raise invalid("too_deep", f"JSON may be nested {content.MAX_DEPTH} levels deep.", at) from None


def from_validation(message: str, at: str) -> Problem:
    """Turn msgspec's complaint into a problem with a JSON pointer."""
    found = WHERE.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    pointer = at + "".join(f"/{step['name'] or step['index']}" for step in STEP.finditer(path))
    if unknown := UNKNOWN_FIELD.fullmatch(what):
        name = unknown["name"][:MAX_SHOWN]
        return invalid(
            "unknown_field", f"`{name}` is not a field of this request.", f"{pointer}/{content.escape(name)}"
        )
    if missing := MISSING_FIELD.fullmatch(what):
        return invalid("missing_field", f"`{missing['name']}` is required.", f"{pointer}/{missing['name']}")
    code = "number_out_of_range" if "out of range" in what else "invalid_field"
    return invalid(code, f"{what}.", pointer)


def query(request: Request, kind: type[T]) -> T:
    """Read the query string into a struct, each name at most once.

    Raises:
        Problem: 400 naming the parameter.
    """
    given: Mapping[str, list[str]] = dict(request.query_params.lists())
    for name, values in given.items():
        if len(values) > 1:
            raise invalid_parameter("repeated_parameter", f"`{name}` is given more than once.", name)
        if "\0" in values[0]:
            raise invalid_parameter("nul_character", f"`{name}` holds a NUL character.", name)
    try:
        return msgspec.convert({name: values[0] for name, values in given.items()}, kind, strict=False)
    except msgspec.ValidationError as error:
        problem = from_validation(str(error), "")
        name = (problem.pointer or "").removeprefix("/")
        code, detail = problem.code.replace("field", "parameter"), problem.detail
        raise invalid_parameter(code, detail.replace("field of this request", "parameter here"), name) from None


def if_match(request: Request) -> int | None:
    """Return the number that If-Match names, or None without the header.

    Raises:
        Problem: 400 when it is not one number.
    """
    sent = request.META.get("HTTP_IF_MATCH")
    if sent is None:
        return None
    found = IF_MATCH.fullmatch(sent.strip())
    if found is None:
        raise invalid_parameter("invalid_header", 'If-Match takes one number, as in If-Match: "7".', "If-Match")
    return int(found["number"])
