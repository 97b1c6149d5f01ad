"""The pages of instances."""

import re
from html import unescape
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests import people, stock, tenants
from workflows import engine, eventlog, secrets, steering
from workflows.admin import instances
from workflows.models import Environment, Event, Hook, Instance
from workflows.secrets import Author
from workflows.trigger import Source

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


@pytest.mark.parametrize("asked", [{}, {"env": "acme/production"}])
def test_older_leads_on_and_newest_back_whatever_the_ids(asked, monkeypatch) -> None:
    monkeypatch.setattr(instances, "PER_PAGE", 2)
    environment = tenants.make_env("acme", mode="on", limit=1)
    rows = [started(environment, id=UUID(int=number)) for number in (2**127, 1, 2**126)]
    (waiting,) = stock.mollify(environment, 1)
    client = people.vera()
    page, found = client.get(LIST, asked).content.decode(), []
    for _ in range(3):
        found += [each for each in re.findall(r"/instance/([0-9a-f-]{36})/change/", page) if each not in found]
        if (older := re.search(r'rel="next" href="([^"]*)"', page)) is None:
            break
        page = client.get(LIST + unescape(older[1])).content.decode()
    assert "Newest</a>" in page
    assert found == ([str(waiting)] if asked else []) + rows[::-1]
    assert client.get(LIST, {"before": "nonsense"}).status_code == 200


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


def queries(client, address: str, monkeypatch, **given) -> tuple[str, int]:
    """Return a page and how many queries it took, those of the log's own cursor too."""
    own: list[str] = []
    execute = eventlog.execute

    def counted(statement, parameters):
        own.append(statement)
        return execute(statement, parameters)

    with monkeypatch.context() as patch, CaptureQueriesContext(connection) as captured:
        patch.setattr(eventlog, "execute", counted)
        page = client.get(address, given).content.decode()
    return page, len(captured) + len(own)


def test_the_page_of_one_tells_its_log_and_payload() -> None:
    id_ = started(tenants.make_env("acme"), tags=("vip",))
    page = people.vera().get(f"{LIST}{id_}/change/").content.decode()
    assert "<strong>created</strong>" in page
    assert "&quot;Ada&quot;" in page
    assert ">vip<" in page
    assert "Needs the permission to cancel instances" in page


@pytest.mark.parametrize("part", ["change", "live"])
def test_a_page_with_all_there_can_be_costs_no_more_than_fifteen_queries(part, monkeypatch) -> None:
    environment = tenants.make_env("acme")
    root = started(environment)
    id_ = started(environment, root_id=root, parent_id=root, depth=1, source=Source.CHILD)
    started(environment, root_id=root, parent_id=id_, depth=2, source=Source.CHILD)
    for env_id in (environment.id, None):
        secrets.create(environment.org_id, env_id, "KEY", "a-long-secret", author=Author("ada"), reason="a test")
    lengthen(id_, 1_000)
    page, count = queries(people.oscar(), f"{LIST}{id_}/{part}/", monkeypatch)
    assert "Show more from event 151" in page
    assert count <= 15


def lengthen(id_, last: int) -> None:
    now = timezone.now()
    Event.objects.bulk_create(
        Event(instance_id=id_, seq=seq, type="step_completed", correlation_id=f"step:a:{seq}", data={}, at=now)
        for seq in range(2, last + 1)
    )
    Instance.objects.filter(id=id_).update(last_seq=last, status="waiting", wake_at=None)


def test_a_log_of_ten_thousand_events_is_a_page_of_bounded_size() -> None:
    id_ = started(tenants.make_env("acme"))
    lengthen(id_, 10_000)
    client = people.vera()
    page = client.get(f"{LIST}{id_}/change/").content.decode()
    assert page.count('<tr role="row" class="in-row') == 300
    assert page.count('class="mo-seq"') == 100
    assert len(page) < 600_000
    assert "Events 151 to 9,850 are not drawn here" in page
    middle = client.get(f"{LIST}{id_}/change/", {"from": "5000"}).content.decode()
    assert "events 5,000 to 5,299 of 10,000" in middle
    assert ("from=4700#timeline" in middle, "from=5300#timeline" in middle) == (True, True)


@pytest.mark.parametrize("wanted", ["-1", "x", "99999999999999999999", "²", ""])
def test_a_number_that_is_none_is_ignored(wanted: str) -> None:
    id_ = started(tenants.make_env("acme"))
    for name in ("from", "after"):
        assert (
            people.signed_in(people.make(f"v{name}", "Viewer")).get(f"{LIST}{id_}/change/", {name: wanted}).status_code
            == 200
        )


def test_it_says_why_it_waits_in_the_page_and_in_what_refreshes_it() -> None:
    id_ = started(tenants.make_env("acme"))
    client = people.vera()
    for part in ("change", "live"):
        page = client.get(f"{LIST}{id_}/{part}/").content.decode()
        assert "It has not started; no pump holds shard 0." in page
        assert f'hx-get="{LIST}{id_}/live/?env=' in page


def test_what_is_over_is_not_asked_for_again_and_brings_the_rest() -> None:
    id_ = started(tenants.make_env("acme"))
    engine.cancel(UUID(id_), "no need", actor="ada")
    page = people.vera().get(f"{LIST}{id_}/live/").content.decode()
    assert "It is over: cancelled" in page
    assert "hx-get" not in page
    assert 'id="instance-rest" hx-swap-oob="true"' in page
    assert "Cancel…" not in page


def test_the_buttons_carry_the_tail_of_the_page() -> None:
    id_ = started(tenants.make_env("acme"))
    client = people.oscar()
    page = client.get(f"{LIST}{id_}/change/").content.decode()
    assert re.search(rf"{LIST}{id_}/pause/\?env=[-0-9a-f]+&amp;seq=1\"", page)
    steering.pause(UUID(id_), actor="oscar")
    page = client.get(f"{LIST}{id_}/live/").content.decode()
    assert re.search(rf"{LIST}{id_}/resume/\?env=[-0-9a-f]+&amp;seq=2\"", page)
    assert re.search(rf"{LIST}{id_}/cancel/\?env=[-0-9a-f]+&amp;seq=2\"", page)
    assert "Paused by oscar" in page


@pytest.mark.parametrize(("person", "sees"), [(people.vera, False), (people.oscar, True), (people.ada, True)])
def test_the_address_of_a_hook_is_for_who_may_steer(person, sees: bool) -> None:
    id_ = started(tenants.make_env("acme"), payload=b'{"note":"resume at tok-abcdefgh"}')
    Hook.objects.create(
        instance_id=id_,
        env_id=uuid7(),
        name="approval",
        token="tok-abcdefgh",
        correlation_id="hook:approval:1",
        created_at=timezone.now(),
    )
    Event.objects.create(
        instance_id=id_,
        seq=2,
        type="hook_created",
        correlation_id="hook:approval:1",
        data={"name": "approval", "token": "tok-abcdefgh"},
        at=timezone.now(),
    )
    Instance.objects.filter(id=id_).update(status="waiting", wake_at=None, last_seq=2)
    page = person().get(f"{LIST}{id_}/change/").content.decode()
    assert "It awaits the hook approval." in page
    assert ("/api/v1/hooks/tok-abcdefgh" in page) == sees
    assert ("tok-abcdefgh" in page) == sees
    assert "&quot;token&quot;: &quot;[hidden]&quot;" in page


def test_secrets_are_covered_in_all_that_the_page_shows() -> None:
    environment = tenants.make_env("acme")
    secrets.create(environment.org_id, environment.id, "KEY", "sk-live-4242", author=Author("ada"), reason="a test")
    id_ = started(
        environment,
        payload=b'{"note":"with sk-live-4242","password":"hunter2","headers":{"Authorization":"Bearer abc"}}',
        metadata=b'{"api_key":"k-1","by":"sk-live-4242"}',
        tags=("sk-live-4242",),
    )
    engine.cancel(UUID(id_), "leaked sk-live-4242", actor="ada")
    page = people.ada().get(f"{LIST}{id_}/change/").content.decode()
    for secret in ("sk-live-4242", "hunter2", "Bearer abc", "k-1&quot;"):
        assert secret not in page
    assert "leaked [secret KEY]" in page


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
