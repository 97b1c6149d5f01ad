import pytest
from django.core.exceptions import ImproperlyConfigured

from mollifier import conf


def test_the_defaults_are_those_of_the_documents():
    defaults = conf.read({})
    assert (defaults.divert, defaults.drain) == (True, True)
    assert (defaults.window_ms, defaults.limit, defaults.hold_ms) == (200, 100, 500)
    assert (defaults.claim_entries, defaults.claims_in_flight, defaults.lease_ms) == (500, 4, 60_000)
    assert (defaults.cap_env_entries, defaults.cap_total_entries) == (100_000, 1_000_000)
    assert (defaults.attempts, defaults.retry_period_seconds) == (5, 900.0)


@pytest.mark.parametrize(("word", "value"), [("false", False), ("False", False), ("0", False), ("on", True)])
def test_words_of_the_environment_are_understood(word, value):
    assert conf.read({"DIVERT": word}).divert is value


def test_numbers_of_the_environment_are_numbers():
    read = conf.read({"LIMIT": "7", "SLICE_SECONDS": "1.5"})
    assert (read.limit, read.slice_seconds) == (7, 1.5)


def test_an_unknown_name_is_refused_with_a_guess():
    with pytest.raises(ImproperlyConfigured, match=r"CLAIM_ENTRYS.*CLAIM_ENTRIES"):
        conf.read({"CLAIM_ENTRYS": 5})


@pytest.mark.parametrize("values", [{"LIMIT": "many"}, {"LIMIT": 1.5}, {"DIVERT": "perhaps"}, {"DRAIN": 1}])
def test_a_value_of_the_wrong_kind_is_refused(values):
    with pytest.raises(ImproperlyConfigured, match=next(iter(values))):
        conf.read(values)


@pytest.mark.parametrize(
    "values",
    [
        {"HOLD_MS": -1},
        {"LIMIT": "-5"},
        {"WINDOW_MS": 0},
        {"BINDING_TTL_SECONDS": 0},
        {"DRAINER_LEASE_MS": "0"},
        {"SWEEP_ORGS": 0},
        {"CAP_TOTAL_BYTES": -1},
        {"EXCHANGE_TIMEOUT_MS": 0},
        {"SLICE_SECONDS": "nan"},
        {"SLICE_SECONDS": 0},
        {"PAUSE_BASE_MS": 0},
        {"LINGER_SECONDS": "inf"},
        {"HOLD_MS": "9" * 30},
    ],
)
def test_a_value_out_of_its_range_is_refused_and_told_what_it_may_be(values):
    with pytest.raises(ImproperlyConfigured, match=rf"{next(iter(values))}.*Expected `(int|float)` [<>]=? "):
        conf.read(values)


def test_changed_settings_are_read_again(settings):
    assert conf.current().limit == 100
    settings.MOLLIFIER = {**settings.MOLLIFIER, "LIMIT": 3}
    assert conf.current().limit == 3
