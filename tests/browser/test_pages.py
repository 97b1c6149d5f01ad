"""Every page, wide and narrow, light and dark: no flaw that axe knows, nothing sticks out, nothing leaves the host."""

import re

import pytest
from playwright.sync_api import expect

from tests import crowd, everything, pages, people, stock, tenants
from tests.browser import flaws
from tests.browser.conftest import DESK, PHONE, TABLET

# The verbs are looked at in their dialogs.
JUDGED = [(PHONE, "dark"), (DESK, "light")]
# It is the same on every page, and looked at on the first.
SIDEBAR = "#nav-sidebar"
LOOKED_AT = [page for page in pages.PAGES if page.answers == 200 and page.least < pages.NOBODY]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", [0, 1])
def test_every_page_is_without_a_flaw_fits_and_stays_at_home(visit, ada, known, part) -> None:
    """Colours don't depend on the window, nor what there is on the light, so axe has seen all in two of four forms."""
    seen = visit(ada)
    besides: list[str] = []
    for each in LOOKED_AT[part::2]:
        path = each.address(known)
        page = seen.go(path)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        assert not any(secret in page.content() for secret in (everything.SECRET, "whsec_"))
        for window, scheme in ((DESK, "light"), (TABLET, "light"), (PHONE, "dark")):
            seen.look(window, scheme)
            assert (path, window, scheme, seen.overflow) == (path, window, scheme, 0)
        for window, scheme in JUDGED:
            seen.look(window, scheme)
            assert (path, scheme, flaws.find(page, "html", *besides)) == (path, scheme, [])
        assert (path, seen.trouble, seen.elsewhere) == (path, [], [])
        besides = [SIDEBAR]


def test_an_empty_list_has_one_word_about_it_and_one_way_on(visit, ada) -> None:
    seen = visit(ada)
    page = seen.go("/admin/workflows/storm/")
    expect(page.get_by_text("The first storm appears here")).to_be_visible()
    expect(page.get_by_text("No results found")).to_be_hidden()
    page = seen.go("/admin/workflows/apikey/")
    expect(page.get_by_text("No results found")).to_be_hidden()
    expect(page.get_by_role("main").get_by_role("link", name="Add API key")).to_be_visible()
    assert (seen.flaws, seen.overflow) == ([], 0)


def test_a_thousand_orgs_fit_a_phone(visit, ada) -> None:
    crowd.gather(1_000)
    seen = visit(ada, viewport=PHONE)
    for path in ("/admin/", "/admin/workflows/organization/?p=20", "/admin/buffer/", "/admin/workflows/instance/"):
        seen.go(path)
        assert (path, seen.overflow, seen.trouble, seen.elsewhere) == (path, 0, [], [])


def test_an_entry_is_cancelled_from_the_buffer(visit, oscar) -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(environment, 2)
    page = visit(oscar).go("/admin/buffer/")
    page.get_by_role("link", name="Cancel…").first.click()
    dialog = page.get_by_role("dialog", name="Cancel this instance")
    dialog.get_by_label("Reason").fill("not needed any more")
    dialog.get_by_role("button", name="Cancel the instance").click()
    expect(page.get_by_text("Cancelled while buffered")).to_be_visible()
    expect(page).to_have_url(re.compile("/admin/buffer/"))
    expect(page.get_by_role("link", name="Cancel…")).to_have_count(1)


def test_a_key_is_shown_once(visit, ada) -> None:
    tenants.make_env("acme")
    page = visit(ada).go("/admin/workflows/apikey/add/")
    page.get_by_label("Name").fill("checkout")
    page.get_by_label("Environment").select_option(label="acme/production")
    page.get_by_label("Reason").fill("a new shop")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("[data-key]")).to_have_text(re.compile(r"mo_\w+_\w+"))
    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_text("checkout")).to_be_visible()
    expect(page.locator("[data-key]")).to_have_count(0)


def test_what_a_viewer_may_not_do_is_shown_disabled(visit, transactional_db) -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(environment, 1)
    seen = visit(people.make("vera", "Viewer"))
    expect(seen.go("/admin/buffer/").get_by_role("button", name="Cancel…")).to_be_disabled()
    expect(seen.go("/admin/workflows/organization/").get_by_role("button", name="Change…")).to_be_disabled()


def test_a_page_that_is_refused_or_not_there_says_so_and_leads_back(visit, oscar) -> None:
    seen = visit(oscar)
    for path, words in (
        ("/admin/workflows/secret/", "None of your groups has the permission that it takes."),
        ("/admin/workflows/storm/7/close/", "There is no such storm."),
        ("/nowhere/", "No page has this address."),
    ):
        page = seen.go(path)
        expect(page.get_by_text(words)).to_be_visible()
        expect(page.get_by_role("link", name="Overview")).to_have_attribute("href", "/admin/")
        for window, scheme in JUDGED:
            page.set_viewport_size(window)
            page.emulate_media(color_scheme=scheme)
            assert (path, scheme, seen.flaws, seen.overflow, seen.elsewhere) == (path, scheme, [], 0, [])
