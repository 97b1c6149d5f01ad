"""The pages of secrets and actions in a browser: they work from their dialogs."""

import pytest
from playwright.sync_api import expect

from tests import tenants
from workflows import secrets
from workflows.actions import switches
from workflows.models import SecretChange
from workflows.secrets import Author


@pytest.fixture
def secret():
    env = tenants.make_env("acme")
    name = "A_SECRET_WITH_A_RATHER_LONG_NAME"
    return secrets.create(env.org_id, env.id, name, "sk_live_0123456789", author=Author("ada"), reason="go live")


@pytest.fixture(autouse=True)
def _own_switches(monkeypatch):
    monkeypatch.setattr(switches, "_known", switches._Known())


def test_a_secret_is_rotated_from_its_dialog_by_keyboard(visit, ada, secret) -> None:
    page = visit(ada).go("/admin/workflows/secret/")
    page.get_by_role("link", name=f"Rotate {secret.name}").press("Enter")
    dialog = page.get_by_role("dialog", name=f"Rotate {secret.name}")
    dialog.get_by_label("Value").press_sequentially("another secret")
    dialog.get_by_label("Reason").press_sequentially("the laptop is lost")
    dialog.get_by_role("button", name="Rotate the secret").press("Enter")
    expect(page.get_by_text(f"{secret.name} is rotated")).to_be_visible()
    assert SecretChange.objects.first().reason == "the laptop is lost"


def test_an_action_is_switched_off_from_its_dialog(visit, oscar) -> None:
    page = visit(oscar).go("/admin/workflows/actionswitch/")
    page.get_by_role("link", name="Switch http off").click()
    dialog = page.get_by_role("dialog", name="Switch off http")
    dialog.get_by_label("Reason").fill("an incident")
    dialog.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("link", name="Switch http on")).to_be_visible()
    expect(page.get_by_text("an incident")).to_be_visible()
