"""The Overview and the Buffer as pages."""

import json
import re
import uuid

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views.defaults import server_error

from dashboard.queries import shared
from mollifier import buffer
from mollifier.entry import Fail
from tests import people, stock, tenants
from workflows import storms
from workflows.models import Shard

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15


def test_the_overview_of_an_empty_service_says_what_would_appear() -> None:
    page = people.vera().get("/admin/").content.decode()
    assert "No organization has buffered work" in page
    assert "No pump has run yet" in page
    assert "Not enough to judge" in page


def test_the_overview_shows_depth_orgs_and_shards() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(environment, 4)
    Shard.objects.create(index=0, owner="here", epoch=7)
    page = people.vera().get("/admin/").content.decode()
    assert f'href="/admin/workflows/organization/{environment.org_id}/change/">acme<' in page
    assert "Shard 0 is without a pump" in page
    points = json.loads(re.search(r"data-points>(.*?)</script>", page).group(1))
    assert len(points) == 180
    assert all(len(point) == 5 for point in points)


def test_the_moving_part_alone_is_what_the_page_asks_for_again() -> None:
    tenants.make_env("acme", mode="on", limit=1)
    answer = people.vera().get("/admin/overview/live/")
    assert "no-store" in answer["Cache-Control"]
    regions = re.findall(r'data-region="(\w+)"', answer.content.decode())
    assert regions == ["top", "bottom"]
    assert b"<html" not in answer.content


@pytest.mark.parametrize("address", ["/admin/", "/admin/overview/live/", "/admin/buffer/"])
def test_a_page_costs_few_queries(address: str) -> None:
    for name in ("a", "b", "c", "d"):
        stock.mollify(tenants.make_env(name, mode="on", limit=1), 3)
    client = people.vera()
    shared.forget()
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    assert len(captured) < MOST_QUERIES


def test_a_second_viewer_costs_no_reading() -> None:
    vera, oscar = people.vera(), people.oscar()
    with CaptureQueriesContext(connection) as first:
        vera.get("/admin/overview/live/")
    with CaptureQueriesContext(connection) as second:
        oscar.get("/admin/overview/live/")
    tables = [query["sql"] for query in second if "workflows_" in query["sql"]]
    assert (len(first) - len(second), tables) == (3, [])


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_pages_say_so_and_work() -> None:
    tenants.make_env("acme")
    client = people.vera()
    overview, buffer = client.get("/admin/"), client.get("/admin/buffer/")
    assert (overview.status_code, buffer.status_code) == (200, 200)
    assert "Redis does not answer: the gate fails open" in overview.content.decode()
    assert "Entries are kept by Redis" in buffer.content.decode()


def test_the_buffer_lists_entries_and_offers_to_cancel_them() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (waiting,) = stock.mollify(environment, 1)
    page = people.oscar().get("/admin/buffer/").content.decode()
    assert f"/admin/workflows/instance/{waiting}/cancel/?env={environment.pk}" in page
    assert "env over its limit" in page


def test_a_viewer_sees_the_cancel_button_disabled() -> None:
    stock.mollify(tenants.make_env("acme", mode="on", limit=1), 1)
    page = people.vera().get("/admin/buffer/").content.decode()
    assert "/cancel/" not in page
    assert "Needs the permission to cancel instances" in page


def test_an_empty_buffer_says_what_would_appear() -> None:
    assert "The buffer is empty" in people.vera().get("/admin/buffer/").content.decode()


def test_the_buffer_can_be_read_for_one_org_and_shrugs_at_nonsense() -> None:
    acme, other = (tenants.make_env(name, mode="on", limit=1) for name in ("acme", "other"))
    (hers,) = stock.mollify(acme, 1)
    (his,) = stock.mollify(other, 1)
    page = people.vera().get(f"/admin/buffer/?org={acme.org_id}").content.decode()
    assert str(hers) in page
    assert str(his) not in page
    client = people.oscar()
    assert client.get("/admin/buffer/?org=%00{}:*").status_code == 200


def test_the_buffer_leads_to_bulk_actions_with_their_search_filled_in() -> None:
    acme = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(acme, 1)
    client, new = people.oscar(), "/admin/workflows/bulkaction/new/"
    everywhere = client.get("/admin/buffer/").content.decode()
    assert f"{new}?verb=cancel&amp;q=status%3Abuffered" in everywhere
    assert "Choose an organization first" in everywhere
    page = client.get(f"/admin/buffer/?org={acme.org_id}").content.decode()
    assert f"{new}?verb=cancel&amp;q=status%3Abuffered+org%3Aacme" in page
    assert f"{new}?verb=redrive&amp;q=org%3Aacme" in page
    dialog = client.get(f"{new}?verb=cancel&q=status:buffered+org:acme").content.decode()
    assert "<strong>1</strong> would be acted on now" in dialog


@pytest.mark.parametrize("address", ["/admin/overview/live/", "/admin/buffer/"])
def test_who_is_in_no_group_is_refused(address: str) -> None:
    assert people.nora().get(address).status_code == 403


def test_who_is_in_no_group_is_told_on_the_index() -> None:
    page = people.nora().get("/admin/").content.decode()
    assert "Viewer, Operator and Admin groups" in page
    assert "data-live" not in page


@pytest.mark.parametrize("address", ["/admin/", "/admin/overview/live/", "/admin/buffer/"])
def test_who_is_not_signed_in_is_sent_to_sign_in(client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


def test_open_storms_are_on_the_overview_while_there_are_any() -> None:
    environment = tenants.make_env("acme")
    vera = people.vera()
    assert "Open storms" not in vera.get("/admin/").content.decode()
    storms.suppress([tenants.trigger(environment, event_type="order.created", event_key="k")], limit=50, backlog=50)
    shared.forget()
    page = vera.get("/admin/").content.decode()
    assert "Open storms" in page
    assert "order.created" in page


def test_the_verdict_leads_to_the_page_where_its_remedy_is() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (one,) = stock.mollify(environment, 1)
    claimed = buffer.claim(uuid.uuid4().hex, 1, 60_000)
    buffer.settle(claimed.token, [Fail(one, "54000: too large")])
    client = people.vera()
    assert '<a href="/admin/buffer/">Open Buffer and read their errors</a>' in client.get("/admin/").content.decode()
    # Nothing of hers is queued, and still she can be chosen alone, as redriving all of them wants.
    assert f'<a href="?org={environment.org_id}"' in client.get("/admin/buffer/").content.decode()


def test_an_org_that_is_paused_is_shown_as_such_where_it_waits() -> None:
    stock.mollify(tenants.make_env("acme", mode="on", limit=1, paused=True), 1)
    row = people.vera().get("/admin/").content.decode().split(">acme<")[1].split("</tr>")[0]
    assert ">on<" in row
    assert ">paused<" in row


def test_who_signs_in_without_an_aim_comes_to_the_overview() -> None:
    people.make("vera", "Viewer")
    answer = Client().post("/admin/login/", {"username": "vera", "password": people.PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_a_page_that_could_not_be_made_says_what_to_look_at_and_leads_back() -> None:
    page = server_error(RequestFactory().get("/admin/")).content.decode()
    assert "look at the audit before you send it again" in page
    assert 'href="/admin/"' in page


@pytest.mark.parametrize("address", ["/admin/nothing/", "/nothing/", "/admin/runbooks/Nonsense/"])
def test_a_page_that_is_not_there_says_so_in_words(address: str) -> None:
    page = people.vera().get(address)
    assert (page.status_code, "There is nothing here" in page.content.decode()) == (404, True)
    assert "404" not in page.content.decode()
