"""An action as a step: resolved, cleaned, spilled; and no secret anywhere afterwards."""

import base64
import traceback
from typing import Any

import msgspec
import pytest
from uuid_utils.compat import uuid7

from workflows import blobs, secrets
from workflows.actions import Arguments, Secret, action, switches
from workflows.actions.running import ActionFailed, run_action
from workflows.outbound import OutboundFailed, OutboundRefused
from workflows.secrets import Author
from workflows.steps import Fatal, Retryable

VALUE = "sk_live_0123456789"
KEY = {"$secret": "KEY"}


class Anything(Arguments, frozen=True, kw_only=True):
    value: Any = None
    plain: str = ""
    wrapped: Secret | None = None


@pytest.fixture(autouse=True)
def _secret(env):
    secrets.create(env.org_id, env.id, "KEY", VALUE, author=Author("ada"), reason="go live")


@pytest.fixture
def acts():
    """Register what a test hands over as the action `act`."""

    def register(function):
        action("act", arguments=Anything)(function)

    return register


def everything_of(error: BaseException) -> str:
    """Return all that a traceback can show of an error: its chain, its frames, their locals."""
    shown = []
    seen: BaseException | None = error
    while seen is not None:
        shown += traceback.TracebackException.from_exception(seen, capture_locals=True).format()
        seen = seen.__cause__ or seen.__context__
    return "".join(shown) + repr(error) + str(vars(error))


def test_an_action_runs_with_its_arguments(acts, run) -> None:
    acts(lambda call: {"got": call.arguments.value, "name": call.name})
    assert run("act", {"value": [1, {"a": None}]}) == {"got": [1, {"a": None}], "name": "act"}


def test_a_secret_reaches_the_action_and_nothing_of_it_comes_back(acts, run) -> None:
    got = []

    def act(call):
        got.append((call.arguments.plain, call.arguments.wrapped.reveal()))
        encoded = base64.b64encode(VALUE.encode()).decode()
        return {"echo": f"<{call.arguments.plain}>", VALUE: [encoded], "args": repr(call.arguments)}

    acts(act)
    result = run("act", {"plain": KEY, "wrapped": {**KEY, "prefix": "Bearer "}})
    assert got == [(VALUE, f"Bearer {VALUE}")]
    assert result["echo"] == "<[secret KEY]>"
    assert VALUE not in str(result)
    assert base64.b64encode(VALUE.encode()).decode() not in str(result)


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (lambda value: Fatal(f"no {value}", code="card_declined"), Fatal, "card_declined"),
        (lambda value: Retryable(f"no {value}", after=7, code="busy"), Retryable, "busy"),
        (lambda value: ValueError(f"no {value}"), ActionFailed, "error"),
        (lambda value: OutboundRefused(f"no {value}"), Fatal, "outbound_refused"),
        (lambda value: OutboundFailed(f"no {value}"), ActionFailed, "outbound_failed"),
        (RecursionError, Fatal, "nested_too_deeply"),
    ],
)
def test_an_error_keeps_its_meaning_and_loses_the_secret(acts, run, raised, kind, code) -> None:
    def act(call):
        revealed = call.arguments.plain
        try:
            raise KeyError(revealed)
        except KeyError as cause:
            raise raised(revealed) from cause

    acts(act)
    with pytest.raises(kind) as failed:
        run("act", {"plain": KEY})
    assert getattr(failed.value, "code", "error") == code
    assert getattr(failed.value, "after_seconds", None) == (7 if code == "busy" else None)
    assert VALUE not in everything_of(failed.value)


def test_arguments_that_do_not_fit_are_told_without_their_values(acts, run) -> None:
    acts(lambda call: None)
    with pytest.raises(Fatal, match=r"plain") as failed:
        run("act", {"plain": 5, "wrapped": KEY})
    assert failed.value.code == "arguments_invalid"
    assert VALUE not in everything_of(failed.value)


def test_a_large_result_is_spilled_and_may_be_handed_on(acts, run, env, settings) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SPILL_BYTES": 100}
    acts(lambda call: call.arguments.value)
    result = run("act", {"value": "x" * 99})
    assert result.keys() == {"$blob", "size"}
    assert result["size"] == 101
    assert msgspec.json.decode(blobs.fetch(result, env.id, at_most=1_000)) == "x" * 99
    assert run("act", {"value": "x" * 98}) == "x" * 98
    assert run("act", {"value": [result]})["size"] == 103
    assert run("act", {"value": "x" * 99}) == result


def test_400_kb_stay_in_the_log_and_more_does_not(acts, run) -> None:
    acts(lambda call: "x" * call.arguments.value)
    assert len(run("act", {"value": 400 * 1024 - 2})) == 400 * 1024 - 2
    assert run("act", {"value": 400 * 1024 - 1})["size"] == 400 * 1024 + 1


def test_a_spilled_result_holds_no_secret_either(acts, run, env, settings) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SPILL_BYTES": 10}
    acts(lambda call: call.arguments.plain * 3)
    assert VALUE.encode() not in blobs.fetch(run("act", {"plain": KEY}), env.id, at_most=1_000)


@pytest.mark.parametrize("result", [object(), {"a": {1j}}, float, Secret(VALUE), "\ud800", {"a": Secret(VALUE)}])
def test_a_result_that_is_not_json_is_refused(acts, run, result) -> None:
    acts(lambda call: result)
    with pytest.raises(Fatal) as failed:
        run("act", {})
    assert failed.value.code == "result_invalid"
    assert VALUE not in str(failed.value)


def test_an_unknown_action_and_one_that_is_off_are_fatal_with_the_reason(acts, run) -> None:
    ran = []
    acts(lambda call: ran.append(1))
    with pytest.raises(Fatal) as unknown:
        run("nothing", {})
    switches.switch("act", off=True, reason="an incident", actor_name="ada")
    with pytest.raises(Fatal, match="an incident") as off:
        run("act", {})
    assert (unknown.value.code, off.value.code) == ("action_unknown", "action_disabled")
    assert not ran


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"plain": {"$secret": "OTHER"}}, "secret_missing"),
        ({"value": {"$blob": "blobs/x"}}, "blob_missing"),
    ],
)
def test_what_is_not_there_is_fatal(acts, run, arguments, code) -> None:
    acts(lambda call: None)
    with pytest.raises(Fatal) as failed:
        run("act", arguments)
    assert failed.value.code == code


def test_a_secret_that_only_a_payload_names_is_refused(acts, scope) -> None:
    acts(lambda call: None)
    with pytest.raises(Fatal) as failed:
        run_action("act", {"plain": KEY}, scope)
    assert failed.value.code == "secret_not_declared"


def test_a_scope_that_names_no_instance_is_refused(acts) -> None:
    acts(lambda call: None)
    with pytest.raises(Fatal, match="scope") as failed:
        run_action("act", {}, {"org": str(uuid7()), "env": str(uuid7())})
    assert failed.value.code == "arguments_invalid"
