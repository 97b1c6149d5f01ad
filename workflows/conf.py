"""The engine's settings as one frozen object, read once and refused when wrong."""

import base64
import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.encoding import force_bytes

NAME = "WORKFLOWS"
WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# What is too large for PostgreSQL to count with is a mistake too.
MOST = 10**12
Whole = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST)]
# What is done again after so long, and would never rest at 0.
Period = Annotated[float, msgspec.Meta(gt=0, le=MOST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """Durations end in their unit. See docs/settings.md for the effect of each."""

    shards: Positive = 4
    # How often a process looks for changed flags, keys and definitions (0: only when told), and how long it serves
    # what it has while the database does not answer.
    snapshot_refresh_ms: Whole = 1_000
    snapshot_max_age_seconds: Whole = 900
    # The pump: its lease on a shard, and how often it looks without being told.
    lease_ms: Positive = 4_000
    heartbeat_ms: Positive = 1_000
    poll_ms: Positive = 1_000
    stop_timeout_seconds: Seconds = 20.0
    # Dotted path of a function that says whether this process was asked to stop; the host of the pumps gives it.
    stop_flag: str = ""
    max_takeovers: Whole = 5
    takeover_batch: Positive = 1_000
    unknown_definition_retry_seconds: Period = 60.0
    # Where this service answers, for the commands that call it.
    service_url: str = "http://127.0.0.1:8000"
    # What one trigger may carry, and whether /metrics asks for a key with metrics:read.
    max_payload_bytes: Positive = 512 * 1024
    max_metadata_bytes: Whole = 64 * 1024
    metrics_public: bool = True
    # Whether traces are sent, where OpenTelemetry is installed.
    tracing: bool = False
    # How much one pump holds at a time.
    max_running: Positive = 500
    max_live: Whole = 2_000
    max_live_bytes: Whole = 256 * 1024 * 1024
    step_threads: Positive = 32
    group_instances: Positive = 500
    group_bytes: Positive = 4 * 1024 * 1024
    # Caps of one instance's log.
    max_events: Positive = 25_000
    max_log_bytes: Positive = 64 * 1024 * 1024
    outbox_batch: Positive = 2_000
    # How many generations of instances may start one another.
    max_depth: Whole = 10
    # The damper: live instances that the events of one type may have of one definition, of those made in the window;
    # a definition and a binding may say else. 0 asks nothing.
    event_limit: Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)] = 50
    event_window_seconds: Whole = 6 * 3600
    # Triggers of a storm that are kept to be replayed.
    storm_kept: Positive = 1_000
    storm_kept_days: Whole = 30
    # How large a declarative definition may be, and how many versions of them a process keeps at hand.
    max_definition_bytes: Positive = 256 * 1024
    max_definition_steps: Positive = 500
    max_definition_depth: Positive = 10
    max_loop_iterations: Positive = 10_000
    max_loop_parallelism: Positive = 100
    max_declared: Positive = 1_000
    # How long a row of the outbox is left to whoever took it, and how long one waits that could not be handed on.
    outbox_lease_seconds: Seconds = 60.0
    outbox_retry_seconds: Period = 5.0
    # Children of one instance that are unfinished at a time, and what its hooks may receive before it reads on.
    max_children: Whole = 1_000
    max_unread: Positive = 10_000
    # Schedules: how many a pass takes at once and how often, how long it may wait for one to come due, and holds it.
    max_schedules: Whole = 1_000
    schedule_batch: Positive = 200
    schedule_rounds: Positive = 100
    schedule_wait_seconds: Whole = 35
    schedule_lease_seconds: Positive = 60
    schedule_grace_seconds: Whole = 120
    schedule_poll_seconds: Positive = 15
    schedule_retry_cap_seconds: Positive = 60
    # Cleaning up: rows changed in one transaction, rows looked at for them, transactions of one command,
    # and events deleted in one transaction.
    cleanup_batch: Positive = 2_000
    cleanup_looked_at: Positive = 20_000
    cleanup_batches: Positive = 100_000
    cleanup_events: Positive = 100_000
    # Finished instances are deleted after this (0: never), so many in one pass of the schedule.
    retention_days: Seconds = 30.0
    retention_pass: Positive = 50_000
    # Webhooks: how many an org may have, and the service; how long an attempt may take, how many go at once, and of
    # them to one webhook; what one pass takes on, and for how long.
    max_webhooks: Whole = 20
    webhook_timeout_seconds: Period = 10.0
    webhook_threads: Positive = 16
    webhook_in_flight: Positive = 2
    webhook_pass: Positive = 1_000
    webhook_pass_seconds: Period = 10.0
    # Attempts at a delivery: the first and the longest pause between two, and when it is given up.
    webhook_retry_base_seconds: Period = 10.0
    webhook_retry_cap_seconds: Period = 14_400.0
    webhook_give_up_seconds: Seconds = 86_400.0
    # What may wait for one webhook, how long what was told is kept, and how long a rotated secret still signs.
    webhook_max_waiting: Whole = 10_000
    webhook_kept_days: Seconds = 30.0
    webhook_rotation_seconds: Seconds = 86_400.0
    # Conditions that are told of: how many triggers that failed open between two looks begin one, and how long
    # nothing must have been seen of one that ends.
    watch_failed_open: Positive = 1
    watch_quiet_seconds: Seconds = 180.0
    # Searches, exports and bulk actions: how long a search may take, rows of one export; things counted beforehand,
    # taken between two looks at whether to stop, and tried by one task; suppressed triggers replayed a second.
    search_max_ms: Positive = 2_000
    export_rows: Positive = 10_000
    bulk_counted: Whole = 10_000
    bulk_batch: Positive = 100
    bulk_slice_seconds: Seconds = 20.0
    bulk_heartbeat_seconds: Period = 60.0
    bulk_replay_rate: Period = 10.0
    # Rollout plans that one pass looks at.
    plan_batch: Positive = 100
    # Where requests of workflows may go besides the public internet, and how much one may take.
    outbound_allow: str = ""
    outbound_max_seconds: Period = 300.0
    outbound_max_bytes: Positive = 10 * 1024 * 1024
    outbound_redirects: Whole = 5
    # Actions: the longest pause another service may ask for, and what goes to blob storage, or may come back from it.
    retry_after_max_seconds: Seconds = 3_600.0
    spill_bytes: Whole = 400 * 1024
    resolved_max_bytes: Positive = 32 * 1024 * 1024
    # Fernet keys of the tenants' secrets, comma separated: the first encrypts, all decrypt.
    secret_keys: str = field(default="", repr=False)


def read(values: Mapping[str, Any]) -> Conf:
    """Build the object from a dict of upper-case names; text is converted, since the environment holds only text.

    Raises:
        ImproperlyConfigured: an unknown name (with a guess), or a value of the wrong kind or out of its range.
    """
    known = {each.name.upper(): each for each in fields(Conf)}
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
    return read(settings.WORKFLOWS)


def secret_keys() -> tuple[str, ...]:
    """Return the Fernet keys of secrets, the encrypting one first.

    Those that are derived from SECRET_KEY and its fallbacks stand last, so that what they encrypted stays readable.
    """
    given = [key.strip() for key in current().secret_keys.split(",") if key.strip()]
    return (*given, *(_derived(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)))


def _derived(key: str | bytes) -> str:
    digest = hashlib.sha256(b"workflows.secrets\0" + force_bytes(key)).digest()
    return base64.urlsafe_b64encode(digest).decode()


def _reset(*, setting: str, **_: Any) -> None:
    if setting == NAME:
        current.cache_clear()


setting_changed.connect(_reset, dispatch_uid="workflows.conf")
