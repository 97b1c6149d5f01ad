"""The editor of definitions in a browser: judged while it is written, saved with a reason."""

import json

from playwright.sync_api import expect

from workflows.admin.definition_edit import FIRST
from workflows.intake import definitions
from workflows.intake.rollout import Actor

HERE = "/admin/workflows/definition/"


def save(body):
    definitions.save("welcome", document=body, actor=Actor("ada"), reason="a test")


def test_a_definition_is_judged_while_it_is_written_and_saved_by_keyboard(visit, oscar) -> None:
    save(FIRST)
    page = visit(oscar).go(f"{HERE}welcome/edit/")
    text = page.get_by_label("Document")
    broken = json.loads(json.dumps(FIRST))
    broken["steps"]["greet"]["next"]["success"] = "nowhere"
    text.fill(json.dumps(broken, indent=2))
    expect(page.get_by_role("status")).to_have_text("1 fault")
    expect(page.get_by_text("There is no step 'nowhere'.")).to_be_visible()
    text.fill(json.dumps({**FIRST, "title": "Welcome"}, indent=2))
    expect(page.get_by_role("status")).to_have_text("No fault found.")
    expect(page.locator(".mo-line-added")).to_contain_text(['"title": "Welcome"'])
    page.get_by_label("Reason").fill("a title")
    page.get_by_role("button", name="Save as another version").press("Enter")
    expect(page.get_by_text("welcome is at version 2.")).to_be_visible()
    expect(page.get_by_text("Against version 1")).to_be_visible()


def test_a_definition_is_switched_off_in_a_dialog(visit, oscar) -> None:
    save(FIRST)
    page = visit(oscar).go(HERE)
    page.get_by_role("link", name="Set welcome").click()
    dialog = page.get_by_role("dialog", name="Set welcome")
    dialog.get_by_label("Active").uncheck()
    dialog.get_by_label("Reason").fill("not yet")
    dialog.get_by_role("button", name="Set it").click()
    expect(page.get_by_text("welcome is set")).to_be_visible()
    expect(page.locator(".mo-badge", has_text="off")).to_be_visible()
