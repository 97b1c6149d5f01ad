"""Whatever is sent as a definition is judged, and what is found sound runs to an end or says at which step it can't."""

import copy
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.declared import Actions
from tests.workflows.declarative.driving import Driven, run
from tests.workflows.declarative.test_checking import BAD, BOUNDS, GOOD
from workflows.actions import registry
from workflows.declarative import checking, interpreter, schema
from workflows.declarative.interpreter import DefinitionFailed
from workflows.steps import step

WORDS = st.sampled_from(
    [
        *(
            *schema.STEPS,
            "start",
            "a",
            "l",
            "noop",
            "success",
            "loop",
            "done",
            "payload",
            "emit_event",
            "set_variables",
        ),
        *("{{ payload }}", "{{ steps.a }}", "payload.items", "{{", "}}", "$secret", "", "echo", "2030-01-01T00:00:00Z"),
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20), WORDS)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(WORDS, st.text(max_size=5)), inner, max_size=4),
        st.dictionaries(
            st.sampled_from([f for s in schema.STEPS.values() for f in s.__struct_fields__]), inner, max_size=4
        ),
    ),
    max_leaves=15,
)
SOUND = sorted(GOOD) + sorted(name for name in BAD if name != "not JSON")


@pytest.fixture(autouse=True, scope="module")
def _actions():
    patch, made = pytest.MonkeyPatch(), Actions()
    patch.setattr(registry, "names", lambda: frozenset({"echo", "fail", "llm"}))
    patch.setattr(registry, "check", made.check)
    patch.setattr(interpreter, "run_action", step(name="run_action")(made.run))
    yield
    patch.undo()


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, each in members for place in places(each, (*at, name)))]


def put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    made = copy.deepcopy(document)
    inner = made
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return made


def judged(document: Any) -> bool:
    found = checking.check(document, BOUNDS)
    assert all(fault.path == "" or fault.path.startswith("/") for fault in found)
    assert all(fault.message for fault in found)
    return not found


@given(JSON)
def test_any_json_is_judged(document):
    judged(document)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SOUND), st.lists(st.tuples(st.randoms(use_true_random=False), JSON), min_size=1, max_size=3), JSON
)
def test_a_changed_document_is_judged_and_if_it_is_sound_it_ends(name, changes, payload):
    document = (GOOD | {each: BAD[each][0] for each in SOUND if each in BAD})[name]
    for chance, value in changes:
        document = put(document, random.Random(chance.random()).choice(places(document)), value)
    if judged(document) and not sleeps(document):
        with suppress(DefinitionFailed):
            run(document, payload, Driven())


def sleeps(document: Any) -> bool:
    return any(each["type"] == "wait" and each.get("seconds") is not None for each in document["steps"].values())
