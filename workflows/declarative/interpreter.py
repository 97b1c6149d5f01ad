"""The one built-in workflow that runs every declarative definition, on the same context as code.

What it does follows from the document, the payload and the log alone, so it is replayed like any workflow. Its version
is kept with each definition: a change of what a document means is a new number beside the old one.
"""

import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from workflows.actions import registry as actions
from workflows.actions.checking import secret_places
from workflows.actions.running import run_action
from workflows.declarative import expressions, templates, weight
from workflows.declarative.checking import LLM, OWN, SET
from workflows.declarative.expressions import ExpressionFailed, ExpressionInvalid, Purse
from workflows.declarative.schema import (
    END,
    Action,
    Condition,
    Document,
    Llm,
    Loop,
    Parallel,
    Step,
    Trigger,
    Wait,
    Work,
)
from workflows.declarative.variables import Variables
from workflows.operations import ContextMisused, HookConflict, HookTimedOut, StepFailed

VERSION = 1
# Steps of one instance, those that leave nothing in the log among them: they share a thread with other instances.
MAX_STEPS_RUN = 25_000
TOO_LARGE = f"as JSON it would be larger than {weight.MOST} bytes"


class DefinitionFailed(Exception):
    """A definition can't go on. `code` says why; a failed action keeps its own."""

    def __init__(self, code: str, step: str, message: str) -> None:
        super().__init__(f"step {step!r}: {message}")
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A step that is done: what it gave, by which port it is left, and what is seen after it."""

    variables: Variables
    result: Any = None
    port: str = "success"


async def run(ctx: Any, payload: Any, document: Document) -> Any:
    """Run a definition to its end; return its `output`, else what its last step gave."""
    scope = {"org": str(ctx.org_id), "env": str(ctx.env_id), "instance": str(ctx.instance_id)}
    base = {**document.variables, "payload": payload, "instance": {**scope, "id": scope["instance"]}}
    interpreter = _Interpreter(ctx, document, scope)
    line = await interpreter.line(document.start, Variables(base))
    if document.output is msgspec.UNSET:
        if weight.weigh(line.result) > weight.MOST:
            raise DefinitionFailed("output_invalid", "output", f"what the last step gave: {TOO_LARGE}")
        return line.result
    return interpreter.render("output", document.output, line.variables)


class _Interpreter:
    """One run of one document."""

    def __init__(self, ctx: Any, document: Document, scope: dict[str, str]) -> None:
        self._ctx = ctx
        self._document = document
        self._scope = scope
        self._purse = Purse()
        self._run = 0
        self._kinds: dict[type[Step], Callable[[str, Any, Variables], Awaitable[Done]]] = {
            Trigger: self._trigger,
            Action: self._action,
            Llm: self._llm,
            Condition: self._condition,
            Loop: self._loop,
            Wait: self._wait,
            Parallel: self._parallel,
        }

    async def line(self, name: str, variables: Variables, loop: str = END) -> Done:
        """Run steps from one on until a line ends; in a loop's line, leading back to the loop ends it too."""
        done = Done(variables)
        while name not in (END, loop):
            step = self._document.steps[name]
            self._run += 1
            if self._run > MAX_STEPS_RUN:
                raise DefinitionFailed("too_many_steps", name, f"{MAX_STEPS_RUN} steps are run already")
            try:
                done = await self._kinds[type(step)](name, step, done.variables)
            except (ContextMisused, HookConflict) as error:
                raise DefinitionFailed(error.code, name, str(error)) from error
            done = dataclasses.replace(done, variables=done.variables.done(name, done.result))
            name = _next(name, step, done.port)
        return done

    def render(self, name: str, value: Any, variables: Variables) -> Any:
        return self._asked(name, variables, lambda evaluate: templates.render(value, evaluate))

    def _evaluate(self, name: str, text: str, variables: Variables) -> Any:
        return self._asked(name, variables, lambda evaluate: evaluate(templates.bare(text)))

    def _asked(self, name: str, variables: Variables, ask: Callable[[Callable[[str], Any]], Any]) -> Any:
        names, room = variables.names(), weight.MOST

        def evaluate(text: str) -> Any:
            nonlocal room
            value = expressions.evaluate(text, names, self._now, self._purse)
            room -= weight.weigh(value)
            if room < 0:
                raise ExpressionFailed(f"`{expressions.shown(text)}`: {TOO_LARGE}")
            return value

        try:
            return ask(evaluate)
        except (ExpressionFailed, ExpressionInvalid) as error:
            raise DefinitionFailed(error.code, name, str(error)) from error

    def _now(self) -> str:
        return str(self._ctx.now().isoformat())

    async def _trigger(self, _name: str, _step: Trigger, variables: Variables) -> Done:
        return Done(variables, variables.base["payload"])

    async def _action(self, name: str, step: Action, variables: Variables) -> Done:
        if step.action not in OWN:
            return await self._work(name, step, step.action, step.arguments, variables)
        given = self.render(name, step.arguments, variables)
        if step.action == SET:
            return Done(variables.set(given), given)
        type_, key = given["type"], given.get("key")
        if not isinstance(type_, str) or not isinstance(key, str | None):
            raise ContextMisused(f"the type and the key of an event are texts, not {_brief(type_)} and {_brief(key)}")
        await self._ctx.emit(type_, given.get("payload"), key=key)
        return Done(variables)

    async def _llm(self, name: str, step: Llm, variables: Variables) -> Done:
        return await self._work(name, step, LLM, step.arguments(), variables)

    async def _work(self, name: str, step: Work, action: str, written: Any, variables: Variables) -> Done:
        """Run an action as a step of the engine, under this step's name.

        Only secrets that the document itself names are resolved, so their places are told apart from what a template
        puts there.
        """
        given = self.render(name, written, variables)
        scope = {**self._scope, "step": f"{variables.path}{name}", "secrets": secret_places(written)}
        try:
            result = await self._ctx.step(self._variant(name, action, step), action, given, scope)
        except StepFailed as error:
            if "error" not in step.next:
                raise DefinitionFailed(error.code, name, str(error)) from error
            return Done(variables, {"error": {"code": error.code, "message": str(error)}}, "error")
        return Done(variables, result)

    def _variant(self, name: str, action: str, step: Work) -> Any:
        """Return `run_action` under this step's name; its retries are its own, else the document's or the action's."""
        registered = actions.get(action)
        options: dict[str, Any] = {"name": name}
        if registered is not None:
            options |= {"retries": registered.retries, "timeout_seconds": registered.timeout_seconds}
        if (retry := step.retry or self._document.retry) is not None:
            options |= {
                "retries": max(0, retry.max_retries),
                "backoff_seconds": retry.backoff_seconds,
                "backoff_factor": retry.backoff_factor,
                "backoff_max_seconds": retry.backoff_max_seconds,
            }
        if step.timeout_seconds is not None:
            options["timeout_seconds"] = step.timeout_seconds
        return dataclasses.replace(run_action, **options)

    async def _condition(self, name: str, step: Condition, variables: Variables) -> Done:
        answer = self._evaluate(name, step.expression, variables)
        if not isinstance(answer, bool):
            said = f"`{expressions.shown(step.expression)}` gives {_brief(answer)}; a condition needs true or false"
            raise DefinitionFailed("condition_not_boolean", name, said)
        return Done(variables, answer, "true" if answer else "false")

    async def _loop(self, name: str, step: Loop, variables: Variables) -> Done:
        items = self._evaluate(name, step.collection, variables)
        if not isinstance(items, list):
            said = f"`{expressions.shown(step.collection)}` gives {_brief(items)}; a loop needs a list"
            raise DefinitionFailed("collection_not_a_list", name, said)
        if len(items) > step.max_iterations:
            said = f"{len(items)} items, and max_iterations is {step.max_iterations}"
            raise DefinitionFailed("too_many_iterations", name, said)
        if step.parallelism == 1:
            results = []
            for index, item in enumerate(items):
                done = await self._iteration(name, step, variables, index, item)
                variables = variables.joined([done.variables], results=False)
                results.append(done.result)
        else:
            lines = await self._at_once(name, step, variables, items)
            variables = variables.joined([done.variables for done in lines], results=False)
            results = [done.result for done in lines]
        return Done(variables, {"iterations": len(items), "results": results}, "done")

    async def _at_once(self, name: str, step: Loop, variables: Variables, items: list[Any]) -> list[Done]:
        """Run the iterations in so many lanes; each takes the next item when it is through with one."""
        waiting = deque(enumerate(items))
        ended: dict[int, Done] = {}

        async def lane() -> None:
            try:
                while waiting:
                    index, item = waiting.popleft()
                    ended[index] = await self._iteration(name, step, variables, index, item)
            except BaseException:
                waiting.clear()
                raise

        await self._ctx.gather(*(lane() for _ in range(min(step.parallelism, len(items)))))
        return [ended[index] for index in range(len(items))]

    async def _iteration(self, name: str, step: Loop, variables: Variables, index: int, item: Any) -> Done:
        line = variables.line(f"{name}.{index}", {step.item: item, step.index: index})
        return await self.line(step.next["loop"], line, name)

    async def _wait(self, name: str, step: Wait, variables: Variables) -> Done:
        if step.hook is not None:
            return await self._hook(name, step, variables)
        if step.seconds is not None:
            seconds = self.render(name, step.seconds, variables)
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
                raise DefinitionFailed("wait_invalid", name, f"{_brief(seconds)} is no number of seconds")
            await self._ctx.sleep(seconds)
        else:
            await self._ctx.sleep_until(_time(name, self.render(name, step.until, variables)))
        return Done(variables)

    async def _hook(self, name: str, step: Wait, variables: Variables) -> Done:
        token = None if step.token is None else self.render(name, step.token, variables)
        if token is not None and (not isinstance(token, str) or not token):
            raise DefinitionFailed("wait_invalid", name, f"{_brief(token)} is no token")
        try:
            result = await self._ctx.hook(step.hook, token=token, timeout_seconds=step.timeout_seconds)
        except HookTimedOut:
            return Done(variables, None, "timeout")
        return Done(variables, result)

    async def _parallel(self, name: str, step: Parallel, variables: Variables) -> Done:
        branches = {
            branch: self.line(start, variables.line(f"{name}.{branch}", {})) for branch, start in step.branches.items()
        }
        if step.mode == "race":
            winner, done = await self._ctx.race(**branches)
            return Done(variables.joined([done.variables], results=True), {"winner": winner, "result": done.result})
        ended = await self._ctx.gather(*branches.values())
        results = {branch: done.result for branch, done in zip(branches, ended, strict=True)}
        return Done(variables.joined([done.variables for done in ended], results=True), results)


def _next(name: str, step: Step, port: str) -> str:
    if not step.next:
        return END
    if port not in step.next:
        raise DefinitionFailed("port_missing", name, f"the port {port!r} leads nowhere")
    return step.next[port]


def _time(name: str, value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DefinitionFailed("wait_invalid", name, f"{_brief(value)} is no time as in RFC 3339") from None
    if time.tzinfo is None:
        raise DefinitionFailed("wait_invalid", name, f"{_brief(value)} has no offset from UTC")
    return time


def _brief(value: Any) -> str:
    """Show a value in a message, cut where it is long."""
    return expressions.shown(msgspec.json.encode(value).decode())
