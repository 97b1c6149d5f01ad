"""Actions register by name, are found in every app, and say what is wrong with their arguments."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from workflows.actions import Arguments, action, registry, switches
from workflows.actions.registry import ActionClash

ROOT = Path(__file__).resolve().parents[3]


class Greeting(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str


def greet(call):
    """Greet somebody.

    By name.
    """
    return f"Hello {call.arguments.name}"


def test_an_action_is_known_by_its_name_with_what_it_takes() -> None:
    assert action("greet", arguments=Greeting, retries=2, timeout_seconds=5)(greet) is greet
    found = registry.get("greet")
    assert (found.function, found.arguments, found.retries, found.timeout_seconds) == (greet, Greeting, 2, 5)
    assert found.does == "Greet somebody."
    assert "greet" in registry.names()
    assert [each.name for each in registry.known()] == sorted(registry.names())


def test_the_built_in_ones_are_there() -> None:
    assert {"http", "llm"} <= registry.names()
    assert registry.get("nothing") is None


def test_an_actions_module_of_an_app_is_found(tmp_path) -> None:
    place = tmp_path / "shop"
    place.mkdir()
    (place / "__init__.py").touch()
    (place / "actions.py").write_text(
        "from workflows.actions import Arguments, action\n"
        "@action('shop.ship', arguments=Arguments)\n"
        "def ship(call):\n"
        "    return None\n"
    )
    code = "import django; django.setup(); from workflows.actions import registry; print(*registry.names())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=servers.environment(EXTRA_APPS="shop", PYTHONPATH=f"{ROOT}:{tmp_path}"),
        check=True,
        capture_output=True,
        text=True,
    )
    assert {"shop.ship", "http", "llm"} <= set(found.stdout.split())


async def later(call):
    return None


@pytest.mark.parametrize(
    ("name", "options", "function"),
    [
        ("a b", {}, greet),
        ("greet", {"retries": -1}, greet),
        ("greet", {"timeout_seconds": 0}, greet),
        ("greet", {}, later),
        ("greet", {"arguments": dict}, greet),
        ("http", {}, greet),
    ],
)
def test_what_can_not_be_an_action_is_refused(name, options, function) -> None:
    with pytest.raises(ActionClash):
        action(name, **{"arguments": Greeting, **options})(function)


def test_registering_the_same_again_is_no_clash() -> None:
    action("greet", arguments=Greeting)(greet)
    action("greet", arguments=Greeting)(greet)


def test_arguments_are_checked_for_the_action_that_is_named() -> None:
    action("greet", arguments=Greeting)(greet)
    assert registry.check("greet", {"name": "Ada"}) == []
    assert registry.check("greet", {"name": 5}) == [("/name", "must be string")]
    ((pointer, message),) = registry.check("nothing", {})
    assert pointer == ""
    assert "http" in message


@pytest.mark.django_db
def test_a_switched_off_action_is_listed_with_its_reason() -> None:
    switches.switch("http", off=True, reason="an incident", actor_name="ada")
    assert registry.disabled() == {"http": "an incident"}
