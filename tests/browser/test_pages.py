"""Every page, wide and narrow, light and dark: nothing sticks out, nothing fails, nothing leaves the host."""

import re

import pytest
from playwright.sync_api import expect

from tests import people, stock, tenants
from tests.bound import bind
from tests.browser.conftest import DESK, PHONE
from tests.intake import bulks, schedules
from workflows import engine, storms
from workflows.models import ApiKey, Shard

PAGES = [
    "/admin/",
    "/admin/buffer/",
    "/admin/runbooks/",
    "/admin/runbooks/WorkflowsWebhooksFailing/",
    "/admin/workflows/instance/",
    "/admin/workflows/instance/?q=stauts:failed",
    "/admin/workflows/bulkaction/",
    "/admin/workflows/bulkaction/new/?verb=cancel&q=org:acme",
    "/admin/settings/",
    "/admin/workflows/organization/",
    "/admin/workflows/environment/",
    "/admin/workflows/apikey/",
    "/admin/workflows/apikey/add/",
    "/admin/workflows/definition/",
    "/admin/workflows/binding/",
    "/admin/workflows/binding/add/",
    "/admin/workflows/binding/try/?env=acme/production&type=order.created&payload=1",
    "/admin/workflows/storm/",
    "/admin/workflows/flagchange/",
    "/admin/workflows/rolloutplan/",
    "/admin/workflows/schedule/",
    "/admin/workflows/schedule/add/",
    "/admin/workflows/auditrecord/",
    "/admin/workflows/shard/",
    "/admin/auth/user/",
]


@pytest.mark.parametrize(("window", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_every_page_fits_and_stays_at_home(visit, ada, window, scheme) -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(environment, 3)
    trigger = tenants.trigger(environment)
    engine.start(trigger)
    bind("order.*", condition='payload.customer.country in ["SE", "FI"] and payload.total > 100', org=environment.org)
    refused = tenants.trigger(environment, event_type="order.created", event_key="evt-1")
    storm = storms.suppress(refused, limit=50, backlog=50)
    Shard.objects.create(index=0, owner="a-host-with-a-long-name:4711:01a1fd96", epoch=12)
    ApiKey.objects.create_key(name="checkout", env=environment)
    schedule = schedules.make(environment, timezone="America/Argentina/ComodRivadavia")
    bulk = bulks.make("cancel", 'org:acme -tag:"a long tag that somebody made" created>2026-01-31T12:00Z age>5m')
    details = [
        f"/admin/workflows/bulkaction/{bulk.pk}/change/",
        f"/admin/workflows/bulkaction/{bulk.pk}/abort/",
        f"/admin/workflows/storm/{storm}/change/",
        f"/admin/workflows/storm/{storm}/replay/",
        f"/admin/workflows/organization/{environment.org_id}/change/",
        f"/admin/workflows/organization/{environment.org_id}/rollout/",
        f"/admin/workflows/organization/{environment.org_id}/simulation/",
        f"/admin/workflows/rolloutplan/begin/{environment.org_id}/",
        f"/admin/workflows/schedule/{schedule.id}/change/",
        f"/admin/workflows/schedule/{schedule.id}/run/",
        f"/admin/workflows/instance/{trigger.id}/change/",
        f"/admin/workflows/instance/{trigger.id}/cancel/",
    ]
    seen = visit(ada, viewport=window, color_scheme=scheme)
    for path in [*PAGES, *details]:
        page = seen.go(path)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        assert (path, seen.overflow, seen.trouble, seen.elsewhere) == (path, 0, [], [])
        assert ("dark" in (page.locator("html").get_attribute("class") or "")) == (scheme == "dark")


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
