"""The pages of secrets and actions in a browser: they fit, stay at home, and work from their dialogs."""

import pytest
from playwright.sync_api import expect

from tests import tenants
from tests.browser.conftest import DESK, PHONE
from workflows import secrets
from workflows.actions import switches
from workflows.models import SecretChange
from workflows.secrets import Author

PAGES = [
    "/admin/workflows/secret/",
    "/admin/workflows/secret/add/",
    "/admin/workflows/secretchange/",
    "/admin/workflows/actionswitch/",
    "/admin/workflows/actionswitch/http/switch/",
]


@pytest.fixture
def secret():
    env = tenants.make_env("acme")
    name = "A_SECRET_WITH_A_RATHER_LONG_NAME"
    return secrets.create(env.org_id, env.id, name, "sk_live_0123456789", author=Author("ada"), reason="go live")


@pytest.fixture(autouse=True)
def _own_switches(monkeypatch):
    monkeypatch.setattr(switches, "_known", switches._Known())


@pytest.mark.parametrize(("window", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_every_page_fits_and_stays_at_home(visit, ada, secret, window, scheme) -> None:
    switches.switch("llm", off=True, reason="an incident with a reason that takes some room", actor_name="ada")
    details = [f"/admin/workflows/secret/{secret.pk}/{verb}/" for verb in ("rotate", "forget")]
    details.append(f"/admin/workflows/secretchange/{SecretChange.objects.get().pk}/change/")
    seen = visit(ada, viewport=window, color_scheme=scheme)
    for path in [*PAGES, *details]:
        page = seen.go(path)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        assert (path, seen.overflow, seen.trouble, seen.elsewhere) == (path, 0, [], [])
        assert "sk_live" not in page.content()


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
