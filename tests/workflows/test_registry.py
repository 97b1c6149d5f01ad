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
