import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.workflows.making import ENV, ORG, make_instance
from tests.workflows.pumping import running, until
from workflows import outbox
from workflows.models import Instance, Outbox
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


def make_rows(count):
    instance = make_instance()
    Outbox.objects.bulk_create(
        Outbox(
            instance_id=instance,
            org_id=ORG,
            env_id=ENV,
            type="workflow.instance_terminal",
            key=f"{instance}:{number}",
            payload={},
            created_at=timezone.now(),
        )
        for number in range(count)
    )


def test_the_oldest_rows_are_settled_up_to_the_limit():
    make_rows(5)
    keys = list(Outbox.objects.order_by("id").values_list("key", flat=True))
    assert outbox.deliver(3) == 3
    assert list(Outbox.objects.order_by("id").values_list("key", flat=True)) == keys[3:]
    assert outbox.deliver(3) == 2
    assert outbox.deliver(3) == 0


def test_a_row_that_another_settles_is_passed_by():
    make_rows(2)
    held, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Outbox.objects.select_for_update().order_by("id").first()
            held.set()
            release.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    assert outbox.deliver(10) == 1
    release.set()
    holder.join()


def test_a_pump_settles_what_its_instances_told(settings):
    settings.WORKFLOWS = {"HEARTBEAT_MS": 50}
    instance = make_instance()
    with running():
        until(lambda: Instance.objects.get(id=instance).status == Status.COMPLETED)
        until(lambda: not Outbox.objects.exists())
