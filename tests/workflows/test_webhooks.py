"""Webhooks: made with a secret that is shown once, changed with a reason, and recorded."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone

from tests import receivers
from tests.outside import Outside
from tests.receivers import ADA
from tests.tenants import make_env
from workflows import webhooks
from workflows.models import AuditRecord, Delivery, Webhook
from workflows.notices import Notice
from workflows.webhooks import SecretUnreadable, WebhookRefused

pytestmark = pytest.mark.django_db
ELSEWHERE = Outside(port=1)
URL = "https://hooks.example/mollifier"


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}


def create(org_id=None, url=URL, types=("storm.opened",), reason="on call"):
    return webhooks.create(org_id, url, types, actor=ADA, reason=reason)


def test_a_webhook_has_a_secret_of_its_own_that_no_row_shows():
    made = create()
    row = Webhook.objects.get()
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert made.secret not in row.ciphertext
    assert webhooks.reveal(row, timezone.now()) == [made.secret]


def test_a_secret_that_is_copied_to_another_webhook_is_not_read():
    one, other = create().webhook, create().webhook
    other.ciphertext = one.ciphertext
    with pytest.raises(SecretUnreadable, match=r"https://hooks\.example"):
        webhooks.reveal(other, timezone.now())


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"url": "ftp://hooks.example/"}, "url_refused", "url"),
        ({"url": "https://ada:pw@hooks.example/"}, "url_refused", "url"),
        ({"url": "http://10.0.0.1/"}, "url_refused", "url"),
        ({"url": "http://169.254.169.254/latest"}, "url_refused", "url"),
        ({"types": []}, "types_invalid", "types"),
        ({"types": ["storm.opened", "storm.eaten"]}, "types_invalid", "types"),
        ({"types": ["ping"]}, "types_invalid", "types"),
        ({"reason": " "}, "reason_missing", "reason"),
    ],
)
def test_what_can_not_be_is_refused_with_its_field(values, code, field):
    with pytest.raises(WebhookRefused) as refused:
        create(**values)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Webhook.objects.exists()
    assert not AuditRecord.objects.exists()


def test_an_org_is_not_told_of_the_service():
    with pytest.raises(WebhookRefused, match="webhooks of the whole service alone"):
        create(make_env().org_id, types=["gate.tripped"])


def test_an_org_that_is_not_there_has_none():
    with pytest.raises(WebhookRefused, match="no such organization"):
        create(uuid4())


def test_an_org_may_have_so_many_and_no_more(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_WEBHOOKS": 1}
    org, other = make_env().org_id, make_env("other").org_id
    create(org)
    create(other)
    create()
    for org_id in (org, None):
        with pytest.raises(WebhookRefused, match="WORKFLOWS_MAX_WEBHOOKS"):
            create(org_id)


@pytest.mark.django_db(transaction=True)
def test_two_who_count_at_once_do_not_both_find_room(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_WEBHOOKS": 1}
    org_id, barrier = make_env().org_id, threading.Barrier(4)

    def work(_):
        barrier.wait(30)
        try:
            return create(org_id)
        except WebhookRefused:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(made is not None for made in pool.map(work, range(4))) == 1


def test_a_change_counts_its_version_and_refuses_one_that_is_stale():
    row = create().webhook
    changed = webhooks.change(row.id, actor=ADA, reason="more", types=["rollout.changed"], expected_version=1)
    assert (changed.version, changed.types, changed.url) == (2, ["rollout.changed"], URL)
    with pytest.raises(WebhookRefused) as refused:
        webhooks.change(row.id, actor=ADA, reason="more", enabled=False, expected_version=1)
    assert refused.value.code == "version_conflict"
    assert Webhook.objects.get().enabled


def test_the_secret_before_signs_too_for_a_while():
    first = create()
    second = webhooks.rotate(first.webhook.id, actor=ADA, reason="it leaked")
    row, now = Webhook.objects.get(), timezone.now()
    assert webhooks.reveal(row, now) == [second.secret, first.secret]
    assert webhooks.reveal(row, now + timedelta(days=1, seconds=1)) == [second.secret]


def test_secrets_are_encrypted_again_and_what_signs_no_more_is_forgotten(settings):
    first = create()
    second = webhooks.rotate(first.webhook.id, actor=ADA, reason="it leaked")
    new = Fernet.generate_key().decode()
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": new}
    assert webhooks.encrypt_again() == 1
    settings.SECRET_KEY = "another"
    assert webhooks.reveal(Webhook.objects.get(), timezone.now()) == [second.secret, first.secret]
    Webhook.objects.update(previous_until=timezone.now())
    assert webhooks.encrypt_again() == 1
    assert Webhook.objects.get().previous_ciphertext == ""


def test_a_webhook_goes_with_what_it_was_told():
    made, other = receivers.make(ELSEWHERE), receivers.make(ELSEWHERE)
    receivers.tell()
    webhooks.delete(made.webhook.id, actor=ADA, reason="moved")
    assert list(Webhook.objects.values_list("id", flat=True)) == [other.webhook.id]
    assert list(Delivery.objects.values_list("webhook_id", flat=True)) == [other.webhook.id]


def test_a_ping_reaches_one_webhook_whatever_it_asked_for():
    made = receivers.make(ELSEWHERE, types=["storm.closed"])
    receivers.make(ELSEWHERE)
    webhooks.ping(made.webhook.id, actor=ADA, reason="try it")
    delivery = Delivery.objects.get()
    assert (delivery.webhook_id, delivery.type) == (made.webhook.id, "ping")


def test_a_settled_delivery_is_sent_again_with_its_id_and_body():
    receivers.make(ELSEWHERE)
    before = receivers.tell(n=1)
    with pytest.raises(WebhookRefused, match="by itself"):
        webhooks.redeliver(before.id, actor=ADA, reason="again")
    Delivery.objects.update(next_at=None, attempts=9, give_up_at=timezone.now() - timedelta(days=1))
    again = webhooks.redeliver(before.id, actor=ADA, reason="again")
    assert (again.state, again.attempts) == ("waiting", 0)
    assert (again.event_id, again.body) == (before.event_id, before.body)
    assert again.give_up_at > timezone.now()


def test_nothing_is_sent_to_who_is_switched_off():
    made = receivers.make(ELSEWHERE)
    delivery = receivers.tell()
    Delivery.objects.update(next_at=None)
    webhooks.change(made.webhook.id, actor=ADA, reason="too loud", enabled=False)
    with pytest.raises(WebhookRefused, match="switched off"):
        webhooks.redeliver(delivery.id, actor=ADA, reason="again")
    with pytest.raises(WebhookRefused, match="switched off"):
        webhooks.ping(made.webhook.id, actor=ADA, reason="try")


def test_a_ping_for_which_there_is_no_room_is_refused(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "WEBHOOK_MAX_WAITING": 1}
    made = receivers.make(ELSEWHERE)
    receivers.tell()
    with pytest.raises(WebhookRefused, match="Too much waits"):
        webhooks.ping(made.webhook.id, actor=ADA, reason="try")


def test_each_verb_is_recorded_with_who_and_why_and_without_path_or_secret():
    env = make_env()
    made = create(env.org_id)
    webhooks.change(made.webhook.id, actor=ADA, reason="b", url=f"{URL}/other")
    webhooks.rotate(made.webhook.id, actor=ADA, reason="c")
    webhooks.ping(made.webhook.id, actor=ADA, reason="d")
    Delivery.objects.update(next_at=None)
    webhooks.redeliver(Delivery.objects.get().id, actor=ADA, reason="e")
    webhooks.delete(made.webhook.id, actor=ADA, reason="f")
    records = list(AuditRecord.objects.order_by("id"))
    assert [each.verb for each in records] == [
        "create_webhook",
        "change_webhook",
        "rotate_webhook",
        "ping_webhook",
        "redeliver",
        "delete_webhook",
    ]
    assert [each.reason for each in records] == ["on call", "b", "c", "d", "e", "f"]
    assert {each.actor_name for each in records} == {"ada"}
    assert {each.org_id for each in records} == {env.org_id}
    assert {each.target for each in records} == {"https://hooks.example"}
    assert "whsec" not in str([each.detail for each in records])


def test_what_is_gone_is_told_as_gone():
    gone = create().webhook.id
    Webhook.objects.all().delete()
    for verb in (webhooks.change, webhooks.rotate, webhooks.delete, webhooks.ping, webhooks.redeliver):
        with pytest.raises(WebhookRefused) as refused:
            verb(gone, actor=ADA, reason="why")
        assert refused.value.code == "not_found"


def test_the_types_of_a_webhook_keep_one_order():
    made = create(types=[Notice.ROLLOUT_CHANGED.value, Notice.STORM_OPENED.value])
    assert made.webhook.types == ["storm.opened", "rollout.changed"]
