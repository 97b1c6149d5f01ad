"""A search becomes a bulk action by keyboard, is followed while it goes on, and is aborted."""

import re
import threading

from django.db import connection
from playwright.sync_api import expect

from tests import stock, tenants
from tests.browser.conftest import HIDE
from tests.intake import bulks
from workflows.models import BulkAction


def elsewhere(do, *given) -> None:
    """Do it in a thread of its own, as a worker would, with a connection of its own."""

    def work() -> None:
        do(*given)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_what_a_search_finds_is_cancelled_by_keyboard_and_followed(visit, oscar) -> None:
    environment = tenants.make_env("acme")
    for _ in range(3):
        stock.make_instance(environment, tags=["vip"])
    stock.make_instance(environment)
    seen = visit(oscar)
    page = seen.go("/admin/workflows/instance/")
    box = page.get_by_role("searchbox", name="Search")
    box.fill("vip org:acme")
    box.press("Enter")
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_role("link", name="Act on these…").press("Enter")
    dialog = page.get_by_role("dialog", name="Act on everything that a search finds")
    expect(dialog.get_by_role("status")).to_have_text("3 would be acted on now.")
    dialog.get_by_label("Reason").fill("sent twice")
    dialog.get_by_label("To what").fill("vip org:acme -tag:none")
    dialog.get_by_role("button", name="Begin").press("Enter")
    expect(dialog.get_by_text("This is what it means now.")).to_be_visible()
    dialog.get_by_role("button", name="Begin").press("Enter")
    expect(page).to_have_url(re.compile(r"/bulkaction/[0-9a-f-]+/change/"))
    expect(page.get_by_text("0 of 3")).to_be_visible()
    elsewhere(bulks.run, BulkAction.objects.get())
    expect(page.get_by_text("3 of 3")).to_be_visible()
    expect(page.get_by_role("link", name="Abort…")).to_have_count(0)
    # The dialog asked again once, which the browser notes.
    assert [said for said in seen.trouble if "422" not in said] == []
    assert seen.elsewhere == []


def test_one_is_aborted_in_its_dialog(visit, oscar) -> None:
    tenants.make_env("acme")
    action = bulks.make("cancel", "org:acme")
    page = visit(oscar).go(f"/admin/workflows/bulkaction/{action.pk}/change/")
    page.get_by_role("link", name="Abort…").click()
    dialog = page.get_by_role("dialog", name="Abort this bulk action")
    dialog.get_by_label("Reason").fill("wrong filter")
    dialog.get_by_role("button", name="Abort it").click()
    expect(page.get_by_text("Aborted by oscar: wrong filter")).to_be_visible()


def test_a_hidden_tab_does_not_follow_one_and_one_that_is_read_keeps_its_focus(visit, oscar) -> None:
    tenants.make_env("acme")
    action = bulks.make("cancel", "org:acme")
    seen = visit(oscar)
    seen.page.clock.install()
    address = f"/admin/workflows/bulkaction/{action.pk}/change/"
    page = seen.go(address)
    abort = page.get_by_role("link", name="Abort…")
    abort.focus()
    with page.expect_response(f"**{address}"):
        page.clock.run_for(2_100)
    expect(abort).to_be_focused()
    page.evaluate(HIDE, True)
    before = len(seen.asked)
    page.clock.run_for(60_000)
    assert len(seen.asked) == before
    page.evaluate(HIDE, False)
    with page.expect_response(f"**{address}"):
        page.clock.run_for(2_100)
