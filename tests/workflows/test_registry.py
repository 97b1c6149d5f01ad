from collections import OrderedDict

import pytest

from workflows import registry
from workflows.registry import DefinitionClash, workflow


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_known", {})
    monkeypatch.setattr(registry, "_latest", {})


async def checkout(ctx, order):
    return order


async def other(ctx, order):
    return order


def test_each_version_is_kept_and_the_highest_is_the_latest():
    assert workflow("checkout", version=2)(checkout) is checkout
    workflow("checkout", version=1)(other)
    assert registry.get("checkout", 1).function is other
    assert registry.latest("checkout") == registry.Registered("checkout", 2, checkout)
    assert registry.slugs() == ["checkout"]


def test_an_unknown_slug_or_version_is_nothing():
    workflow("checkout")(checkout)
    assert registry.get("checkout", 2) is None
    assert registry.latest("refund") is None


def test_two_functions_can_not_share_a_version():
    workflow("checkout")(checkout)
    workflow("checkout")(checkout)
    with pytest.raises(DefinitionClash, match="other"):
        workflow("checkout")(other)


def test_a_plain_function_is_no_workflow():
    with pytest.raises(DefinitionClash, match="async def"):
        workflow("plain")(lambda ctx, payload: payload)


def test_a_slug_that_no_address_could_hold_is_refused():
    with pytest.raises(DefinitionClash, match="slug"):
        workflow("a b")(checkout)


@pytest.fixture
def declared(monkeypatch):
    for name, empty in (("_declared", OrderedDict()), ("_confirmed", set()), ("_clashing", set())):
        monkeypatch.setattr(registry, name, empty)


async def any_flow(ctx, payload):
    return payload


def test_declared_versions_are_kept_up_to_a_number_those_used_last(declared):
    for number in (1, 2):
        registry.declare(registry.Registered("letters", number, any_flow), 2)
    assert registry.get("letters", 1).version == 1
    registry.declare(registry.Registered("letters", 3, any_flow), 2)
    assert [registry.get("letters", number) is not None for number in (1, 2, 3)] == [True, False, True]
    assert (registry.settled("letters", 1), registry.settled("letters", 2)) == (True, False)
    assert registry.latest("letters") is None


def test_a_slug_that_code_and_a_declared_one_claim_runs_as_neither(declared):
    workflow("flow")(any_flow)
    assert registry.get("flow", 1) is not None
    with pytest.raises(DefinitionClash, match="rename"):
        registry.declare(registry.Registered("flow", 1, any_flow), 2)
    assert registry.get("flow", 1) is None
    assert registry.settled("flow", 7)


def test_only_versions_in_code_are_settled_by_asking(declared):
    workflow("flow")(any_flow)
    registry.settle([("flow", 1), ("nobody", 1)])
    assert (registry.settled("flow", 1), registry.settled("nobody", 1)) == (True, False)
