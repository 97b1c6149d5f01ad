"""Cancelling from the page of an instance, and from the Buffer page."""

import pytest

from mollifier import buffer
from tests import people, stock, tenants
from workflows import engine
from workflows.intake import lookup
from workflows.models import Environment, Event, Instance

pytestmark = pytest.mark.django_db


def address(id_: object, environment: Environment | None = None) -> str:
    return f"/admin/workflows/instance/{id_}/cancel/" + (f"?env={environment.pk}" if environment else "")


def started(environment: Environment) -> str:
    trigger = tenants.trigger(environment)
    engine.start(trigger)
    return str(trigger.id)


def test_a_row_is_cancelled_with_its_reason() -> None:
    id_ = started(tenants.make_env("acme"))
    answer = people.oscar().post(address(id_), {"reason": "sent twice", "seq": "1"}, follow=True)
    assert Instance.objects.get().status == "cancelled"
    assert "sent twice" in str(Event.objects.order_by("-seq").first().data)
    assert "Cancelled." in answer.content.decode()


def test_an_entry_is_cancelled_where_it_waits() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (waiting,) = stock.mollify(environment, 1)
    answer = people.oscar().post(address(waiting, environment), {"reason": "not needed"}, follow=True)
    assert buffer.read(lookup.scope_of(tenants.seen(environment)), waiting).cancel_reason == "not needed"
    assert "Cancelled while buffered" in answer.content.decode()


def test_the_operator_goes_back_to_where_the_button_was() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (waiting,) = stock.mollify(environment, 1)
    form = {"reason": "not needed", "next": "/admin/buffer/"}
    answer = people.oscar().post(address(waiting, environment), form, headers={"X-Dialog": "1"})
    assert (answer.status_code, answer["Location"]) == (204, "/admin/buffer/")


def test_a_log_that_moved_on_is_a_conflict() -> None:
    id_ = started(tenants.make_env("acme"))
    answer = people.oscar().post(address(id_), {"reason": "late", "seq": "7"})
    assert answer.status_code == 422
    assert "Its log has moved on" in answer.content.decode()
    assert Instance.objects.get().status == "pending"


def test_what_had_ended_stays_as_it_ended() -> None:
    id_ = started(tenants.make_env("acme"))
    client = people.oscar()
    client.post(address(id_), {"reason": "first"})
    answer = client.post(address(id_), {"reason": "second"}, follow=True)
    assert "It had already ended: cancelled" in answer.content.decode()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_what_may_be_buffered_is_left_alone() -> None:
    environment = tenants.make_env("acme")
    trigger = tenants.trigger(environment)
    answer = people.oscar().post(address(trigger.id, environment), {"reason": "x"})
    assert "Redis does not answer" in answer.content.decode()


def test_what_is_gone_is_said() -> None:
    environment = tenants.make_env("acme")
    trigger = tenants.trigger(environment)
    answer = people.oscar().post(address(trigger.id, environment), {"reason": "x"})
    assert answer.status_code == 302


def test_an_instance_without_a_known_environment_is_not_found() -> None:
    assert people.oscar().get(address("01a1fd96-6bcd-73ec-9cc7-5e36733f7238")).status_code == 404


def test_a_viewer_may_not_cancel() -> None:
    id_ = started(tenants.make_env("acme"))
    assert people.vera().post(address(id_), {"reason": "x"}).status_code == 403
    assert Instance.objects.get().status == "pending"


def test_the_dialog_wants_a_reason_and_says_what_goes_on() -> None:
    id_ = started(tenants.make_env("acme"))
    client = people.oscar()
    assert "Other instances are not touched" in client.get(address(id_)).content.decode()
    assert client.post(address(id_), {"reason": ""}).status_code == 422
