"""The step in which an action runs: its arguments resolved just in time, its outcome cleaned of their secrets."""

from typing import Any

import msgspec

from workflows import blobs, conf
from workflows.actions import checking, registry, resolving
from workflows.actions.call import ActionCall, Scope
from workflows.actions.registry import Action
from workflows.blobs import BlobMissing, BlobTooLarge
from workflows.outbound import OutboundRefused, ResponseTooLarge
from workflows.redaction import Redactor
from workflows.secrets import SecretMissing, SecretUnreadable
from workflows.steps import Fatal, Retryable, step

# What no retry can help, whichever action meets it.
FATAL = (SecretMissing, SecretUnreadable, BlobMissing, BlobTooLarge, OutboundRefused, ResponseTooLarge)


class ActionFailed(Exception):
    """An action raised what is neither Fatal nor Retryable; it is tried again as its step says."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@step(name="action")
def run_action(name: str, arguments: dict[str, Any], scope: dict[str, Any]) -> Any:
    """Run an action and return its result, or `{"$blob": key, "size": n}` where that is larger than SPILL_BYTES.

    `scope` holds `org`, `env`, `instance`, and, where they are known, `step` and `secrets` (see call.Scope).

    Raises:
        Fatal: action_unknown, action_disabled, arguments_invalid, secret_not_declared, secret_missing,
            secret_unreadable, blob_missing, blob_too_large, outbound_refused, response_too_large, result_invalid,
            nested_too_deeply, or what the action says.
        Retryable, ActionFailed: what the action says, without secrets.
    """
    found = _runnable(name)
    whose = _scope(scope)
    result, error = _attempt(found, arguments, whose)
    # Raised out here, where no frame and no context of it holds a secret.
    if error is not None:
        raise error
    return _kept(result, whose)


def _runnable(name: str) -> Action:
    found = registry.get(name)
    if found is None:
        raise Fatal(f"there is no action {name!r} in this version of the service", code="action_unknown")
    reason = registry.disabled().get(name)
    if reason is not None:
        raise Fatal(f"action {name} is switched off: {reason}", code="action_disabled")
    return found


def _scope(scope: dict[str, Any]) -> Scope:
    try:
        return msgspec.convert(scope, Scope)
    except msgspec.ValidationError as error:
        raise Fatal(f"scope: {error}", code="arguments_invalid") from None


def _attempt(found: Action, arguments: Any, scope: Scope) -> tuple[Any, Exception | None]:
    """Return what came of the action as plain JSON, or a new error; nothing in either holds a secret."""
    redactor = Redactor()
    try:
        resolved, redactor = resolving.resolve(arguments, scope)
        call = ActionCall(found.name, _made(found, resolved), scope)
        return redactor.value(_plain(found.function(call))), None
    except Exception as error:  # noqa: BLE001 - an action may raise anything, and all of it is cleaned
        return None, _cleaned(error, redactor)


def _made(found: Action, resolved: Any) -> Any:
    try:
        return checking.made(found.arguments, resolved)
    except msgspec.ValidationError as error:
        raise Fatal(f"arguments of {found.name}: {error}", code="arguments_invalid") from None


def _plain(result: Any) -> Any:
    try:
        return msgspec.to_builtins(result, str_keys=True)
    except (TypeError, ValueError) as error:
        raise Fatal(f"the result is not JSON: {error}", code="result_invalid") from None


def _cleaned(error: Exception, redactor: Redactor) -> Exception:
    message, code = redactor.text(str(error)), getattr(error, "code", None)
    code = redactor.text(code) if isinstance(code, str) and code else "error"
    if isinstance(error, Retryable):
        return Retryable(message, after=error.after_seconds, code=code)
    if isinstance(error, (Fatal, *FATAL)):
        return Fatal(message, code=code)
    if isinstance(error, RecursionError):
        return Fatal("arguments or result are nested too deeply", code="nested_too_deeply")
    return ActionFailed(message if code != "error" else f"{type(error).__name__}: {message}", code)


def _kept(result: Any, scope: Scope) -> Any:
    try:
        content = msgspec.json.encode(result)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Fatal(f"the result is not JSON: {error}", code="result_invalid") from None
    if len(content) <= conf.current().spill_bytes:
        return result
    return blobs.spill(scope.env, scope.instance, content)
