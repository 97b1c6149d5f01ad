"""Every verb, done for real by who may: the button, its dialog, a reason, what is said, and the record of it."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import pages, people

WHY = "because this test says so"
# Verbs that leave no record yet, and what is said instead: a simulation changes nothing, a bulk action counts first.
SAID = {
    "organization_simulation": "What would have become of them",
    "bulkaction_new": "would be acted on now",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", [pages.OPERATOR, pages.ADMIN])
def test_every_verb_is_done_with_a_reason_and_leads_to_its_record(visit, known, role) -> None:
    seen = visit(people.make("grown", role.name.title()))
    for each in pages.VERBS:
        if each.least is role:
            page = seen.go(each.place(known))
            opened = open_form(page, each.address(known))
            assert (each.name, seen.flaws, seen.overflow, seen.elsewhere) == (each.name, [], 0, [])
            fill(opened, each.fill)
            opened.locator("[type=submit]:not([name])").click()
            if said := SAID.get(each.name.removeprefix("admin:workflows_")):
                expect(page.get_by_text(said).first).to_be_visible(timeout=30_000)
            else:
                page.get_by_role("link", name="Audit record").click()
                expect(page.get_by_text(WHY).first).to_be_visible()


def open_form(page: Page, address: str) -> Locator:
    """Press the button that leads to an address; return the dialog, or the form of the page."""
    button = page.locator(f'a.mo-button[href^="{address}"]')
    in_dialog = button.get_attribute("data-dialog") is not None
    button.click()
    opened = page.locator("dialog[open]" if in_dialog else ".mo-form")
    expect(opened.locator("form")).to_be_visible()
    return opened


def fill(opened: Locator, values: dict[str, str]) -> None:
    for name, value in {"reason": WHY, **values}.items():
        field = opened.locator(f"[name={name}]")
        if name == "reason" and not field.count():
            continue
        match field.first.evaluate("field => field.type"):
            case "radio":
                opened.locator(f"[name={name}][value={value}]").check()
            case "checkbox":
                field.check()
            case _:
                field.fill(value)
