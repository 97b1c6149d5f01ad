"""Traces are off and cost nothing, or on and tell who did what without telling what was sent."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from tests import servers
from tests.spans import REASON, traces
from workflows import checks, conf, steps, tracing
from workflows.identity import Identity
from workflows.steps import Running, running

__all__ = ["traces"]
ROOT = Path(__file__).resolve().parents[2]
INSTANCE = Identity(id=uuid7(), org_id=uuid7(), env_id=uuid7(), definition="checkout", version=1, root_id=uuid7())


def charge(amount):
    if amount < 0:
        raise ValueError(f"no such amount: {amount}")
    return amount


async def charge_later(amount):
    await asyncio.sleep(0)
    return charge(amount)


def attempt(definition, amount):
    """Call a step as a pump does."""

    async def run():
        running.set(Running(INSTANCE, "1.1"))
        return await definition.function(amount) if definition.is_async else definition.function(amount)

    return asyncio.run(run())


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=servers.environment(DJANGO_SETTINGS_MODULE="settings.test", **environment),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LOADED = """
import sys, django
django.setup()
from django.urls import get_resolver
from workflows import tracing
from demo import flows
get_resolver().url_patterns
from workflows.pump import loop
import mollifier.drainer
of_traces = ("workflows.tracer", "opentelemetry.sdk.trace", "opentelemetry.exporter")
print(tracing.is_on(), any(name.startswith(of_traces) for name in sys.modules))
"""


# The Redis client looks for its interface by itself, where it is installed.
def test_off_nothing_of_it_is_loaded():
    assert python(LOADED) == "False False"


def test_a_collector_in_the_environment_switches_it_on():
    pytest.importorskip("opentelemetry.sdk", reason=REASON)
    assert python(LOADED, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") == "True True"
    assert python(LOADED, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", WORKFLOWS_TRACING="off") == "False False"


def test_off_a_step_is_the_very_function_and_a_span_is_nothing_made():
    assert not tracing.is_on()
    assert steps.step(charge).function is charge
    assert tracing.span("a", instance_id=1) is tracing.span("b") is tracing.request("c", None) is tracing.batch("d", [])
    assert tracing.carried() is None
    tracing.note(count=1)
    tracing.started(INSTANCE.id, None)


def test_on_each_attempt_at_a_step_is_a_span_of_its_instance(traces):
    from workflows.tracer import ids_of

    assert attempt(steps.step(charge), 3) == 3
    assert attempt(steps.step(charge_later), 4) == 4
    spans = [traces.one("step charge"), traces.one("step charge_later")]
    for span in spans:
        assert (span.context.trace_id, span.parent.span_id) == ids_of(INSTANCE.id)
        assert span.attributes["mollifier.instance_id"] == str(INSTANCE.id)
        assert span.attributes["mollifier.correlation_id"] == "1.1"
        assert span.attributes["mollifier.definition"] == "checkout"


def test_a_step_stays_what_it_was_plain_or_async(traces):
    assert not steps.step(charge).is_async
    assert steps.step(charge_later).is_async
    assert steps.step(charge).name == "charge"


def test_a_step_called_by_a_test_and_not_by_a_pump_makes_no_span(traces):
    assert steps.step(charge)(3) == 3
    assert traces.names() == []


def test_of_an_error_the_type_is_kept_and_never_the_text(traces):
    with pytest.raises(ValueError, match="-7"):
        attempt(steps.step(charge), -7)
    span = traces.one("step charge")
    assert span.status.description == "ValueError"
    assert span.events == ()
    assert "no such amount" not in traces.told()


def test_what_a_step_submits_is_below_it(traces):
    carried = []
    attempt(steps.step(name="outer")(lambda amount: carried.append(tracing.carried())), 1)
    assert carried == [f"00-{(span := traces.one('step outer')).context.trace_id:032x}-{span.context.span_id:016x}-01"]


def test_without_the_package_asking_for_traces_is_a_warning_that_names_the_remedy(settings, monkeypatch):
    monkeypatch.setattr(tracing, "PACKAGE", "opentelemetry_that_is_not_there.sdk")
    settings.WORKFLOWS = {**settings.WORKFLOWS, "TRACING": True}
    (warning,) = [each for each in checks.check_settings() if each.id == "workflows.W002"]
    assert "requirements-otel.txt" in warning.hint
    assert not tracing.switch_on()
    assert not tracing.is_on()
    settings.WORKFLOWS = {**settings.WORKFLOWS, "TRACING": False}
    assert not conf.current().tracing
    assert [each for each in checks.check_settings() if each.id == "workflows.W002"] == []


SENDING = """
import django
django.setup()
from workflows import tracing
with tracing.span("trigger", definition="checkout"):
    pass
"""


# As django-q2 makes its workers.
FORKED = """
import django, os
django.setup()
from workflows import tracing
child = os.fork()
if not child:
    with tracing.span("trigger", definition="checkout"):
        pass
    tracing.switch_off()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("code", [SENDING, FORKED], ids=["itself", "a forked worker"])
def test_spans_reach_a_collector_that_speaks_the_protocol(code):
    pytest.importorskip("opentelemetry.sdk", reason=REASON)
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.05)
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            python(code, OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_EXPORTER_OTLP_COMPRESSION="none")
        finally:
            server.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces"
    assert b"trigger" in body
    assert b"checkout" in body
    assert b"service.name" in body
    assert b"mollifier" in body
