"""The pages of webhooks in a browser: they work by keyboard and from their dialogs."""

import re

import pytest
from playwright.sync_api import expect

from tests import receivers, tenants
from tests.browser.conftest import PHONE
from tests.outside import Outside
from workflows.models import Delivery, Webhook


@pytest.fixture
def made(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    return receivers.make(Outside(port=1), tenants.make_env("acme").org_id)


def test_a_webhook_is_made_by_keyboard_and_its_secret_is_shown_once(visit, ada) -> None:
    page = visit(ada, viewport=PHONE).go("/admin/workflows/webhook/add/")
    page.get_by_label("Address").press_sequentially("https://hooks.example/T0")
    page.get_by_label("storm.opened").press("Space")
    page.get_by_label("gate.tripped (of the service)").press("Space")
    page.get_by_label("Reason").press_sequentially("on call")
    page.get_by_role("button", name="Make the webhook").press("Enter")
    expect(page.locator("[data-key]")).to_have_text(re.compile(r"whsec_[\w+/=]{44}"))
    page.get_by_role("link", name="I have kept it").press("Enter")
    expect(page.get_by_text("https://hooks.example/…")).to_be_visible()
    expect(page.locator("[data-key]")).to_have_count(0)
    assert Webhook.objects.get().types == ["storm.opened", "gate.tripped"]


def test_a_ping_is_sent_from_its_dialog_and_a_delivery_sent_again(visit, oscar, made) -> None:
    page = visit(oscar).go("/admin/workflows/webhook/")
    page.get_by_role("link", name=re.compile("Send a ping to")).press("Enter")
    dialog = page.get_by_role("dialog", name=re.compile("Send a ping to"))
    dialog.get_by_label("Reason").fill("try it")
    dialog.get_by_role("button", name="Send a ping").press("Enter")
    expect(page.get_by_text("A ping is on its way")).to_be_visible()
    Delivery.objects.update(next_at=None)
    page.reload()
    page.get_by_role("link", name=re.compile("Send ping of .* again")).press("Enter")
    dialog = page.get_by_role("dialog", name="Send ping again")
    dialog.get_by_label("Reason").fill("it was down")
    dialog.get_by_role("button", name="Send it again").press("Enter")
    expect(page.get_by_text("is on its way to http://127.0.0.1:1 again")).to_be_visible()
    assert Delivery.objects.get().state == "waiting"
