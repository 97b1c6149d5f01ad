"""The page of an instance: read in any window and light, without a mouse, while it runs and after."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests import people, tenants
from tests.browser.conftest import FORMS, HIDE
from tests.waiting import until
from tests.workflows.pumping import running
from workflows import Fatal, Retryable, engine, hooks, steering, step, workflow
from workflows.models import Instance

HERE = "/admin/workflows/instance/"
tries: dict[str, int] = {}


@step(name="charge_card", retries=3)
def charge_card(order: str) -> dict:
    tries[order] = tries.get(order, 0) + 1
    if tries[order] < 3:
        raise Retryable("the bank does not answer", after=0.15, code="http_503")
    return {"charge": "ch_1", "token": "tok_secret"}


@step(name="pick")
def pick(number: int) -> int:
    time.sleep(0.04 * number)
    return number


@step(name="wrap")
def wrap(number: int) -> int:
    return number


@step(name="insure")
def insure() -> None:
    raise Fatal("no insurance to this country", code="not_insurable")


@pytest.fixture
def order(transactional_db, own_workflows):
    """Run an order of every kind of operation up to where it awaits an approval."""
    tries.clear()

    @workflow("boxing")
    async def boxing(ctx, payload):
        await ctx.sleep(0.05)
        return {"boxes": 2}

    async def shelf(ctx, number):
        return await ctx.step(wrap, await ctx.step(pick, number))

    @workflow("ship_order")
    async def ship_order(ctx, payload):
        await ctx.step(charge_card, payload["order"])
        await ctx.gather(*(shelf(ctx, number) for number in range(1, 4)))
        await ctx.sleep(0.1)
        await ctx.child("boxing")
        try:
            await ctx.step(insure)
        except Exception:  # noqa: BLE001 - it goes on without
            await ctx.emit("order.uninsured", {"order": payload["order"]})
        answer = await ctx.race(approved=ctx.hook("approval"), late=ctx.sleep(86_400))
        return {"answer": answer, "access_token": "tok_secret"}

    environment = tenants.make_env("acme")
    payload = b'{"order":"A-1042","customer":"Ada","card":{"number":4242,"token":"tok_secret"}}'
    trigger = tenants.trigger(environment, definition="ship_order", payload=payload, tags=("vip",))
    engine.start(trigger)
    # A child has a shard of its own.
    with running(0), running(1), running(2), running(3):
        until(lambda: hooks.open_of(trigger.id) and Instance.objects.get(id=trigger.id).status == "waiting")
    return trigger.id


def end(id_) -> None:
    hooks.resume(hooks.open_of(id_)[0].token, b'{"by":"Grace"}')
    with running(0):
        until(lambda: Instance.objects.get(id=id_).status == "completed")


def test_the_page_fits_in_every_form_while_it_waits_and_when_it_is_over(visit, oscar, order) -> None:
    seen = visit(oscar)
    page = seen.go(f"{HERE}{order}/change/")
    expect(page.locator(".in-sentence")).to_contain_text("It awaits the hook approval, until")
    expect(page.get_by_role("row").filter(has_text="charge_card")).to_contain_text("3 attempts")
    expect(page.get_by_role("row").filter(has_text="insure:1")).to_contain_text("not_insurable")
    expect(page.locator(".in-tree li")).to_have_count(2)
    assert "tok_secret" not in page.content()
    fits_in_every_form(seen)
    end(order)
    expect(page.locator(".in-sentence")).to_contain_text("It is over: completed")
    expect(page.locator("#output")).to_contain_text("Grace")
    fits_in_every_form(seen)
    assert (seen.trouble, seen.elsewhere) == ([], [])


def fits_in_every_form(seen) -> None:
    for window, scheme in FORMS:
        seen.look(window, scheme)
        assert (window, scheme, seen.overflow) == (window, scheme, 0)


def test_it_is_read_and_steered_by_keyboard_while_it_follows(visit, oscar, order) -> None:
    seen = visit(oscar)
    page = seen.go(f"{HERE}{order}/change/")
    pause = page.get_by_role("link", name="Pause…")
    pause.focus()
    # The part is swapped below the focus, which stays on the button.
    with page.expect_response("**/live/**"):
        pass
    expect(pause).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Pause this instance")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("look first")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Paused. Audit record")).to_be_visible()
    expect(page.locator(".in-sentence")).to_contain_text("Paused by oscar")
    expect(page.get_by_role("row").filter(has_text="by oscar")).to_contain_text("open")
    expect(page.get_by_role("link", name="Resume…")).to_be_visible()
    assert seen.trouble == []


def test_a_page_that_is_old_is_refused_and_nothing_is_changed(visit, oscar, order) -> None:
    page = visit(oscar).go(f"{HERE}{order}/change/")
    page.route("**/live/**", lambda route: route.abort())
    page.get_by_role("link", name="Cancel…").click()
    dialog = page.get_by_role("dialog", name="Cancel this instance")
    steering.pause(order, actor="ada")
    dialog.get_by_label("Reason").fill("no need")
    dialog.get_by_role("button", name="Cancel the instance").click()
    expect(dialog.get_by_text("Its log has moved on since you looked")).to_be_visible()
    assert Instance.objects.get(id=order).status == "paused"


def test_a_hidden_tab_and_one_that_is_over_ask_for_nothing(visit, oscar, order) -> None:
    seen = visit(oscar)
    seen.page.clock.install()
    page = seen.go(f"{HERE}{order}/change/")
    with page.expect_response("**/live/**"):
        page.clock.run_for(3_100)
    page.evaluate(HIDE, True)
    before = asked(seen)
    page.clock.run_for(60_000)
    assert asked(seen) == before
    end(order)
    with page.expect_response("**/live/**"):
        page.evaluate(HIDE, False)
    expect(page.locator(".in-sentence")).to_contain_text("It is over")
    before = asked(seen)
    page.clock.run_for(60_000)
    assert asked(seen) == before
    assert seen.trouble == []


def asked(seen) -> int:
    return sum("/live/" in url for url in seen.asked)


def test_silence_of_the_server_is_told(visit, oscar, order) -> None:
    seen = visit(oscar)
    seen.page.clock.install()
    page = seen.go(f"{HERE}{order}/change/")
    page.route("**/live/**", lambda route: route.abort())
    page.clock.fast_forward(11_000)
    page.clock.run_for(3_100)
    expect(page.locator(".in-live.in-stale")).to_be_visible()
    page.unroute("**/live/**")
    page.clock.run_for(3_100)
    expect(page.locator(".in-live.in-stale")).to_have_count(0)


def test_an_ended_session_leads_back_to_sign_in(visit, oscar, order) -> None:
    seen = visit(oscar)
    seen.page.clock.install()
    page = seen.go(f"{HERE}{order}/change/")
    page.context.clear_cookies()
    page.clock.run_for(3_100)
    page.wait_for_url("**/admin/login/**")


def test_what_is_shown_is_copied(visit, oscar, order) -> None:
    page = visit(oscar, permissions=["clipboard-read", "clipboard-write"]).go(f"{HERE}{order}/change/")
    page.get_by_role("button", name="Copy the payload").click()
    expect(page.get_by_role("button", name="Copy the payload")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert '"order": "A-1042"' in copied
    assert "tok_secret" not in copied
    page.get_by_role("button", name="Copy the address of the hook approval").click()
    expect(page.get_by_role("button", name="Copy the address")).to_have_text("Copied")
    assert re.fullmatch(r"/api/v1/hooks/\S+", page.evaluate("navigator.clipboard.readText()"))


def test_without_the_right_to_the_clipboard_it_is_marked(visit, oscar, order) -> None:
    page = visit(oscar).go(f"{HERE}{order}/change/")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.get_by_role("button", name="Copy the payload").click()
    expect(page.get_by_text("Marked: press Ctrl+C")).to_be_visible()
    assert "A-1042" in page.evaluate("String(getSelection())")


def test_a_viewer_reads_without_buttons_and_addresses(visit, transactional_db, order) -> None:
    seen = visit(people.make("vera", "Viewer"))
    page = seen.go(f"{HERE}{order}/change/")
    expect(page.locator(".in-sentence")).to_contain_text("It awaits the hook approval")
    expect(page.get_by_text("/api/v1/hooks/")).to_have_count(0)
    for name in ("Pause…", "Cancel…"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()


def test_without_scripts_all_of_it_is_read(visit, oscar, order) -> None:
    seen = visit(oscar, java_script_enabled=False)
    page = seen.go(f"{HERE}{order}/change/")
    expect(page.get_by_role("row").filter(has_text="approval:1")).to_contain_text("goes on")
    expect(page.get_by_role("region", name="Payload")).to_contain_text("A-1042")
