"""Deliveries over real sockets: signed, tried again, given up, and never in another receiver's way."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tests import receivers
from tests.nowhere import no_redis
from tests.outside import Outside, serve
from tests.receivers import ADA, tell
from tests.waiting import until
from tests.workflows.cleanup.test_locks import held_elsewhere
from workflows import conf, metrics, schedules, secrets, webhooks
from workflows.intake import deliveries
from workflows.models import Delivery, Webhook

__all__ = ["no_redis"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def configure(settings):
    def configure(**values):
        settings.WORKFLOWS = {**settings.WORKFLOWS, **values}

    configure(OUTBOUND_ALLOW=receivers.ALLOWED, WEBHOOK_THREADS=4)
    return configure


@pytest.fixture
def outside():
    with serve() as server:
        yield server


def answer(outside, *replies, **headers):
    """Answer with these statuses, the last of them from then on."""
    left = list(replies)
    outside.answer = lambda handler: handler.say(left.pop(0) if len(left) > 1 else left[0], **headers)


def due(delivery):
    """Let the time pass until it is tried again."""
    Delivery.objects.filter(id=delivery.id, next_at__isnull=False).update(next_at=datetime.now(UTC), held_until=None)


def fresh(delivery):
    return Delivery.objects.get(id=delivery.id)


def wait_of(delivery):
    return (fresh(delivery).next_at - datetime.now(UTC)).total_seconds()


def test_a_notice_arrives_signed_as_its_receiver_can_check(outside):
    made = receivers.make(outside, path="/hook?of=ops")
    delivery = tell(storm_id=7)
    report = deliveries.run()
    (seen,) = outside.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/hook?of=ops", delivery.body.encode())
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["webhook-id"] == str(delivery.event_id)
    assert abs(int(seen.headers["webhook-timestamp"]) - time.time()) < 60
    assert receivers.signed_by(made.secret, seen)
    assert not receivers.signed_by("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", seen)
    assert (report.taken, dict(report.outcomes)) == (1, {"delivered": 1})
    sent = fresh(delivery)
    assert (sent.state, sent.attempts, sent.last_status, sent.last_error) == ("delivered", 1, 200, "")


def test_a_rotated_secret_and_the_one_before_both_sign(outside):
    first = receivers.make(outside)
    second = webhooks.rotate(first.webhook.id, actor=ADA, reason="it leaked")
    tell()
    deliveries.run()
    assert receivers.signed_by(first.secret, outside.seen[0])
    assert receivers.signed_by(second.secret, outside.seen[0])


def test_what_fails_is_tried_again_later_with_the_same_id_and_a_new_signature(outside):
    made = receivers.make(outside)
    answer(outside, 500, 204)
    delivery = tell()
    assert dict(deliveries.run().outcomes) == {"retrying": 1}
    assert deliveries.run().taken == 0
    failed = fresh(delivery)
    assert (failed.state, failed.last_status, failed.last_error) == ("waiting", 500, "The receiver answered 500.")
    assert 0 < wait_of(delivery) <= 10
    due(delivery)
    assert dict(deliveries.run().outcomes) == {"delivered": 1}
    assert {seen.headers["webhook-id"] for seen in outside.seen} == {str(delivery.event_id)}
    assert len({seen.body for seen in outside.seen}) == 1
    assert all(receivers.signed_by(made.secret, seen) for seen in outside.seen)


def test_pauses_double_up_to_their_cap_and_the_last_try_is_when_it_is_given_up(outside, configure):
    configure(WEBHOOK_RETRY_BASE_SECONDS=100, WEBHOOK_RETRY_CAP_SECONDS=350)
    receivers.make(outside)
    answer(outside, 503)
    delivery = tell()
    pauses = []
    for _ in range(4):
        deliveries.run()
        pauses.append(wait_of(delivery))
        due(delivery)
    assert 45 < pauses[0] <= 100 < 2 * pauses[1] <= 400 < 4 * pauses[2] <= 1400
    assert pauses[3] <= 350
    Delivery.objects.update(give_up_at=datetime.now(UTC) + timedelta(seconds=30))
    deliveries.run()
    assert fresh(delivery).next_at == fresh(delivery).give_up_at
    Delivery.objects.update(give_up_at=datetime.now(UTC), next_at=datetime.now(UTC))
    assert dict(deliveries.run().outcomes) == {"given_up": 1}
    assert fresh(delivery).state == "failed"


def test_the_pauses_of_the_settings_last_a_day_with_few_tries():
    limits = conf.Conf()
    total, tries = 0.0, 1
    while total < limits.webhook_give_up_seconds:
        total += min(limits.webhook_retry_cap_seconds, limits.webhook_retry_base_seconds * 2 ** (tries - 1))
        tries += 1
    assert (limits.webhook_give_up_seconds, tries) == (86_400, 17)


def test_a_receiver_that_says_when_to_come_again_is_obeyed_within_bounds(outside):
    receivers.make(outside)
    answer(outside, 429, Retry_After="1800")
    delivery = tell()
    deliveries.run()
    assert 1790 < wait_of(delivery) <= 1800
    answer(outside, 503, Retry_After="999999")
    due(delivery)
    deliveries.run()
    assert 3590 < wait_of(delivery) <= 3600


def test_a_receiver_that_is_gone_is_switched_off_and_what_waits_is_given_up(outside):
    made = receivers.make(outside)
    answer(outside, 410)
    first, second = tell(), tell()
    Delivery.objects.filter(id=second.id).update(next_at=datetime.now(UTC) + timedelta(hours=1))
    assert dict(deliveries.run().outcomes) == {"gone": 1}
    row = Webhook.objects.get()
    assert (row.enabled, row.disabled_because, row.version) == (False, "The receiver answered 410 Gone.", 2)
    assert [fresh(each).state for each in (first, second)] == ["failed", "failed"]
    webhooks.change(made.webhook.id, actor=ADA, reason="it is back", enabled=True)
    assert Webhook.objects.get().disabled_because == ""


def test_a_webhook_that_was_moved_while_its_old_receiver_said_gone_stays_on(outside):
    made = receivers.make(outside)
    tell()
    limits = conf.current()
    delivery = deliveries.take(limits)
    webhooks.change(made.webhook.id, actor=ADA, reason="moved", url=outside.url + "/new")
    deliveries.settle(delivery, deliveries.Sent("gone", 410), limits)
    assert Webhook.objects.get().enabled


def test_redirects_are_not_followed(outside):
    with serve() as elsewhere:
        receivers.make(outside)
        answer(outside, 307, Location=elsewhere.url)
        delivery = tell()
        assert dict(deliveries.run().outcomes) == {"retrying": 1}
        assert elsewhere.seen == []
    assert fresh(delivery).last_error == "Redirects are not followed."


def test_the_guard_refuses_what_became_private_and_no_retry_follows(outside, configure):
    receivers.make(outside)
    configure(OUTBOUND_ALLOW="")
    delivery = tell()
    assert dict(deliveries.run().outcomes) == {"refused": 1}
    assert outside.seen == []
    refused = fresh(delivery)
    assert refused.state == "failed"
    assert refused.last_error.startswith("outbound_refused: 127.0.0.1 is loopback")


def test_a_receiver_that_is_away_is_tried_again():
    with serve() as closed:
        receivers.make(closed)
    delivery = tell()
    assert dict(deliveries.run().outcomes) == {"retrying": 1}
    assert fresh(delivery).last_error.startswith("outbound_failed: ")


def test_a_secret_that_can_not_be_read_waits_for_its_key(outside, settings):
    receivers.make(outside)
    delivery = tell()
    settings.SECRET_KEY = "another"
    assert dict(deliveries.run().outcomes) == {"retrying": 1}
    assert fresh(delivery).last_error.startswith("secret_unreadable: the secret of the webhook http://127.0.0.1")
    assert outside.seen == []


def test_one_that_can_not_be_signed_keeps_nobody_else_waiting(outside):
    faulty, sound = receivers.make(outside, path="/faulty"), receivers.make(outside, path="/sound")
    Webhook.objects.filter(id=faulty.webhook.id).update(
        ciphertext=secrets.seal(f"webhook\0{faulty.webhook.id}\0".encode(), "whsec_a")
    )
    tell()
    assert dict(deliveries.run().outcomes) == {"retrying": 1, "delivered": 1}
    assert [seen.path for seen in outside.seen] == ["/sound"]
    assert Delivery.objects.get(webhook=faulty.webhook).last_error == "unexpected: Error"
    assert Delivery.objects.get(webhook=sound.webhook).state == "delivered"


def test_a_slow_receiver_holds_up_nobody_else(outside, configure):
    release = threading.Event()
    with serve() as slow:
        slow.answer = lambda handler: (release.wait(30), handler.say(200))
        receivers.make(slow, types=["storm.opened"])
        for _ in range(8):
            tell()
        receivers.make(outside, types=["storm.opened"])
        for _ in range(8):
            tell()
        report = {}
        # Its connection sees what this test has not committed, so the pass runs here and the test looks from outside.
        watcher = threading.Thread(target=release_when, args=(release, outside, slow, report, 8))
        watcher.start()
        passed = deliveries.run()
        watcher.join()
    assert report == {"others": 8, "slow": 2}
    assert passed.outcomes["delivered"] == 24


def release_when(release, outside, slow, report, count):
    try:
        until(lambda: len(outside.seen) >= count)
        report.update(others=len(outside.seen), slow=len(slow.seen))
    finally:
        release.set()


def test_a_receiver_that_never_answers_costs_its_time_and_no_more(outside, configure):
    configure(WEBHOOK_TIMEOUT_SECONDS=0.3)
    release = threading.Event()
    outside.answer = lambda handler: release.wait(30)
    receivers.make(outside)
    delivery = tell()
    assert dict(deliveries.run().outcomes) == {"retrying": 1}
    release.set()
    assert fresh(delivery).last_error.startswith("outbound_timed_out: ")


def test_what_is_new_goes_before_what_failed(outside):
    receivers.make(outside)
    old, new = tell(), tell()
    Delivery.objects.filter(id=old.id).update(attempts=3, next_at=datetime.now(UTC) - timedelta(hours=1))
    limits = conf.current()
    assert [deliveries.take(limits).id for _ in range(2)] == [new.id, old.id]


def test_a_pass_takes_so_many_and_leaves_the_rest_to_the_next(outside, configure):
    configure(WEBHOOK_PASS=2)
    receivers.make(outside)
    for _ in range(3):
        tell()
    assert [deliveries.run().taken for _ in range(3)] == [2, 1, 0]


def test_a_pass_that_is_to_stop_takes_nothing(outside):
    receivers.make(outside)
    tell()
    assert deliveries.run(lambda: True).taken == 0
    assert outside.seen == []


@pytest.mark.django_db(transaction=True)
def test_a_second_pass_leaves_at_once_while_one_is_at_work(outside):
    receivers.make(outside)
    tell()
    with held_elsewhere(deliveries.LOCK, {}):
        assert deliveries.run().taken == 0
    assert deliveries.run().taken == 1


@pytest.mark.django_db(transaction=True)
def test_what_comes_while_a_pass_is_at_work_is_sent_by_it(outside):
    receivers.make(outside)

    def answer_and_tell(handler):
        if len(outside.seen) == 1:
            tell(second=True)
            assert deliveries.run().taken == 0
            connection.close()
        handler.say(204)

    outside.answer = answer_and_tell
    tell(second=False)
    assert dict(deliveries.run().outcomes) == {"delivered": 2}
    assert [seen.json["data"]["second"] for seen in outside.seen] == [False, True]


def test_who_is_switched_off_is_sent_nothing_until_it_is_on_again(outside):
    made = receivers.make(outside)
    tell()
    webhooks.change(made.webhook.id, actor=ADA, reason="too loud", enabled=False)
    assert deliveries.run().taken == 0
    webhooks.change(made.webhook.id, actor=ADA, reason="quiet now", enabled=True)
    assert deliveries.run().taken == 1


def test_one_that_is_deleted_the_moment_it_is_taken_ends_no_pass(outside):
    receivers.make(outside)
    tell()
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN DELETE FROM workflows_delivery WHERE id = NEW.id; RETURN NULL; END';
            CREATE TRIGGER gone AFTER UPDATE ON workflows_delivery FOR EACH ROW EXECUTE FUNCTION gone()""")
    assert deliveries.run().taken == 0


def test_who_lost_its_hold_does_not_settle_what_another_has_taken(outside):
    receivers.make(outside)
    delivery, limits = tell(), conf.current()
    first = deliveries.take(limits)
    due(delivery)
    second = deliveries.take(limits)
    deliveries.settle(first, deliveries.Sent("refused"), limits)
    assert fresh(delivery).state == "waiting"
    deliveries.settle(second, deliveries.Sent("delivered", 200), limits)
    assert fresh(delivery).state == "delivered"


def test_what_was_told_long_ago_is_deleted_and_what_waits_is_not(outside, configure):
    receivers.make(Outside(port=1), enabled=True)
    old, waiting, young = tell(), tell(), tell()
    ago = datetime.now(UTC) - timedelta(days=31)
    Delivery.objects.update(next_at=None)
    Delivery.objects.filter(id__in=[old.id, waiting.id]).update(created_at=ago)
    Delivery.objects.filter(id=old.id).update(give_up_at=ago)
    assert deliveries.run().forgotten == 1
    assert set(Delivery.objects.values_list("id", flat=True)) == {waiting.id, young.id}


def test_attempts_are_counted_by_outcome(outside):
    receivers.make(outside)
    answer(outside, 500, 200)
    delivery = tell()
    deliveries.run()
    due(delivery)
    assert deliveries.send() == {"taken": 1, "forgotten": 0, "outcomes": {"delivered": 1}}
    metric = next(each for each in metrics.collect() if each.name == "workflows_webhook_deliveries")
    counts = {each.labels["outcome"]: each.value for each in metric.samples}
    assert (counts["delivered"], counts["retrying"], counts["given_up"]) == (1.0, 1.0, 0.0)


def test_the_cluster_sends_each_minute():
    assert schedules.EVERY_MINUTES["workflows.intake.deliveries.send"] == 1
