"""The shape of a declarative definition, as structs, and the faults of a document against it."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from workflows.declarative.faults import Fault, at

END = "noop"
NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
# Names that the engine puts into correlation ids: of hooks, and of types of events.
WORD = r"^[-a-zA-Z0-9_.]{1,100}$"
RESERVED = frozenset({END, "steps", "loop", "payload", "instance"})

Name = Annotated[str, Meta(pattern=NAME)]
Expression = Annotated[str, Meta(min_length=1, max_length=1_000)]
Text = Annotated[str, Meta(min_length=1, max_length=100_000)]
Seconds = Annotated[float, Meta(gt=0, le=366 * 86_400)]
Ports = dict[str, str]


class Retry(Struct, frozen=True, forbid_unknown_fields=True):
    """How often, and how long after; `max_retries` of 0 or less means not at all."""

    max_retries: Annotated[int, Meta(le=100)] = 0
    backoff_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 1.0
    backoff_factor: Annotated[float, Meta(ge=1, le=100)] = 2.0
    backoff_max_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 300.0


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every step has; no `next` at all ends the line it stands in."""

    type: str
    title: Annotated[str, Meta(max_length=200)] = ""
    next: Ports = {}

    @property
    def ports(self) -> tuple[str, ...]:
        return ("success",)

    @property
    def optional_ports(self) -> tuple[str, ...]:
        return ()


class Trigger(Step, frozen=True, kw_only=True):
    """Where it starts."""


class Work(Step, frozen=True, kw_only=True):
    """A step that runs outside of the interpreter, and may fail; `error` is where it goes then, if anywhere."""

    retry: Retry | None = None
    timeout_seconds: Seconds | None = None

    @property
    def optional_ports(self) -> tuple[str, ...]:
        return ("error",)


class Action(Work, frozen=True, kw_only=True):
    """One registered action with its arguments."""

    action: Annotated[str, Meta(min_length=1, max_length=100)]
    arguments: dict[str, Any] = {}


class Llm(Work, frozen=True, kw_only=True):
    """One answer of a model; the arguments are those of the `llm` action."""

    model: Annotated[str, Meta(min_length=1, max_length=200)]
    endpoint: Annotated[str, Meta(min_length=1, max_length=2_000)]
    prompt: Text | None = None
    messages: list[dict[str, Any]] | None = None
    api_key: Any = None
    options: dict[str, Any] = {}

    def arguments(self) -> dict[str, Any]:
        """Return what the `llm` action takes."""
        given = {name: getattr(self, name) for name in ("model", "endpoint", "prompt", "messages", "api_key")}
        return {name: value for name, value in given.items() if value is not None} | self.options


class Condition(Step, frozen=True, kw_only=True):
    """A question that must be answered with a boolean."""

    expression: Expression

    @property
    def ports(self) -> tuple[str, ...]:
        return ("true", "false")


class Loop(Step, frozen=True, kw_only=True):
    """The line behind `loop`, once for each item; then `done`."""

    collection: Expression
    item: Name = "item"
    index: Name = "index"
    max_iterations: Annotated[int, Meta(ge=1)] = 1_000
    parallelism: Annotated[int, Meta(ge=1)] = 1

    @property
    def ports(self) -> tuple[str, ...]:
        return ("loop", "done")


class Wait(Step, frozen=True, kw_only=True):
    """For so long, until a time, or for a hook; one of the three."""

    seconds: Annotated[float, Meta(ge=0, le=100 * 366 * 86_400)] | Expression | None = None
    until: Expression | None = None
    hook: Annotated[str, Meta(pattern=WORD)] | None = None
    token: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    timeout_seconds: Seconds | None = None

    @property
    def ports(self) -> tuple[str, ...]:
        return ("success", "timeout") if self.hook and self.timeout_seconds else ("success",)


class Parallel(Step, frozen=True, kw_only=True):
    """Several lines at once: all of them, or only the first to end."""

    branches: Ports
    mode: Literal["all", "race"] = "all"


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole definition; it starts at its one trigger."""

    steps: dict[str, Step]
    variables: dict[str, Any] = {}
    retry: Retry | None = None
    output: Any = msgspec.UNSET
    title: Annotated[str, Meta(max_length=200)] = ""

    @property
    def start(self) -> str:
        return next(name for name, step in self.steps.items() if isinstance(step, Trigger))


STEPS: Mapping[str, type[Step]] = {
    "trigger": Trigger,
    "action": Action,
    "condition": Condition,
    "loop": Loop,
    "llm": Llm,
    "wait": Wait,
    "parallel": Parallel,
}
WHERE = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
PLACE = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")
STEP_ID = re.compile(NAME)


def parse(document: Mapping[str, Any]) -> Document:
    """Make structs of a document that `faults` found nothing wrong with.

    Raises:
        msgspec.ValidationError, KeyError: it has faults.
    """
    steps = {name: msgspec.convert(each, STEPS[each["type"]]) for name, each in document["steps"].items()}
    others = {name: value for name, value in document.items() if name != "steps"}
    return msgspec.structs.replace(msgspec.convert({**others, "steps": {}}, Document), steps=steps)


def faults(document: Any) -> list[Fault]:
    """Return every member of a document that is missing, unknown, or not what it should be."""
    if not isinstance(document, dict):
        return [Fault("", "A definition is a JSON object.")]
    found = list(_of_struct(Document, document, "", skip="steps"))
    found += _of_names(document.get("variables"), "/variables", "A variable")
    steps = document.get("steps")
    if "steps" not in document:
        return found
    if not isinstance(steps, dict) or not steps:
        return [*found, Fault("/steps", "`steps` is an object of at least one step, by its name.")]
    found += _of_names(steps, "/steps", "A step")
    for name, step in steps.items():
        found += _of_step(step, at("/steps", name))
    return found


def _of_names(given: Any, path: str, what: str) -> Iterator[Fault]:
    for name in given if isinstance(given, dict) else ():
        if not STEP_ID.fullmatch(name):
            said = "is named with 1 to 64 of A-Z a-z 0-9 _, a letter first"
            yield Fault(at(path, name), f"{what} {said}; {name[:64]!r} is not.")
        elif name in RESERVED:
            yield Fault(at(path, name), f"{what} can't be named {name!r}: that name has a meaning of its own.")


def _of_step(step: Any, path: str) -> Iterator[Fault]:
    if not isinstance(step, dict):
        yield Fault(path, "A step is a JSON object.")
        return
    kind = step.get("type")
    if not isinstance(kind, str) or kind not in STEPS:
        message = "`type` is required" if kind is None else f"{str(kind)[:64]!r} is no type of step"
        yield Fault(at(path, "type"), f"{message}: one of {', '.join(STEPS)}.")
        return
    yield from _of_struct(STEPS[kind], step, path)


def _of_struct(shape: type[Struct], given: Mapping[str, Any], path: str, skip: str = "") -> Iterator[Fault]:
    members = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name in given:
        if name not in members:
            yield Fault(at(path, name), f"{name[:64]!r} is no member here; there are: {', '.join(members)}.")
    for name, field in members.items():
        if name not in given:
            if field.required:
                yield Fault(at(path, name), f"`{name}` is required.")
        elif name != skip:
            yield from _of_member(field.type, given[name], at(path, name))


def _of_member(kind: Any, value: Any, path: str) -> Iterator[Fault]:
    """Judge one value; members of a map and of a struct each on their own, so that each fault is told."""
    shape = next(
        (each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, Struct)), None
    )
    if shape is not None and isinstance(value, dict):
        yield from _of_struct(shape, value, path)
    elif get_origin(kind) is dict and isinstance(value, dict):
        for name, each in value.items():
            yield from _of_member(get_args(kind)[1], each, at(path, name))
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield _from_validation(str(error), path)


def _from_validation(message: str, path: str) -> Fault:
    """Turn msgspec's complaint into a fault; its path starts at the member."""
    found = WHERE.match(message)
    what, inner = (found["what"], found["path"] or "") if found else (message, "")
    names = [place["name"] or place["index"] for place in PLACE.finditer(inner)]
    return Fault(at(path, *names), f"{what}.")
