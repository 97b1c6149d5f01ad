"""The mollifier's settings as one frozen object, read once and refused when wrong."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

NAME = "MOLLIFIER"
WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
MIB = 1024 * 1024
# What is too large for Redis to count with is a mistake too.
MOST = 10**12
Whole = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST)]
# What is done again after so long, and would never rest at 0.
Period = Annotated[float, msgspec.Meta(gt=0, le=MOST)]


class Durability(StrEnum):
    """What an answer of the gate waits for; docs/operations.md says what each can lose."""

    MEMORY = "memory"
    AOF = "aof"
    SYNCED = "synced"
    REPLICATED = "replicated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """Durations end in their unit, a cap or limit of 0 is off. See docs/settings.md for the effect of each."""

    # The two switches; reading is always on.
    divert: bool = True
    drain: bool = True
    # Dotted path of what turns entries into rows.
    materialiser: str = ""
    # Dotted path of what knows the names of orgs and environments.
    names: str = ""
    # The gate: how many pass per environment and window, and how long a trip lasts, unless the org's flags say else.
    limit: Whole = 100
    window_ms: Positive = 200
    hold_ms: Whole = 500
    # Above them: of an org, which its flags may change, and of everybody; 0 is off. The hold is the same for all.
    org_limit: Whole = 0
    org_window_ms: Positive = 1_000
    global_limit: Whole = 0
    global_window_ms: Positive = 1_000
    # How long a mirrored entry waits for its row before they are compared.
    mirror_delay_ms: Whole = 5_000
    # One exchange with Redis, and the breaker behind it.
    exchange_timeout_ms: Positive = 50
    breaker_errors: Positive = 5
    breaker_open_ms: Whole = 2_000
    # What an accepted trigger survives, and how long the gate waits for that where it takes longer.
    durability: Durability = Durability.AOF
    durable_timeout_ms: Positive = 2_000
    replicas: Whole = 1
    # How long an idempotency binding outlives its entry.
    binding_ttl_seconds: Positive = 3_600
    # Caps of what is buffered, in entries and bytes.
    cap_env_entries: Whole = 100_000
    cap_env_bytes: Whole = 256 * MIB
    cap_org_entries: Whole = 0
    cap_org_bytes: Whole = 0
    cap_total_entries: Whole = 1_000_000
    cap_total_bytes: Whole = 2_048 * MIB
    # The drainer: the size of a claim, its lease, and how many are in flight.
    claim_entries: Whole = 500
    claim_bytes: Positive = 2 * MIB
    claims_in_flight: Whole = 4
    # How much of one environment may be in flight; `ordered` allows one claim.
    env_in_flight: Whole = 0
    ordered: bool = False
    # Its pace: entries a second for all drainers together, and the time a batch should take.
    drain_rate: Whole = 0
    latency_target_ms: Whole = 250
    # From when on a batch is late: the orgs in it are then claimed apart.
    slow_batch_ms: Positive = 500
    lease_ms: Positive = 60_000
    handler_timeout_ms: Positive = 30_000
    # Its own lease, one slice on django-q2, and how long it lingers over an empty buffer.
    drainer_lease_ms: Positive = 3_000
    slice_seconds: Period = 20.0
    linger_seconds: Seconds = 2.0
    shutdown_timeout_seconds: Seconds = 30.0
    graceful_timeout_seconds: Seconds = 60.0
    # The sweep: from when on an entry is stale, how many orgs one pass looks at, and how often it goes round.
    sweep_stale_seconds: Seconds = 300.0
    sweep_orgs: Positive = 100
    sweep_interval_seconds: Period = 300.0
    # What the gate saw: days of the shadow report, definitions it tells apart in a day, seconds of recorded arrivals,
    # and how many different counts a process holds until they are told.
    report_days: Positive = 30
    report_definitions: Whole = 100
    arrivals_seconds: Positive = 3_600
    tally_pending: Whole = 10_000
    # One simulation: triggers it replays at most, and how long it may take.
    simulation_triggers: Positive = 200_000
    simulation_seconds: Seconds = 20.0
    # Retries of an entry that failed by itself.
    retry_base_ms: Positive = 1_000
    retry_cap_ms: Positive = 60_000
    attempts: Positive = 5
    retry_period_seconds: Seconds = 900.0
    # How long claiming pauses while the store can't be reached.
    pause_base_ms: Positive = 500
    pause_cap_ms: Positive = 5_000

    @property
    def admit_seconds(self) -> float:
        """How long one exchange of the gate may take."""
        durable = self.durability in (Durability.SYNCED, Durability.REPLICATED)
        return (self.durable_timeout_ms if durable else self.exchange_timeout_ms) / 1000

    @property
    def replicas_awaited(self) -> int:
        return self.replicas if self.durability is Durability.REPLICATED else 0


def read(values: Mapping[str, Any]) -> Conf:
    """Build the object from a dict of upper-case names; text is converted, since the environment holds only text.

    Raises:
        ImproperlyConfigured: an unknown name (with a guess), or a value of the wrong kind.
    """
    known = {field.name.upper(): field for field in fields(Conf)}
    taken: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            guess = difflib.get_close_matches(name, known, 1)
            raise ImproperlyConfigured(f"{NAME}[{name!r}] is not a setting" + (f"; {guess[0]}?" if guess else ""))
        taken[known[name].name] = _converted(name, value, known[name].type)
    return Conf(**taken)


def _converted(name: str, value: Any, kind: Any) -> Any:
    if kind is bool and isinstance(value, str):
        value = WORDS.get(value.strip().lower(), value)
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        raise ImproperlyConfigured(f"{NAME}[{name!r}] = {value!r}: {error}") from None


@cache
def current() -> Conf:
    return read(settings.MOLLIFIER)


def _reset(*, setting: str, **_: Any) -> None:
    if setting == NAME:
        current.cache_clear()


setting_changed.connect(_reset, dispatch_uid="mollifier.conf")
