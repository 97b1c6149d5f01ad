"""Each notice has the shape that docs/webhooks.md shows."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from mollifier import conf as mollifier_conf
from mollifier import sweep, telemetry
from mollifier.client import patient
from tests import receivers
from tests.intake.test_kill import accept
from tests.outside import Outside
from tests.receivers import ADA
from tests.tenants import make_env, trigger
from workflows import storms, webhooks
from workflows.intake import rollout, watches
from workflows.models import Delivery
from workflows.notices import Notice

pytestmark = pytest.mark.django_db
DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text()
EXAMPLES = {
    each["type"]: each for each in map(msgspec.json.decode, re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL))
}


def storm(env):
    refused = trigger(env, event_type="order.created", event_key="k")
    storms.close(storms.suppress([refused], limit=4, backlog=4), "sweep")


def flags(env):
    rollout.set_rollout(env.org_id, actor=ADA, reason="enrol", mode="on", percent=10)


def gate(env):
    now = datetime.now(UTC)
    watches.look(now)
    telemetry.gate.failed_open(3)
    telemetry.gate.flush()
    watches.look(now)
    watches.look(now + timedelta(hours=1))


def buffer(env):
    now = datetime.now(UTC)
    accept(env, 2)
    sweep.run(mollifier_conf.current(), now_ms=now.timestamp() * 1000 + 3_600_000)
    watches.look(now)
    patient().flushdb()
    watches.look(now + timedelta(hours=1))


def ping(env):
    made = receivers.make(Outside(port=2), env.org_id)
    webhooks.ping(made.webhook.id, actor=ADA, reason="try it")


@pytest.mark.parametrize(
    ("happens", "types"),
    [
        (storm, {"storm.opened", "storm.closed"}),
        (flags, {"rollout.changed"}),
        (gate, {"gate.tripped", "gate.recovered"}),
        (buffer, {"buffer.stale", "buffer.recovered"}),
        (ping, {"ping"}),
    ],
)
def test_what_is_sent_has_the_documented_members_and_kinds(settings, happens, types):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    env = make_env()
    receivers.make(Outside(port=1))
    happens(env)
    bodies = [msgspec.json.decode(each) for each in Delivery.objects.values_list("body", flat=True)]
    assert {body["type"] for body in bodies} == types
    for body in bodies:
        assert shape(body) == shape(EXAMPLES[body["type"]])


def test_every_type_is_documented():
    assert set(EXAMPLES) == {each.value for each in Notice}


def shape(value):
    """Return what a value is made of, member for member."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return "time" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value) else type(value)
