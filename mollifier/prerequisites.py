"""What must be true of the servers and the database before the service can be trusted; asked by check_setup.

Each check looks at the real thing and answers with findings: what was seen, and what to do when that is wrong.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_q.conf import Conf
from django_q.models import Schedule
from django_q.status import Stat
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from mollifier import conf, durability, lua

OLDEST_POSTGRESQL = 150_000
OLDEST_REDIS = (7, 0)
OLDEST_VALKEY = (8, 0)
SKEW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `fix` is set when it is wrong; `required` tells a fault from advice."""

    name: str
    seen: str
    fix: str | None = None
    required: bool = True

    @property
    def wrong(self) -> bool:
        return self.fix is not None


def examine() -> list[Finding]:
    """Run every check; a server that can't be reached is one finding, and the checks that need it are left out."""
    return [*_reached("PostgreSQL", _postgresql, DATABASE_CHECKS), *_reached("Redis", _redis, REDIS_CHECKS)]


Check = Callable[[], Iterator[Finding]]


def _reached(server: str, first: Check, others: tuple[Check, ...]) -> Iterator[Finding]:
    try:
        for check in (first, *others):
            yield from check()
    except (DatabaseError, RedisError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        yield Finding(server, said, "start it (bin/up starts embedded ones), or correct DATABASE_URL and REDIS_URL")


def _finding(name: str, seen: str, good: bool, fix: str, *, required: bool = True) -> Finding:
    return Finding(name, seen, None if good else fix, required)


def _postgresql() -> Iterator[Finding]:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, version = cursor.fetchone()
    yield _finding("PostgreSQL", version, number >= OLDEST_POSTGRESQL, "use PostgreSQL 15 or newer")


def _pool() -> Iterator[Finding]:
    pooled = "pool" in connection.settings_dict["OPTIONS"]
    yield _finding(
        "connections",
        "a pool" if pooled else f"kept for {connection.settings_dict['CONN_MAX_AGE']} s",
        not pooled,
        "unset OPTIONS['pool'] of DATABASES: after a fork it gives one process another's rows",
    )


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    seen = f"{len(missing)} not applied" if missing else "all applied"
    yield _finding("migrations", seen, not missing, "run bin/manage migrate")


def _schedules() -> Iterator[Finding]:
    """Look for the schedule that heals each thing a cluster starts by itself."""
    if "django_q_schedule" not in connection.introspection.table_names():
        yield Finding("schedules", "no table", "run bin/manage migrate")
        return
    clusters = (Conf.conf, *Conf.conf.get("ALT_CLUSTERS", {}).values())
    wanted = {task for cluster in clusters for task in cluster.get("boot", ())}
    missing = wanted - set(Schedule.objects.exclude(repeats=0).values_list("func", flat=True))
    seen = f"none for {', '.join(sorted(missing))}" if missing else f"{len(wanted)} present"
    yield _finding("schedules", seen, not missing, "run bin/manage migrate, which makes them")


def _database_clock() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (there,) = cursor.fetchone()
    yield _skew("PostgreSQL clock", there, before)


def _redis() -> Iterator[Finding]:
    info = get_redis_connection("buffer").info("server")
    if "valkey_version" in info:
        name, version, oldest = "Valkey", info["valkey_version"], OLDEST_VALKEY
    else:
        name, version, oldest = "Redis", info["redis_version"], OLDEST_REDIS
    good = _numbers(version) >= oldest
    yield _finding("Redis", f"{name} {version}", good, "use Redis 7.0, Valkey 8.0 or newer")


def _keeping() -> Iterator[Finding]:
    """Look at whether Redis keeps what it is given, by the rules that also hold at boot."""
    server, settings = get_redis_connection("buffer"), conf.current()
    info = {name: value for section in durability.SECTIONS for name, value in server.info(section).items()}
    facts = durability.Facts.read(info, _appendfsync(server))
    kept = f"on, fsync {facts.appendfsync or 'unknown'}" if facts.append_only else "off"
    for name, seen, faults in (
        ("eviction", facts.policy, durability.eviction(facts)),
        (
            "memory",
            f"maxmemory {facts.maxmemory}" if facts.maxmemory else "no maxmemory",
            durability.memory(facts, settings),
        ),
        ("append-only file", f"{kept}; durability {settings.durability}", durability.persistence(facts, settings)),
        ("replicas", f"{facts.replicas} connected", durability.replication(facts, settings)),
    ):
        fault = next(faults, None)
        yield Finding(name, seen, fault.hint if fault else None, required=fault is None or fault.refused)
    if facts.append_only:
        wrote = info["aof_last_write_status"]
        yield _finding("append-only writes", wrote, wrote == "ok", "free the disk that Redis writes to")


def _appendfsync(server: Redis) -> str | None:
    try:
        return server.config_get("appendfsync").get("appendfsync")
    except ResponseError:
        return None


def _scripts() -> Iterator[Finding]:
    client = get_redis_connection("buffer")
    scripts = lua.every()
    refused = [script.name for script in scripts if client.script_load(script.text) != script.sha]
    seen = f"refused: {', '.join(refused)}" if refused else f"{len(scripts)} loaded"
    yield _finding("scripts", seen, not refused, "check that the server runs Lua scripts and leaves them unchanged")


def _redis_clock() -> Iterator[Finding]:
    before = time.time()
    seconds, micros = get_redis_connection("buffer").time()
    yield _skew("Redis clock", seconds + micros / 1e6, before)


def _clusters() -> Iterator[Finding]:
    names = {Conf.PREFIX, *Conf.conf.get("ALT_CLUSTERS", {})}
    alive = len(Stat.get_all())
    fix = "run bin/up, or qcluster once for each of " + ", ".join(sorted(names))
    yield _finding("clusters", f"{alive} running", alive >= len(names), fix, required=False)


def _skew(name: str, there: float, before: float) -> Finding:
    """Compare a server's clock with the middle of the exchange that asked for it."""
    here = (before + time.time()) / 2
    skew = there - here
    seen = f"{skew * 1000:+.1f} ms"
    return _finding(name, seen, abs(skew) <= SKEW_SECONDS, "run a time service on both machines", required=False)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def as_json(findings: list[Finding]) -> Mapping[str, Any]:
    """Return the findings as one JSON object."""
    return {
        "ok": not any(finding.wrong and finding.required for finding in findings),
        "checks": [
            {"name": each.name, "ok": not each.wrong, "required": each.required, "seen": each.seen, "fix": each.fix}
            for each in findings
        ],
    }


DATABASE_CHECKS: tuple[Check, ...] = (_pool, _migrations, _schedules, _database_clock)
REDIS_CHECKS: tuple[Check, ...] = (_keeping, _scripts, _redis_clock, _clusters)
