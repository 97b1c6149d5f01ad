"""Every verb, done for real by who may: the button, its dialog, a reason, what is said, and the record of it."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import pages, people
from tests.browser import flaws
from tests.browser.conftest import DESK, PHONE, Visit

WHY = "because this test says so"
# Verbs that leave no record yet, and what is said instead: a simulation changes nothing, a bulk action counts first.
COUNTS_FIRST = "admin:workflows_bulkaction_new"
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
            page = go_on(seen, each.place(known))
            opened, within = open_form(page, each.address(known))
            # What is below a dialog is looked at where every page is.
            for window, scheme in ((PHONE, "dark"), (DESK, "light")):
                seen.look(window, scheme)
                assert (each.name, scheme, flaws.find(page, within), seen.overflow) == (each.name, scheme, [], 0)
            fill(opened, each.fill)
            page.evaluate("document.documentElement.dataset.before = ''")
            opened.locator("[type=submit]:not([name])").click()
            if each.name != COUNTS_FIRST:
                expect(page.locator("html:not([data-before])")).to_be_attached()
            if said := SAID.get(each.name.removeprefix("admin:workflows_")):
                expect(page.get_by_text(said).first).to_be_visible()
            else:
                record = page.get_by_role("link", name="Audit record").get_attribute("href")
                assert WHY in page.request.get(seen.host + record).text()
            assert (each.name, seen.elsewhere) == (each.name, [])


def go_on(seen: Visit, place: str) -> Page:
    """Go to the page that offers a verb, unless the verb before has led there."""
    at = urlsplit(seen.page.url)
    return seen.page if f"{at.path}?{at.query}".rstrip("?") == place else seen.go(place)


def open_form(page: Page, address: str) -> tuple[Locator, str]:
    """Press the button that leads to an address; return the dialog, or the form of the page, and what to look at."""
    button = page.locator(f'a.mo-button[href^="{address}"]')
    in_dialog = button.get_attribute("data-dialog") is not None
    button.click()
    opened = page.locator("dialog[open]" if in_dialog else ".mo-form")
    expect(opened.locator("form")).to_be_visible()
    return opened, "dialog[open]" if in_dialog else "html"


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
