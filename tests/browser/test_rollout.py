"""An operator flips an org in the dialog, and the next triggers are treated differently."""

import json
import time
import urllib.error
import urllib.request

from playwright.sync_api import expect

from tests import tenants, waiting
from workflows.models import ApiKey, FlagChange, OrganizationFlags
from workflows.scopes import Scopes

LIST = "/admin/workflows/organization/"


def trigger(host: str, key: str) -> int:
    """Send one trigger over HTTP; return the status of the answer."""
    request = urllib.request.Request(
        f"{host}/api/v1/triggers",
        json.dumps({"definition": "greet", "payload": {}}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def test_flipping_an_org_on_changes_the_next_outcome_within_two_seconds(visit, oscar) -> None:
    environment = tenants.make_env("acme")
    _, key = ApiKey.objects.create_key(name="shop", env=environment, scopes=[Scopes.TRIGGER_WRITE.value])
    seen = visit(oscar)
    waiting.until(lambda: trigger(seen.host, key) == 201)
    assert [trigger(seen.host, key) for _ in range(5)] == [201] * 5

    page = seen.go(LIST)
    page.get_by_role("link", name="Change the rollout of acme").click()
    dialog = page.get_by_role("dialog", name="Rollout of acme")
    dialog.get_by_role("radio", name="On Triggers over the limit").check()
    dialog.get_by_label("Limit", exact=True).fill("1")
    dialog.get_by_label("Window (ms)", exact=True).fill("60000")
    dialog.get_by_label("Reason").fill("the sale starts")
    dialog.get_by_role("button", name="Change rollout").click()
    expect(page.get_by_text("mode off → on")).to_be_visible()

    flipped = time.monotonic()
    waiting.until(lambda: trigger(seen.host, key) == 202, 5)
    assert time.monotonic() - flipped < 2
    assert [trigger(seen.host, key) for _ in range(3)] == [202] * 3
    expect(page.locator("td.field-mode")).to_have_text("on")
    assert (FlagChange.objects.get().reason, FlagChange.objects.get().actor_name) == ("the sale starts", "oscar")
    assert (seen.trouble, seen.elsewhere) == ([], [])


def test_a_refusal_is_explained_in_the_dialog_and_what_was_typed_stays(visit, oscar) -> None:
    tenants.make_env("acme", mode="shadow")
    page = visit(oscar).go(LIST)
    page.get_by_role("link", name="Change the rollout of acme").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Percent").fill("250")
    dialog.get_by_label("Reason").fill("trying")
    dialog.get_by_role("button", name="Change rollout").click()
    expect(dialog.get_by_text("less than or equal to 100")).to_be_visible()
    expect(dialog.get_by_label("Percent")).to_be_focused()
    expect(dialog.get_by_label("Reason")).to_have_value("trying")
    assert not FlagChange.objects.exists()


def test_two_operators_do_not_overwrite_each_other(visit, oscar) -> None:
    tenants.make_env("acme", mode="shadow")
    page = visit(oscar).go(LIST)
    page.get_by_role("link", name="Change the rollout of acme").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("slowly")
    OrganizationFlags.objects.get().save()
    dialog.get_by_role("button", name="Change rollout").click()
    expect(dialog.get_by_text("Somebody changed this rollout")).to_be_visible()
