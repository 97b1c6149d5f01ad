"""The Overview lives: it follows the buffer while somebody looks."""

from playwright.sync_api import expect

from tests import stock, tenants
from tests.browser.conftest import HIDE


def asked_again(seen) -> int:
    return sum(url.endswith("/admin/overview/live/") for url in seen.asked)


def test_numbers_follow_the_buffer_without_a_reload(visit, oscar) -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    seen = visit(oscar)
    page = seen.go("/admin/")
    buffered = page.locator(".mo-tile", has_text="Buffered").locator(".mo-figure")
    expect(buffered).to_have_text("0")
    expect(page.get_by_text("Nothing was buffered in this time")).to_be_visible()
    stock.mollify(environment, 7)
    expect(buffered).to_have_text("7")
    expect(page.get_by_role("link", name="acme")).to_be_visible()
    expect(page.get_by_role("img", name="buffered now 7")).to_be_visible()
    assert seen.asked.count(seen.host + "/admin/") == 1
    assert (seen.trouble, seen.elsewhere) == ([], [])


def test_a_hidden_tab_asks_for_nothing_and_catches_up_when_shown(visit, oscar) -> None:
    seen = visit(oscar)
    seen.page.clock.install()
    page = seen.go("/admin/")
    with page.expect_response("**/overview/live/"):
        page.clock.run_for(2000)
    page.evaluate(HIDE, True)
    before = asked_again(seen)
    page.clock.run_for(60_000)
    assert asked_again(seen) == before == 1
    with page.expect_response("**/overview/live/"):
        page.evaluate(HIDE, False)
    with page.expect_response("**/overview/live/"):
        page.clock.run_for(2000)


def test_focus_stays_where_it_is_while_numbers_move(visit, oscar) -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(environment, 2)
    page = visit(oscar).go("/admin/")
    link = page.get_by_role("link", name="acme")
    link.focus()
    stock.mollify(environment, 3)
    expect(page.locator("tr", has=link).locator(".mo-number").first).to_have_text("5")
    expect(link).to_be_focused()


def test_charts_have_axes_and_are_read_by_keyboard(visit, oscar) -> None:
    page = visit(oscar).go("/admin/")
    chart = page.locator("[data-chart=rates] .mo-plot")
    expect(chart.locator("text.mo-tick").first).to_have_text("0")
    chart.focus()
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".mo-tip")).to_contain_text("in 0/s · drained 0/s")
    page.keyboard.press("Escape")
    expect(chart.locator(".mo-tip")).to_be_hidden()


def test_silence_of_the_server_is_shown_as_old_numbers(visit, oscar) -> None:
    seen = visit(oscar)
    seen.page.clock.install()
    page = seen.go("/admin/")
    page.route("**/overview/live/", lambda route: route.abort())
    page.clock.fast_forward(10_000)
    page.clock.run_for(2000)
    expect(page.locator(".mo-overview.mo-stale")).to_be_visible()
    page.unroute("**/overview/live/")
    page.clock.run_for(2000)
    expect(page.locator(".mo-overview.mo-stale")).to_have_count(0)


def test_an_ended_session_leads_back_to_sign_in(visit, oscar) -> None:
    seen = visit(oscar)
    seen.page.clock.install()
    page = seen.go("/admin/")
    page.context.clear_cookies()
    page.clock.run_for(2_000)
    page.wait_for_url("**/admin/login/**")
