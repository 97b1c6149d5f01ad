import pytest
from django.core.exceptions import ImproperlyConfigured
from django_redis import get_redis_connection

from mollifier import checks


def ids(messages):
    return [message.id for message in messages]


def configure(settings, **changes):
    settings.MOLLIFIER = {**settings.MOLLIFIER, **changes}


def test_the_shipped_settings_are_right():
    assert checks.check_settings() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"LIMITS": 5}, "mollifier.E001"),
        ({"MATERIALISER": "nowhere.Nothing"}, "mollifier.E002"),
        ({"MATERIALISER": ""}, "mollifier.E002"),
        ({"NAMES": "nowhere.Nothing"}, "mollifier.E002"),
        ({"LEASE_MS": 30_000, "HANDLER_TIMEOUT_MS": 30_000}, "mollifier.E003"),
        ({"SHUTDOWN_TIMEOUT_SECONDS": 59.5}, "mollifier.E004"),
        ({"SLICE_SECONDS": 40}, "mollifier.E005"),
        ({"CLAIM_ENTRIES": 0}, "mollifier.E006"),
        ({"CLAIM_ENTRIES": 1_001}, "mollifier.E006"),
        ({"CLAIMS_IN_FLIGHT": 0}, "mollifier.E006"),
        ({"DURABILITY": "replicated", "REPLICAS": 0}, "mollifier.E012"),
        ({"DURABILITY": "eternal"}, "mollifier.E001"),
    ],
)
def test_settings_that_do_not_agree_are_refused(settings, changes, expected):
    configure(settings, **changes)
    assert expected in ids(checks.check_settings())


def test_a_missing_connection_is_refused(settings):
    settings.CACHES = {alias: cache for alias, cache in settings.CACHES.items() if alias != "gate"}
    assert ids(checks.check_settings()) == ["mollifier.E007"]


def test_two_connections_with_one_address_are_refused(settings):
    settings.CACHES = {**settings.CACHES, "gate": settings.CACHES["buffer"]}
    assert ids(checks.check_settings()) == ["mollifier.E008"]


@pytest.fixture
def redis():
    """The server, whose settings are put back."""
    server = get_redis_connection("buffer")
    before = {name: server.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy")}
    yield server
    for name, value in before.items():
        server.config_set(name, value)


def test_a_redis_that_evicts_is_refused(redis):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    assert "mollifier.E009" in ids(checks.check_redis())


def test_caps_that_do_not_fit_are_refused(redis, settings):
    redis.config_set("maxmemory", "4gb")
    assert "mollifier.E010" in ids(checks.check_redis())
    configure(settings, CAP_TOTAL_BYTES=1024**3)
    assert "mollifier.E010" not in ids(checks.check_redis())


def test_a_redis_without_a_file_is_warned_of():
    assert "mollifier.W002" in ids(checks.check_redis())


def test_a_web_process_does_not_start_with_settings_or_a_redis_that_are_refused(redis, settings):
    checks.boot()
    redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(ImproperlyConfigured, match="noeviction"):
        checks.boot()
    settings.SILENCED_SYSTEM_CHECKS = ["mollifier.E009"]
    checks.boot()
    configure(settings, LEASE_MS=1)
    with pytest.raises(ImproperlyConfigured, match="LEASE_MS"):
        checks.boot()


@pytest.mark.usefixtures("no_redis")
def test_a_redis_that_is_away_keeps_no_web_process_from_starting():
    checks.boot()


@pytest.mark.usefixtures("no_redis")
def test_an_unreachable_redis_is_only_a_warning():
    assert ids(checks.check_redis()) == ["mollifier.W001"]
