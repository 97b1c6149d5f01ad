"""One idempotency key from several processes at once, while it may pass, be buffered, or be drained this moment."""

from collections import Counter

import pytest

from tests.flows.racing import Race
from tests.flows.test_drained_and_run import Draining
from tests.tenants import make_env
from tests.waiting import until
from workflows.models import Instance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
PROCESSES, KEYS = 4, 60


def test_one_key_is_one_instance_however_many_send_it_at_once():
    env = make_env("acme", "production", mode="on", limit=2, window_ms=20, hold_ms=20)
    race = Race("tests.flows.submitters", PROCESSES, env.id, KEYS)
    with Draining():
        told = race.run()
        until(lambda: Instance.objects.count() >= KEYS)

    kinds = Counter(kind for each in told for kind, _ in each.values())
    assert kinds["Started"] + kinds["Buffered"] == KEYS, kinds
    assert kinds["Existing"] == (PROCESSES - 1) * KEYS
    assert min(kinds["Started"], kinds["Buffered"]) > 0, "both ways must be in it"
    owners = {f"k-{number}": {each[str(number)][1] for each in told} for number in range(KEYS)}
    assert {key: {str(id_)} for key, id_ in Instance.objects.values_list("idempotency_key", "id")} == owners
