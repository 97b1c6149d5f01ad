"""The pages of instances."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from tests import people, stock, tenants
from workflows import engine
from workflows.models import Environment

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/instance/"


def started(environment: Environment, **fields) -> str:
    trigger = tenants.trigger(environment, **fields)
    engine.start(trigger)
    return str(trigger.id)


def test_the_list_shows_instances_of_every_tenant() -> None:
    here, there = started(tenants.make_env("acme")), started(tenants.make_env("other"))
    page = people.vera().get(LIST).content.decode()
    assert f"{LIST}{here}/change/" in page
    assert f"{LIST}{there}/change/" in page
    assert "acme/production" in page


def test_the_list_of_one_environment_holds_what_is_buffered_too() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    row = started(environment)
    (waiting,) = stock.mollify(environment, 1)
    page = people.vera().get(LIST, {"env": "acme/production"}).content.decode()
    assert row in page
    assert str(waiting) in page
    assert ">buffered<" in page
    only = people.oscar().get(LIST, {"env": str(environment.pk), "status": "buffered"}).content.decode()
    assert row not in only


def test_an_id_in_the_search_leads_to_its_instance() -> None:
    id_ = uuid7()
    assert people.vera().get(LIST, {"q": f" {id_} "})["Location"] == f"{LIST}{id_}/change/"


def test_an_environment_that_is_not_there_is_pointed_out() -> None:
    page = people.vera().get(LIST, {"env": "acme/nowhere"}).content.decode()
    assert "there is no env acme/nowhere here; write env:organization/environment" in page


def test_empty_lists_say_why() -> None:
    client = people.vera()
    assert "No instance yet" in client.get(LIST).content.decode()
    assert "No instance matches" in client.get(LIST, {"status": "failed"}).content.decode()


def test_the_list_costs_few_queries_and_counts_nothing() -> None:
    for name in ("a", "b", "c"):
        started(tenants.make_env(name))
    client = people.vera()
    with CaptureQueriesContext(connection) as captured:
        client.get(LIST)
    assert len(captured) < 15
    assert [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()] == []


def test_the_page_of_one_tells_its_log_and_payload() -> None:
    id_ = started(tenants.make_env("acme"), tags=("vip",))
    client = people.vera()
    with CaptureQueriesContext(connection) as captured:
        page = client.get(f"{LIST}{id_}/change/").content.decode()
    assert len(captured) < 15
    assert "<strong>created</strong>" in page
    assert "&quot;Ada&quot;" in page
    assert ">vip<" in page
    assert "Needs the permission to cancel instances" in page


def test_a_long_log_is_read_in_parts() -> None:
    id_ = started(tenants.make_env("acme"))
    page = people.vera().get(f"{LIST}{id_}/change/", {"after": "1"}).content.decode()
    assert "No event here" in page


def test_a_buffered_instance_has_the_same_page() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (waiting,) = stock.mollify(environment, 1)
    page = people.oscar().get(f"{LIST}{waiting}/change/", {"env": str(environment.pk)}).content.decode()
    assert ">buffered<" in page
    assert "Its log begins when the drainer makes it an instance" in page
    assert f"{LIST}{waiting}/cancel/?env={environment.pk}&amp;seq=0" in page


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_row_is_still_shown() -> None:
    id_ = started(tenants.make_env("acme"))
    assert people.vera().get(f"{LIST}{id_}/change/").status_code == 200


@pytest.mark.parametrize("wanted", ["nonsense", "01a1fd96-6bcd-73ec-9cc7-5e36733f7238"])
def test_an_instance_that_is_not_there_is_not_found(wanted: str) -> None:
    environment = tenants.make_env("acme")
    assert people.vera().get(f"{LIST}{wanted}/change/", {"env": str(environment.pk)}).status_code == 404


def test_an_environment_of_another_tenant_does_not_show_a_row() -> None:
    environment, other = tenants.make_env("acme"), tenants.make_env("other")
    id_ = started(environment)
    page = people.vera().get(f"{LIST}{id_}/change/", {"env": str(other.pk)}).content.decode()
    assert ">acme<" in page


def test_nobody_adds_or_edits_an_instance_by_hand() -> None:
    assert people.ada().get(f"{LIST}add/").status_code == 404


@pytest.mark.parametrize("address", [LIST, f"{LIST}01a1fd96-6bcd-73ec-9cc7-5e36733f7238/change/"])
def test_who_is_in_no_group_is_refused(address: str) -> None:
    assert people.nora().get(address).status_code == 403


def test_the_tree_of_an_instance_leads_to_its_family() -> None:
    environment = tenants.make_env("acme")
    root = started(environment)
    child = started(environment, root_id=root, parent_id=root, depth=1, chain=("greet",), event_type="order.created")
    client = people.vera()
    page = client.get(f"{LIST}{child}/change/").content.decode()
    assert "2 instances" in page
    assert f"{LIST}{root}/change/" in page
    assert "order.created" in page
    assert "Tree" not in client.get(f"{LIST}{started(environment)}/change/").content.decode()
