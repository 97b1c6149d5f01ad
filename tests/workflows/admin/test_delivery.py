"""Deliveries in the admin: found by state, read in full, sent again with a reason."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import people, receivers, tenants
from tests.outside import Outside
from tests.receivers import ADA, tell
from workflows import webhooks
from workflows.models import AuditRecord, Delivery

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/delivery/"


@pytest.fixture(autouse=True)
def made(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    return receivers.make(Outside(port=1), tenants.make_env().org_id, path="/secret-path")


def settle(delivery, **values):
    Delivery.objects.filter(id=delivery.id).update(next_at=None, **values)
    return delivery


def event(made, **data):
    return tell(made.webhook.org_id, **data)


def found(client, query=""):
    return {row.id for row in client.get(LIST + query).context["cl"].result_list}


def test_deliveries_are_found_by_state_and_by_webhook(made) -> None:
    waiting, failed = event(made), settle(event(made), last_status=500, last_error="The receiver answered 500.")
    delivered = settle(event(made), last_status=204, delivered_at=timezone.now())
    vera = people.vera()
    assert found(vera) == {waiting.id, failed.id, delivered.id}
    assert [found(vera, f"?state={state}") for state in ("waiting", "failed", "delivered")] == [
        {waiting.id},
        {failed.id},
        {delivered.id},
    ]
    other = receivers.make(Outside(port=1))
    assert len(found(vera, f"?webhook__id__exact={made.webhook.pk}")) == 3
    assert found(vera, f"?webhook__id__exact={other.webhook.pk}") == set()
    assert "The receiver answered 500." in vera.get(LIST).content.decode()


def test_one_is_read_in_full_and_shows_no_path_and_no_secret(made) -> None:
    delivery = event(made, marker="<b>7</b>")
    page = people.vera().get(f"{LIST}{delivery.pk}/change/").content.decode()
    assert str(delivery.event_id) in page
    assert "&lt;b&gt;7&lt;/b&gt;" in page
    for hidden in ("secret-path", "whsec_", made.webhook.ciphertext):
        assert hidden not in page


def test_a_settled_one_is_sent_again_by_an_operator(made) -> None:
    delivery, oscar = settle(event(made)), people.oscar()
    again = f"{LIST}{delivery.pk}/again/"
    assert again in oscar.get(LIST).content.decode()
    assert oscar.post(again, {"reason": ""}).status_code == 422
    oscar.post(again, {"reason": "the receiver was down"})
    assert Delivery.objects.get().state == "waiting"
    record = AuditRecord.objects.first()
    assert (record.verb, record.reason, record.actor_name) == ("redeliver", "the receiver was down", "oscar")
    answer = oscar.post(again, {"reason": "once more"})
    assert "tried again by itself" in answer.content.decode()


def test_what_is_on_its_way_or_has_nowhere_to_go_offers_no_verb(made) -> None:
    delivery, oscar = event(made), people.oscar()
    assert "/again/" not in oscar.get(LIST).content.decode()
    settle(delivery)
    webhooks.change(made.webhook.id, actor=ADA, reason="off", enabled=False)
    assert "/again/" not in oscar.get(LIST).content.decode()


def test_a_viewer_sends_nothing(made) -> None:
    delivery, vera = settle(event(made)), people.vera()
    assert "Needs the permission to send deliveries again" in vera.get(LIST).content.decode()
    assert vera.post(f"{LIST}{delivery.pk}/again/", {"reason": "x"}).status_code == 403
    assert people.nora().get(LIST).status_code == 403


def test_what_is_gone_can_not_be_sent_again(made) -> None:
    gone = event(made)
    Delivery.objects.all().delete()
    assert people.oscar().get(f"{LIST}{gone.pk}/again/").status_code == 404


def test_a_list_costs_the_same_however_long_it_is(made) -> None:
    vera = people.vera()

    def cost():
        with CaptureQueriesContext(connection) as queries:
            vera.get(LIST)
        return len(queries)

    event(made)
    first = cost()
    for _ in range(10):
        event(made)
    assert cost() == first


def test_one_is_found_by_its_webhook_id_and_by_org(made) -> None:
    delivery, _ = event(made), event(made)
    vera = people.vera()
    assert found(vera, f"?q={delivery.event_id}") == {delivery.id}
    assert len(found(vera, "?q=acme")) == 2
    assert found(vera, "?q=nobody") == set()
