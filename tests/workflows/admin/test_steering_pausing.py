"""Pause and resume from the page of an instance."""

import pytest

from tests import people, stock, tenants
from workflows import engine, steering
from workflows.intake import lookup
from workflows.models import AuditRecord, Event, Instance

pytestmark = pytest.mark.django_db
HERE = "/admin/workflows/instance/"


def started(environment):
    trigger = tenants.trigger(environment)
    engine.start(trigger)
    return trigger.id


def post(client, id_, verb, **fields):
    return client.post(f"{HERE}{id_}/{verb}/", {"reason": "look first", **fields})


def test_an_operator_pauses_and_resumes_and_the_audit_has_why() -> None:
    id_ = started(tenants.make_env("acme"))
    client = people.oscar()
    assert post(client, id_, "pause", seq=1)["Location"].startswith(f"{HERE}{id_}/change/")
    assert Instance.objects.get(id=id_).status == "paused"
    post(client, id_, "resume", seq=2)
    assert Instance.objects.get(id=id_).status == "pending"
    assert list(Event.objects.filter(instance_id=id_).order_by("seq").values_list("type", flat=True))[1:] == [
        "paused",
        "resumed",
    ]
    records = AuditRecord.objects.order_by("id").values_list("verb", "target", "reason", "actor_name")
    assert list(records) == [
        ("pause_instance", str(id_), "look first", "oscar"),
        ("resume_instance", str(id_), "look first", "oscar"),
    ]


def test_a_log_that_moved_on_refuses_the_button_of_an_old_page() -> None:
    id_ = started(tenants.make_env("acme"))
    steering.reschedule(id_, Instance.objects.get(id=id_).accepted_at, actor="ada")
    page = post(people.oscar(), id_, "pause", seq=1)
    assert page.status_code == 422
    assert "Its log has moved on since you looked" in page.content.decode()
    assert Instance.objects.get(id=id_).status == "pending"
    assert not AuditRecord.objects.exists()


def test_the_form_carries_the_tail_that_the_page_showed() -> None:
    id_ = started(tenants.make_env("acme"))
    page = people.oscar().get(f"{HERE}{id_}/pause/", {"seq": "7"}).content.decode()
    assert '<input type="hidden" name="seq" value="7"' in page
    assert "Pause this instance" in page


def test_a_reason_is_asked_for() -> None:
    id_ = started(tenants.make_env("acme"))
    assert people.oscar().post(f"{HERE}{id_}/pause/", {"reason": ""}).status_code == 422
    assert Instance.objects.get(id=id_).status == "pending"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_viewer_is_refused(verb: str) -> None:
    id_ = started(tenants.make_env("acme"))
    client = people.vera()
    assert client.get(f"{HERE}{id_}/{verb}/").status_code == 403
    assert post(client, id_, verb).status_code == 403
    assert Instance.objects.get(id=id_).status == "pending"


def test_an_admin_may_too() -> None:
    id_ = started(tenants.make_env("acme"))
    post(people.ada(), id_, "pause", seq=1)
    assert Instance.objects.get(id=id_).status == "paused"


def test_a_buffered_one_is_paused_where_it_is() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (id_,) = stock.mollify(environment, 1)
    client = people.oscar()
    client.post(f"{HERE}{id_}/pause/?env={environment.pk}", {"reason": "not yet", "seq": 0})
    env = tenants.seen(environment)
    assert lookup.find(env, id_).status == "paused"
    client.post(f"{HERE}{id_}/resume/?env={environment.pk}", {"reason": "now", "seq": 0})
    assert lookup.find(env, id_).status == "buffered"
    assert AuditRecord.objects.count() == 2


def test_what_has_ended_stays_ended() -> None:
    id_ = started(tenants.make_env("acme"))
    engine.cancel(id_, "no need", actor="ada")
    client = people.oscar()
    page = client.post(f"{HERE}{id_}/pause/", {"reason": "late"}, follow=True).content.decode()
    assert "It had already ended: cancelled" in page


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_buffered_one_is_left_alone() -> None:
    environment = tenants.make_env("acme")
    id_ = tenants.trigger(environment).id
    page = people.oscar().post(f"{HERE}{id_}/pause/?env={environment.pk}", {"reason": "x"})
    assert page.status_code == 422
    assert "Redis does not answer" in page.content.decode()


def test_one_that_is_gone_is_told_so() -> None:
    environment = tenants.make_env("acme")
    id_ = tenants.trigger(environment).id
    client = people.oscar()
    assert client.post(f"{HERE}{id_}/pause/?env={environment.pk}", {"reason": "x"}).status_code == 302
    assert client.post(f"{HERE}{id_}/pause/", {"reason": "x"}).status_code == 404
