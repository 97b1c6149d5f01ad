"""The instance command."""

import json

import pytest
from django.core.management import CommandError, call_command
from uuid_utils.compat import uuid7

from tests.bound import bind, emitted
from tests.declared import forgotten  # noqa: F401 - a fixture
from tests.tenants import make_env, request, seen
from tests.waiting import until
from tests.workflows.declarative.documents import document, put
from tests.workflows.making import log_of, make_instance, row
from tests.workflows.pumping import run_until_idle, running
from workflows import hooks, registry, step
from workflows.intake import ancestry, definitions, events, submission
from workflows.intake.rollout import Actor
from workflows.models import Instance
from workflows.states import Status


@step
def pick(word):
    return word


@pytest.fixture
def env(transactional_db):
    made = make_env("acme", "production", mode="on", limit=1, window_ms=60_000, hold_ms=60_000)
    make_env("other", "production")
    return made


def run(capsys, *arguments) -> str:
    call_command("instance", *(str(each) for each in arguments))
    return capsys.readouterr().out


def told(capsys, *arguments) -> dict:
    return json.loads(run(capsys, *arguments, "--json"))


def refused(capsys, *arguments) -> str:
    with pytest.raises(CommandError) as caught:
        run(capsys, *arguments)
    assert caught.value.returncode == 1
    return str(caught.value)


def owned(env, definition="flow", payload=None):
    instance = make_instance(definition, payload)
    Instance.objects.filter(id=instance).update(org_id=env.org_id, env_id=env.id)
    return instance


def test_an_instance_is_shown_with_its_timeline(env, capsys):
    id_ = submission.submit(request(env, payload=b'{"a":1}')).instance.id
    shown = told(capsys, "show", id_)
    assert (shown["status"], shown["payload"], shown["org"], shown["hooks"]) == ("pending", {"a": 1}, "acme", [])
    assert [event["type"] for event in shown["events"]] == ["created"]
    assert "acme/production" in run(capsys, "show", id_)


def test_a_timeline_tells_since_when_and_how_long_and_which_hooks_are_open(env, flow, capsys):
    @flow
    async def pick_and_ask(ctx, payload):
        await ctx.step(pick, "x" * 200)
        await ctx.sleep(0.02)
        await ctx.hook("approval")

    id_ = owned(env)
    run_until_idle()
    until(lambda: run_until_idle() and hooks.open_of(id_))
    shown = told(capsys, "show", id_)
    took = {event["type"]: event["took_seconds"] for event in shown["events"]}
    assert took["created"] is took["hook_created"] is None
    assert took["wait_completed"] >= 0.02
    assert took["step_completed"] >= 0
    assert shown["events"][-1]["since_seconds"] >= took["wait_completed"]
    lines = run(capsys, "show", id_).splitlines()
    (hook,) = hooks.open_of(id_)
    assert f"hook      approval  {hook.token}" in lines
    (step_line,) = [line for line in lines if "step_completed" in line]
    assert step_line.split()[:5] == [
        "3",
        f"{shown['events'][2]['since_seconds']:.3f}",
        "s",
        "step_completed",
        "step:pick:1",
    ]
    assert step_line.endswith("…")


def test_only_the_last_events_are_shown_and_how_many_came_before(env, flow, capsys):
    @flow
    async def pick_five(ctx, payload):
        for number in range(5):
            await ctx.step(pick, number)

    id_ = owned(env)
    run_until_idle()
    lines = run(capsys, "show", id_, "--last", "2").splitlines()
    assert lines[-3].startswith("6 earlier events")
    assert [line.split()[0] for line in lines[-2:]] == ["7", "8"]
    assert [event["seq"] for event in told(capsys, "show", id_, "--last", "1")["events"]] == [8]
    with pytest.raises(CommandError, match="above 0"):
        run(capsys, "show", id_, "--last", "0")


def test_a_family_is_shown_one_a_line(env, flow, capsys):
    @flow
    async def ask_below(ctx, payload):
        if payload:
            return await ctx.child("flow", payload - 1)
        raise ValueError("no luck")

    id_ = owned(env, payload=2)
    with running(0), running(1), running(2), running(3):
        until(lambda: row(id_).status == Status.FAILED)
    child, grandchild = Instance.objects.filter(root_id=id_, depth__gt=0).order_by("depth").values_list("id", flat=True)
    lines = run(capsys, "show", child).splitlines()
    assert f"root      {id_}  flow  failed" in lines
    assert f"parent    {id_}  flow  failed" in lines
    assert f"child     {grandchild}  flow  failed" in lines
    assert "error: ValueError: no luck" in lines
    family = told(capsys, "show", id_)["lineage"]
    assert (family["root"], family["parent"], family["more"]) == (None, None, False)
    assert family["children"] == [{"id": str(child), "definition": "flow", "status": "failed", "depth": 1}]


def test_a_buffered_one_is_found_and_cancelled(env, capsys):
    submission.submit(request(env, bufferable=True))
    id_ = submission.submit(request(env)).instance.id
    assert "its turn" in run(capsys, "show", id_)
    assert "buffered" in refused(capsys, "replay", id_)
    assert "ends with 0 now" in refused(capsys, "cancel", id_, "--reason", "no", "--expected-seq", "3")
    assert told(capsys, "cancel", id_, "--reason", "no", "--expected-seq", "0")["status"] == "cancelled"


def test_a_row_is_cancelled_once(env, capsys):
    id_ = submission.submit(request(env)).instance.id
    shown = told(capsys, "cancel", id_, "--reason", "no")
    assert (shown["status"], shown["error"]) == ("cancelled", {"code": "cancelled", "message": "no"})
    assert "already" in refused(capsys, "cancel", id_, "--reason", "again")
    other = submission.submit(request(env, bufferable=False)).instance.id
    assert told(capsys, "cancel", other)["error"]["message"] == "Cancelled by instance cancel"


def test_a_cancel_that_was_decided_on_an_older_log_is_refused(env, capsys):
    id_ = submission.submit(request(env)).instance.id
    assert refused(capsys, "cancel", id_, "--reason", "no", "--expected-seq", "7") == (
        "its log ends with 1 now, not with 7"
    )
    assert row(id_).status == Status.PENDING
    assert told(capsys, "cancel", id_, "--reason", "no", "--expected-seq", "1")["status"] == "cancelled"


def test_a_reason_that_is_no_text_is_refused(env, capsys):
    id_ = submission.submit(request(env)).instance.id
    with pytest.raises(CommandError, match="--reason"):
        run(capsys, "cancel", id_, "--reason", "caf\udce9")
    assert told(capsys, "cancel", id_, "--reason", "a\0b")["error"]["message"] == "a\ufffdb"


def test_what_is_nowhere_is_refused(env, capsys):
    for action in (("show",), ("replay",), ("cancel", "--reason", "no")):
        assert "no instance" in refused(capsys, action[0], uuid7(), *action[1:])


def test_code_that_goes_the_way_of_the_log_agrees_and_nothing_is_written(env, flow, capsys):
    @flow
    async def pick_and_ask(ctx, payload):
        await ctx.step(pick, "x")
        return await ctx.hook("approval", "the-token")

    id_ = owned(env)
    run_until_idle()
    before = log_of(id_)
    assert run(capsys, "replay", id_) == "agrees up to 4; awaits hook:approval:1\n"
    assert told(capsys, "replay", id_) == {
        "id": str(id_),
        "outcome": "agrees",
        "seq": 4,
        "awaits": ["hook:approval:1"],
        "ends": None,
    }
    assert log_of(id_) == before
    hooks.resume("the-token", b'"yes"')
    run_until_idle()
    assert run(capsys, "replay", id_) == 'agrees up to 6; completed with "yes"\n'


def test_code_that_was_changed_diverges_and_both_sides_are_told(env, flow, capsys):
    @flow
    async def ask(ctx, payload):
        await ctx.step(pick, "x")
        await ctx.hook("approval")

    id_ = owned(env)
    run_until_idle()

    async def changed(ctx, payload):
        await ctx.step(pick, "x")
        await ctx.sleep(5)

    changed.__module__, changed.__qualname__ = ask.__module__, ask.__qualname__
    flow(changed)
    assert refused(capsys, "replay", id_) == (
        "diverges at 4: the log has hook_created of hook:approval:1, the code awaits wait:sleep:1"
    )
    with pytest.raises(CommandError):
        run(capsys, "replay", id_, "--json")
    assert json.loads(capsys.readouterr().out)["outcome"] == "diverges"


def test_a_version_that_is_not_registered_here_can_not_be_tried(env, capsys):
    assert refused(capsys, "replay", owned(env, "gone")).startswith("definition_absent")


@pytest.mark.django_db
def test_the_tree_of_an_instance_is_shown_with_what_started_it(capsys):
    env = make_env("trees", "production")
    bind("order.created", loop_policy="allow_all")
    root = submission.submit(request(env)).instance.id
    place = ancestry.find(seen(env), root)
    (outcome,) = events.submit_matching(emitted(env, parent=place))
    child = outcome.submission.instance.id
    call_command("instance", "show", str(child), "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["root_id"], shown["parent_id"], shown["depth"], shown["cause"]) == (
        str(root),
        str(root),
        1,
        str(root),
    )
    assert shown["event"] == {"type": "order.created", "key": "evt-1"}
    assert [(each["id"], each["depth"]) for each in shown["lineage"]["tree"]] == [(str(root), 0), (str(child), 1)]
    call_command("instance", "show", str(child))
    said = capsys.readouterr().out
    assert "from      order.created evt-1" in said
    assert f"root      {root}  greet  pending" in said


@pytest.mark.usefixtures("forgotten")
def test_a_declared_definition_is_loaded_to_be_tried(env, capsys):
    greet = document(("a", put(greeting="hello")), output="{{ greeting }}")
    definitions.save("greeting", document=greet, actor=Actor("ada"), reason="a test")
    id_ = owned(env, "greeting")
    run_until_idle()
    registry._declared.clear()
    assert run(capsys, "replay", id_) == f'agrees up to {row(id_).last_seq}; completed with "hello"\n'
