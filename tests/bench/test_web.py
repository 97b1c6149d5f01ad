"""B6 on a few requests, to a server that the test runs."""

import os
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

from bench import web
from bench.rounds import Clock
from workflows.intake import refresher
from workflows.load import service
from workflows.load.wire import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(autouse=True)
def _few(live_server, monkeypatch, settings):
    settings.ROOT_URLCONF = "bench.empty.urls"

    @contextmanager
    def served(**_more: str):
        yield live_server.url, os.getpid()

    known = {
        "ROUNDS": 2,
        "WARM": 4,
        "CONNECTIONS": 2,
        "KINDS": tuple(replace(kind, requests=3) for kind in web.KINDS),
        "NOTHING": replace(web.NOTHING, requests=3),
    }
    for name, value in known.items():
        monkeypatch.setattr(web, name, value)
    monkeypatch.setattr(web.stack, "served", served)
    monkeypatch.setattr(service, "await_keys", lambda *_: refresher.refresh())


def test_each_kind_is_measured_against_the_empty_view():
    found = {each.id: each for each in web.against_empty(Clock(60))}
    assert list(found) == [f"B6.{kind.name}{end}" for kind in web.KINDS for end in ("", ".spent")]
    assert {id_: each.target for id_, each in found.items() if each.target} == {
        "B6.mollified": ">= 0.6 x",
        "B6.batch": ">= 15 x",
    }
    rates = [each for id_, each in found.items() if not id_.endswith("spent")]
    assert all(each.ratio and len(each.samples.ours) == len(each.samples.against) == 2 for each in rates)
    assert rates[0].samples.against == rates[1].samples.against, "one measurement of the empty view a round"


def test_what_ended_otherwise_is_no_measurement():
    one, many = web.KINDS[0], web.KINDS[2]
    assert one.is_met_by(Answer(202, b"{}", 0))
    assert not one.is_met_by(Answer(201, b"{}", 0))
    for buffered, met in ((100, True), (99, False)):
        body = msgspec.json.encode({"results": [], "summary": {"started": 100 - buffered, "buffered": buffered}})
        assert many.is_met_by(Answer(200, body, 0)) is met
    refused = replace(web.KINDS[0], status=201, name="passed")
    with pytest.raises(AssertionError, match="were not passed: 202"):
        web.check(refused, [Answer(202, b"", 0)])
