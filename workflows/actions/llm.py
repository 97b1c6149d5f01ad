"""The `llm` action: one chat completion of any endpoint that speaks OpenAI's protocol; tools are off."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta

from workflows import outbound
from workflows.actions import answers, http
from workflows.actions.call import ActionCall, Arguments
from workflows.actions.registry import action
from workflows.outbound import Request, Response
from workflows.redaction import Secret
from workflows.steps import Fatal, Retryable

PATH = "/chat/completions"


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of the conversation; `content` is text, or parts as the endpoint takes them."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]]


class LlmArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`prompt`, with `system` beside it, or `messages`. `endpoint` is the base URL, as in https://api.openai.com/v1."""

    endpoint: Annotated[str, Meta(min_length=1)]
    model: Annotated[str, Meta(min_length=1, max_length=200)]
    prompt: str | None = None
    system: str | None = None
    messages: Annotated[list[Message], Meta(max_length=1_000)] | None = None
    api_key: Secret | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    response_format: Literal["text", "json"] = "text"
    json_schema: dict[str, Any] | None = None
    timeout_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 120.0

    def __post_init__(self) -> None:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give prompt or messages, one of them")
        if self.system is not None and self.prompt is None:
            raise ValueError("system goes with prompt; with messages, make it the first of them")
        if self.json_schema is not None and self.response_format != "json":
            raise ValueError("json_schema goes with response_format json")


class _Said(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(msgspec.Struct):
    message: _Said
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Completion(msgspec.Struct):
    """The parts of an answer that count here."""

    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None


@action("llm", arguments=LlmArguments, retries=3, timeout_seconds=330.0)
def llm(call: ActionCall[LlmArguments]) -> dict[str, Any]:
    """Ask a model behind an OpenAI-compatible endpoint.

    The result is `{text, model, finish_reason, usage}`, and `json` where that was asked for.
    """
    asked = call.arguments
    response = outbound.send(request_of(call))
    if not 200 <= response.status < 300:
        raise answers.refuse(response, _told(response))
    completion = _completion(response)
    choice = completion.choices[0]
    if choice.message.tool_calls or choice.message.content is None:
        said = choice.message.refusal or f"no text (finish_reason {choice.finish_reason})"
        raise Fatal(f"the model answered {said}", code="llm_no_text")
    result: dict[str, Any] = {
        "text": choice.message.content,
        "model": completion.model or asked.model,
        "finish_reason": choice.finish_reason,
        "usage": msgspec.to_builtins(completion.usage) if completion.usage else None,
    }
    if asked.response_format == "json":
        result["json"] = _parsed(choice.message.content, choice.finish_reason)
    return result


def request_of(call: ActionCall[LlmArguments]) -> Request:
    asked = call.arguments
    headers = {**http.keyed(call), "content-type": "application/json", "accept": "application/json"}
    if asked.api_key is not None:
        headers["authorization"] = f"Bearer {asked.api_key.reveal()}"
    return Request(
        "POST", address(asked.endpoint), headers, msgspec.json.encode(body_of(asked)), asked.timeout_seconds, False
    )


def address(endpoint: str) -> str:
    """Return where completions are asked for; an endpoint without a path has them under /v1."""
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    if not path.endswith(PATH):
        path = (path or "/v1") + PATH
    return urlunsplit(parts._replace(path=path))


def body_of(asked: LlmArguments) -> dict[str, Any]:
    """Return the body of the request; what was not given is left to the endpoint."""
    if asked.messages is not None:
        messages: list[Any] = list(asked.messages)
    else:
        first = [Message("system", asked.system)] if asked.system is not None else []
        messages = [*first, Message("user", asked.prompt or "")]
    given = {
        "temperature": asked.temperature,
        "max_tokens": asked.max_tokens,
        "max_completion_tokens": asked.max_completion_tokens,
        "response_format": _format(asked),
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return {"model": asked.model, "messages": messages, "stream": False, **kept}


def _format(asked: LlmArguments) -> dict[str, Any] | None:
    if asked.json_schema is not None:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": asked.json_schema, "strict": True}}
    return {"type": "json_object"} if asked.response_format == "json" else None


def _completion(response: Response) -> Completion:
    try:
        completion = msgspec.json.decode(response.body, type=Completion)
    except (msgspec.DecodeError, UnicodeError):
        raise Retryable("the answer is no chat completion; is this the right endpoint?", code="llm_invalid") from None
    if not completion.choices:
        raise Retryable("the answer has no choices", code="llm_invalid")
    return completion


def _parsed(text: str, finish_reason: str | None) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        if finish_reason == "length":
            raise Fatal("the JSON ends in the middle; raise max_tokens", code="llm_cut_off") from None
        raise Retryable("the model answered what is not JSON", code="llm_not_json") from None


def _told(response: Response) -> str:
    """Return what the endpoint says went wrong."""
    try:
        error = msgspec.json.decode(response.body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (msgspec.DecodeError, UnicodeError, KeyError, TypeError):
        return answers.excerpt(response.body)
