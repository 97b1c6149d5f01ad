"""What a declarative definition does, on the context's contract, and over the log where it can be replayed."""

import functools

import pytest

from tests.workflows.declarative.documents import act, ask, document, each, parallel, put, wait
from tests.workflows.declarative.driving import ENV, INSTANCE, NOW, ORG, Driven, run
from tests.workflows.making import identity_of
from workflows.declarative import interpreter, schema, weight
from workflows.declarative.interpreter import DefinitionFailed
from workflows.endings import Completed, Failed
from workflows.operations import ContextMisused, HookConflict
from workflows.replay import Replay


def outcome(broken, payload=None, driven=None):
    with pytest.raises(DefinitionFailed) as failed:
        run(broken, payload, driven)
    return failed.value.code, str(failed.value)


def test_steps_run_in_their_order_and_the_last_one_answers(actions):
    flow = document(
        ("a", act(to="b", arguments={"to": "{{ payload.name }}", "n": "{{ payload.n + 1 }}"})),
        ("b", act(arguments={"a": "{{ steps.a }}", "text": "{{ steps.a.to }} is {{ steps.a.n }}"})),
    )
    assert run(flow, {"name": "Ada", "n": 1}) == {"a": {"to": "Ada", "n": 2}, "text": "Ada is 2"}
    assert [name for name, *_ in actions.calls] == ["echo", "echo"]
    whose = {"org": str(ORG), "env": str(ENV), "instance": str(INSTANCE)}
    assert actions.calls[0][2] == {**whose, "step": "a", "secrets": []}


def test_the_output_is_what_the_document_says(actions):
    flow = document(("a", act(arguments={"n": 1})), output={"n": "{{ steps.a.n }}", "who": "{{ instance.id }}"})
    assert run(flow) == {"n": 1, "who": str(INSTANCE)}
    assert run({"steps": {"start": {"type": "trigger"}}}, [1]) == [1]


DOUBLED = put("l", v=["{{ v }}", "{{ v }}"])


@pytest.mark.parametrize(
    "output", ["{{ v }}", "of all: {{ steps.l.results }}", ["{{ steps.l.results[24] }}", "{{ steps.l.results[24] }}"]]
)
def test_what_no_memory_holds_as_json_is_never_written(output, monkeypatch):
    monkeypatch.setattr(weight, "PLAIN_MEMBERS", 1_000)
    flow = document(("l", each("range(25)", "s")), ("s", DOUBLED), variables={"v": "x"}, output=output)
    assert outcome(flow)[0] == "expression_failed"
    flow = document(("l", each("range(24)", "s")), ("s", DOUBLED), variables={"v": "x"})
    assert outcome(flow)[0] == "output_invalid"
    ended = document(("l", each("range(24)", "s", "c")), ("s", DOUBLED), ("c", ask("v")), variables={"v": "x" * 9})
    assert outcome(ended)[0] == "expression_failed"


def test_secrets_and_blobs_go_to_the_actions_as_they_stand(actions):
    kept = {"key": {"$secret": "{{ KEY }}"}, "file": {"$blob": "ab", "size": 3}}
    assert run(document(("a", act(arguments=kept)))) == kept
    flow = document(("a", act(to="b", arguments=kept)), ("b", act(arguments={"all": "{{ steps.a.file }}"})))
    assert run(flow) == {"all": kept["file"]}
    flow["steps"]["b"]["arguments"] = {"part": "{{ steps.a.file.lines }}"}
    code, said = outcome(flow)
    assert (code, "blob storage" in said) == ("expression_failed", True)


def test_a_secret_that_a_payload_brings_is_not_one_that_the_document_names(actions):
    flow = document(("a", act(arguments={"mine": {"$secret": "KEY"}, "theirs": "{{ payload }}"})))
    run(flow, {"$secret": "OTHER"})
    ((_, given, scope),) = actions.calls
    assert given == {"mine": {"$secret": "KEY"}, "theirs": {"$secret": "OTHER"}}
    assert scope["secrets"] == ["/mine"]


def test_each_execution_of_a_step_has_a_name_of_its_own(actions):
    flow = document(
        ("l", each("payload", "p", parallelism=2)),
        ("p", parallel("all", "l", x="a", y="b")),
        ("a", act()),
        ("b", act()),
    )
    run(flow, [1, 2])
    named = sorted(scope["step"] for *_, scope in actions.calls)
    assert named == [f"l.{index}/p.{branch}/{step}" for index in (0, 1) for branch, step in (("x", "a"), ("y", "b"))]


@pytest.mark.parametrize(("n", "went"), [(1, "small"), (5, "large")])
def test_a_condition_chooses_the_way(actions, n, went):
    flow = document(
        ("q", ask("payload.n > 3", "l", "s")),
        ("l", act(arguments={"is": "large"})),
        ("s", act(arguments={"is": "small"})),
    )
    assert run(flow, {"n": n}) == {"is": went}


@pytest.mark.parametrize("answer", ["1", "'true'", "null", "[]"])
def test_a_condition_that_is_not_a_boolean_fails(actions, answer):
    code, said = outcome(document(("q", ask(answer))))
    assert code == "condition_not_boolean"
    assert said.startswith(f"step 'q': `{answer}` gives ")


def test_an_expression_that_fails_names_the_step_and_itself(actions):
    assert outcome(document(("a", act(arguments={"x": "{{ payload.order.id }}"}))), {"order": {}}) == (
        "expression_failed",
        "step 'a': `payload.order.id`: there is no member 'id'",
    )


def test_variables_are_set_for_what_comes_after_and_the_document_stays_as_it_is(actions):
    flow = document(
        ("s", put("a", count="{{ count + 1 }}", list="{{ list + [payload] }}")),
        ("a", act(arguments={"count": "{{ count }}", "list": "{{ list }}"})),
        variables={"count": 1, "list": []},
    )
    parsed = schema.parse(flow)
    assert run(flow, 7) == {"count": 2, "list": [7]}
    assert parsed.variables == flow["variables"] == {"count": 1, "list": []}


def test_a_failed_action_fails_the_instance_with_its_code_and_step(actions):
    assert outcome(document(("a", act("fail")))) == ("declined", "step 'a': the card is refused")


def test_a_failed_action_with_a_port_for_it_goes_on_there(actions):
    flow = document(
        ("a", {**act("fail"), "next": {"success": "noop", "error": "b"}}),
        ("b", act(arguments={"why": "{{ steps.a.error.code }}"})),
    )
    assert run(flow) == {"why": "declined"}


def policy(step, **members):
    driven = Driven()
    run(document(("a", act(**step)), **members), driven=driven)
    (made,) = driven.steps
    return made.name, made.retries, made.backoff_seconds, made.timeout_seconds


def test_the_retry_policy_of_a_step_goes_over_the_documents(actions):
    three, none = {"max_retries": 3, "backoff_seconds": 5}, {"max_retries": -2}
    assert policy({}) == ("a", 0, 1.0, None)
    assert policy({}, retry=three) == ("a", 3, 5, None)
    assert policy({"retry": {"max_retries": 1}, "timeout_seconds": 7}, retry=three) == ("a", 1, 1.0, 7)
    assert policy({"retry": none}, retry=three) == ("a", 0, 1.0, None)


def test_an_llm_step_is_the_llm_action_with_its_arguments(actions):
    model = {"type": "llm", "model": "m", "endpoint": "https://models.example/v1", "api_key": {"$secret": "KEY"}}
    run(document(("m", {**model, "prompt": "Hello {{ payload }}", "options": {"temperature": 0}})), "Ada")
    ((name, given, _),) = actions.calls
    assert name == "llm"
    assert given == {
        "model": "m",
        "endpoint": "https://models.example/v1",
        "prompt": "Hello Ada",
        "api_key": {"$secret": "KEY"},
        "temperature": 0,
    }


def test_an_event_is_emitted(actions):
    driven = Driven()
    given = {"type": "order.{{ payload.kind }}", "payload": {"n": "{{ payload.n }}"}, "key": "o-{{ payload.n }}"}
    run(document(("e", act("emit_event", arguments=given))), {"kind": "paid", "n": 4}, driven)
    assert driven.asked == [("emit", "order.paid", {"n": 4}, "o-4")]
    assert actions.calls == []


# Loops.


def test_a_loop_sees_item_and_index_and_gives_what_each_iteration_gave(actions):
    flow = document(
        ("l", each("payload", "a", "z", item="order", index="at")),
        ("a", act(to="l", arguments={"was": "{{ loop.order }}{{ loop.at }}"})),
        ("z", act(arguments={"all": "{{ [x.was for x in steps.l.results] }}", "n": "{{ steps.l.iterations }}"})),
    )
    assert run(flow, ["a", "b", "c"]) == {"all": ["a0", "b1", "c2"], "n": 3}
    assert run(flow, []) == {"all": [], "n": 0}


def test_an_accumulator_goes_from_iteration_to_iteration(actions):
    flow = document(
        ("l", each("payload", "s")),
        ("s", put("l", total="{{ total + loop.item }}")),
        variables={"total": 0},
        output="{{ total }}",
    )
    assert run(flow, [1, 2, 3, 4]) == 10


@pytest.mark.parametrize("parallelism", [1, 2, 5, 50])
def test_parallel_iterations_are_at_most_so_many_at_once_and_answer_in_order(actions, parallelism):
    driven = Driven()
    flow = document(
        ("l", each("payload", "a", parallelism=parallelism)),
        ("a", act(to="b", arguments={"n": "{{ loop.item }}"})),
        ("b", act(to="l", arguments={"n": "{{ steps.a.n * 10 }}"})),
        output="{{ [x.n for x in steps.l.results] }}",
    )
    assert run(flow, list(range(20)), driven) == [n * 10 for n in range(20)]
    assert driven.most_at_once <= parallelism
    assert parallelism == 1 or driven.most_at_once > 1


def test_parallel_iterations_do_not_see_each_other_and_the_last_item_wins(actions):
    flow = document(
        ("l", each("payload", "a", parallelism=3)),
        ("a", act(to="s")),
        ("s", put("l", total="{{ total + loop.item }}")),
        variables={"total": 100},
        output="{{ total }}",
    )
    assert run(flow, [3, 2, 1]) == 101


def test_loops_nest_and_the_inner_one_sees_the_outer_item(actions):
    flow = document(
        ("l", each("payload", "m", item="row", parallelism=2)),
        ("m", each("loop.row", "a", "l", item="cell", parallelism=2)),
        (
            "a",
            act(to="m", arguments={"at": "{{ loop.index }}", "of": "{{ len(loop.row) }}", "cell": "{{ loop.cell }}"}),
        ),
        output="{{ [[x.cell for x in row.results] for row in steps.l.results] }}",
    )
    assert run(flow, [[1, 2], [], [3]]) == [[1, 2], [], [3]]
    assert sorted(given["cell"] for _, given, _ in actions.calls) == [1, 2, 3]


def test_ten_loops_of_fifty_iterations_end(actions):
    flow = document(
        ("l", each("range(10)", "m", parallelism=10)),
        ("m", each("range(50)", "a", "l", item="n")),
        ("a", act(to="m", arguments={"n": "{{ loop.n }}"})),
        output="{{ steps.l.iterations }}",
    )
    assert run(flow) == 10
    assert len(actions.calls) == 500


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_loop_over_too_many_items_fails_before_its_first_iteration(actions, parallelism):
    flow = document(("l", each("payload", "a", max_iterations=3, parallelism=parallelism)), ("a", act()))
    assert outcome(flow, [1, 2, 3, 4]) == ("too_many_iterations", "step 'l': 4 items, and max_iterations is 3")
    assert actions.calls == []
    assert outcome(flow, {"a": 1})[0] == "collection_not_a_list"


def test_after_a_failed_iteration_no_other_begins(actions):
    flow = document(
        ("l", each("payload", "q", parallelism=2)),
        ("q", ask("loop.item > 0", "a", "f")),
        ("a", act()),
        ("f", act("fail")),
    )
    assert outcome(flow, [1, 0, *range(1, 50)])[0] == "declined"
    assert len(actions.calls) < 10


# Parallels and waits.


def test_all_branches_run_and_what_they_did_is_seen_after(actions):
    flow = document(
        ("p", parallel("all", "z", left="a", right="s")),
        ("a", act(arguments={"n": 1})),
        ("s", put("b", x=5)),
        ("b", act(arguments={"n": 2})),
        ("z", act(arguments={"p": "{{ steps.p }}", "x": "{{ x }}", "a": "{{ steps.a.n }}"})),
    )
    assert run(flow) == {"p": {"left": {"n": 1}, "right": {"n": 2}}, "x": 5, "a": 1}


def test_the_first_branch_of_a_race_wins_and_only_what_it_did_is_seen(actions):
    flow = document(
        ("p", parallel("race", "z", slow="w", fast="a")),
        ("w", wait("s", seconds=60)),
        ("s", put(x=2)),
        ("a", act(arguments={"n": 1})),
        ("z", act(arguments={"p": "{{ steps.p }}", "x": "{{ x }}"})),
        variables={"x": 1},
    )
    assert run(flow) == {"p": {"winner": "fast", "result": {"n": 1}}, "x": 1}


def test_waits_last_as_long_as_they_say(actions):
    driven = Driven()
    flow = document(
        ("w", wait("x", seconds="{{ payload.nap }}")),
        ("x", wait("y", seconds=0)),
        ("y", wait("z", until="{{ payload.at }}")),
        ("z", wait(until="{{ now() }}")),
    )
    run(flow, {"nap": 0.01, "at": "2031-05-01T12:00:00+02:00"}, driven)
    assert driven.asked[:2] == [("sleep", 0.01), ("sleep", 0)]
    assert driven.asked[2][1].isoformat() == "2031-05-01T12:00:00+02:00"
    assert driven.asked[3] == ("sleep_until", NOW)


@pytest.mark.parametrize(
    "members",
    [
        {"seconds": "{{ 'x' }}"},
        {"seconds": "{{ 0 - 1 }}"},
        {"until": "soon"},
        {"until": "2030-01-01T00:00:00"},
        {"hook": "h", "token": "{{ 5 }}"},
        {"seconds": "{{ true }}"},
    ],
)
def test_a_wait_for_what_is_no_time_fails(actions, members):
    assert outcome(document(("w", wait(**members))))[0] == "wait_invalid"


def test_a_hook_gives_its_payload_or_goes_on_by_its_time_out(actions):
    step = wait(hook="ok", token="t-{{ payload }}", timeout_seconds=5)
    flow = document(
        ("w", {**step, "next": {"success": "a", "timeout": "b"}}),
        ("a", act(arguments={"got": "{{ steps.w }}"})),
        ("b", act(arguments={"late": True})),
    )
    driven = Driven(hooks={"ok": {"by": "Ada"}})
    assert run(flow, 7, driven) == {"got": {"by": "Ada"}}
    assert driven.asked == [("hook", "ok", "t-7", 5)]
    assert run(flow, 7, Driven()) == {"late": True}
    assert outcome(flow, 7, Driven(hooks={"ok": HookConflict("t-7 is taken")})) == (
        "hook_conflict",
        "step 'w': t-7 is taken",
    )
    assert outcome(flow, 7, Driven(hooks={"ok": ContextMisused("no")}))[0] == "context_misused"


# Bounds, and what is refused though it was let in.


def test_steps_that_leave_nothing_in_the_log_are_bounded(actions, monkeypatch):
    monkeypatch.setattr(interpreter, "MAX_STEPS_RUN", 50)
    flow = document(("l", each("range(100)", "s")), ("s", put("l", x=1)))
    assert outcome(flow)[0] == "too_many_steps"


def test_a_port_that_leads_nowhere_fails(actions):
    assert outcome(document(("q", {**ask("true"), "next": {"false": "noop"}})))[0] == "port_missing"


# Over the log.


def begin(flow, payload="null"):
    function = functools.partial(interpreter.run, document=schema.parse(flow))
    replay = Replay(function, identity_of())
    replay.deliver("created", "", f'{{"payload": {payload}}}', NOW)
    return replay


NESTED = document(
    ("l", each("payload", "m", item="row", parallelism=2)),
    ("m", each("loop.row", "a", "l", item="cell")),
    ("a", act(to="w", arguments={"cell": "{{ loop.cell }}"})),
    ("w", wait("m", seconds=1)),
    output="{{ [row.iterations for row in steps.l.results] }}",
)


@pytest.mark.usefixtures("actions")
def test_a_log_replays_to_the_same_place_at_each_of_its_events():
    payload, log = "[[1,2],[3],[4,5]]", []
    first = begin(NESTED, payload)
    while first.result is None:
        # The last that is awaited is answered first: lanes overtake each other.
        name = list(first.pending)[-1]
        kind = "step_completed" if "step:" in name else "wait_completed"
        log.append((kind, name, '{"result": {"cell": 1}}', NOW))
        first.deliver(*log[-1])
        again = begin(NESTED, payload)
        for event in log:
            again.deliver(*event)
        assert (list(again.pending), again.result) == (list(first.pending), first.result)
    assert first.result == Completed("[2,1,2]")
    assert len(log) == 10


@pytest.mark.usefixtures("actions")
def test_the_log_names_steps_as_the_document_does():
    replay = begin(document(("fetch", act("fail"))))
    assert list(replay.pending) == ["step:fetch:1"]
    failed = '{"error": {"code": "declined", "message": "no", "type": "Fatal"}}'
    replay.deliver("step_failed", "step:fetch:1", failed, NOW)
    assert isinstance(replay.result, Failed)
    assert (replay.result.failure.code, replay.result.failure.message) == ("declined", "step 'fetch': no")
