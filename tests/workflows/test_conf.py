import pytest
from django.core.exceptions import ImproperlyConfigured

from workflows import conf


def test_the_defaults_hold_without_settings(settings):
    settings.WORKFLOWS = {}
    assert conf.current().shards == 4


def test_text_from_the_environment_is_converted(settings):
    settings.WORKFLOWS = {"SHARDS": "8", "STOP_TIMEOUT_SECONDS": "2.5"}
    assert (conf.current().shards, conf.current().stop_timeout_seconds) == (8, 2.5)


def test_an_unknown_name_is_refused_with_a_guess(settings):
    settings.WORKFLOWS = {"SHARD": 2}
    with pytest.raises(ImproperlyConfigured, match="SHARDS"):
        conf.current()


@pytest.mark.parametrize("value", ["many", 1.5, None])
def test_a_value_of_the_wrong_kind_is_refused(settings, value):
    settings.WORKFLOWS = {"SHARDS": value}
    with pytest.raises(ImproperlyConfigured, match="SHARDS"):
        conf.current()


@pytest.mark.parametrize(
    "values",
    [
        {"SHARDS": 0},
        {"HEARTBEAT_MS": "0"},
        {"MAX_EVENTS": -1},
        {"CLEANUP_BATCH": 0},
        {"RETENTION_DAYS": -1},
        {"WEBHOOK_TIMEOUT_SECONDS": 0},
        {"WEBHOOK_GIVE_UP_SECONDS": "inf"},
        {"STORM_KEPT": 0},
        {"EVENT_LIMIT": "9" * 30},
    ],
)
def test_a_value_out_of_its_range_is_refused_and_told_what_it_may_be(values):
    with pytest.raises(ImproperlyConfigured, match=rf"{next(iter(values))}.*Expected `(int|float)` [<>]=? "):
        conf.read(values)


def test_a_limit_of_events_below_zero_asks_nothing():
    assert conf.read({"EVENT_LIMIT": -1}).event_limit == -1
