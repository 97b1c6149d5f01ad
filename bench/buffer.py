"""B3, B13 and B17: what the buffer costs, against plain lists and strings, when it is deep, and in memory."""

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any

from django.test.utils import override_settings
from django_redis import get_redis_connection

from bench import arrivals, result
from bench.result import Result, Samples, Target
from bench.rounds import Clock
from mollifier import buffer, gate
from mollifier.decision import Arrival, Mollify, Reason
from mollifier.entry import Settle

ROUNDS = 7
BATCH = 500
LEASE_MS = 60_000
ENTRIES, SIZE = 20_000, 500
ORGS = (10, 1_000, 10_000)
DEPTHS = (0, 100_000, 1_000_000)
SHALLOW, SMALL = 100_000, 100
VISITS = 30
FILLED_AT_ONCE, PILE = 1_000, 50
UNCAPPED = {"CAP_ENV_ENTRIES": 0, "CAP_ENV_BYTES": 0, "CAP_TOTAL_ENTRIES": 0, "CAP_TOTAL_BYTES": 0,
            "EXCHANGE_TIMEOUT_MS": 5_000}  # fmt: skip


def against_lists(clock: Clock) -> list[Result]:
    """B3: claim and settle, against LPOP with a count, GET and DEL pipelined."""
    found = []
    for orgs in ORGS[:2]:
        pairs = [(worked_off(orgs), popped(one_by_one), popped(at_once)) for _ in clock.rounds(ROUNDS)]
        ours, each, together = zip(*pairs, strict=True)
        what = f"entries of {orgs:,} orgs claimed and settled by {BATCH}, against LPOP, GETs and DELs pipelined"
        found.append(result.make(f"B3.{orgs}", what, "entries/s", Samples(ours, each), Target(0.7)))
        what = f"the same, against LPOP, one MGET and one DEL: no fairness, lease or account ({orgs:,} orgs)"
        found.append(result.make(f"B3.{orgs}.bulk", what, "entries/s", Samples(ours, together)))
    return found


def worked_off(orgs: int) -> float:
    """Return the entries a second, from the first claim to the last settlement."""
    empty()
    fill(ENTRIES, orgs, size=SIZE)
    began = perf_counter()
    done = 0
    while done < ENTRIES:
        done += visit()
    return ENTRIES / (perf_counter() - began)


def visit() -> int:
    """Claim a batch and settle it; return how many entries it had."""
    token = uuid.uuid4().hex
    entries = buffer.claim(token, BATCH, LEASE_MS).entries
    buffer.settle(token, [Settle(entry.id, 0) for entry in entries])
    return len(entries)


def popped(read_and_delete: Callable[[Sequence[bytes]], Sequence[bytes]]) -> float:
    """Return the entries a second from one list and as many strings."""
    client = redis()
    empty()
    names = [f"entry:{uuid.uuid4()}" for _ in range(ENTRIES)]
    for at in range(0, ENTRIES, BATCH):
        client.mset({name: bytes(SIZE) for name in names[at : at + BATCH]})
        client.rpush("queue", *names[at : at + BATCH])
    began = perf_counter()
    while taken := client.lpop("queue", BATCH):
        assert len(read_and_delete(taken)[0]) == SIZE
    return ENTRIES / (perf_counter() - began)


def one_by_one(names: Sequence[bytes]) -> list[bytes]:
    pipeline = redis().pipeline(transaction=False)
    for name in names:
        pipeline.get(name)
    for name in names:
        pipeline.delete(name)
    replies: list[bytes] = pipeline.execute()
    return replies[: len(names)]


def at_once(names: Sequence[bytes]) -> list[bytes]:
    pipeline = redis().pipeline(transaction=False)
    pipeline.mget(names)
    pipeline.delete(*names)
    replies: list[bytes] = pipeline.execute()[0]
    return replies


@dataclass(frozen=True)
class Visits:
    """Microseconds of the server's processor for each claim of a batch, and for each accept."""

    claims: tuple[float, ...]
    accepts: tuple[float, ...]


def by_depth(clock: Clock) -> list[Result]:
    """B13: what the server spends on a claim and on an accept, deeper and with more orgs, against the smallest.

    The last depth is as far as the time allows; its results say how far that was.
    """
    few, *more = ORGS
    wider, deeper = {}, {}
    with override_settings(MOLLIFIER=UNCAPPED):
        for orgs in ORGS:
            empty()
            fill(SHALLOW, orgs, size=SMALL)
            wider[orgs] = visits(orgs)
        empty()
        depth = 0
        for wanted in DEPTHS:
            depth += fill(wanted - depth, few, size=SMALL, until=clock.ends_at)
            deeper[depth] = visits(few)
    none, *depths = deeper
    found = [compared(f"{each:,} buffered", deeper[each], "none", deeper[none], 1.3) for each in depths]
    found += [compared(f"{each:,} orgs", wider[each], f"{few}", wider[few], 1.8) for each in more]
    return [one for pair in found for one in pair]


def compared(ours: str, looked: Visits, smallest: str, least: Visits, most: float) -> tuple[Result, Result]:
    against, name = f"with {ours}, against {smallest}", ours.replace(",", "").replace(" ", "-")
    return (
        result.make(f"B13.claim.{name}", f"server's time of a claim of {BATCH} {against}", "us",
                    Samples(looked.claims, least.claims), Target(most, at_least=False)),
        result.make(f"B13.admit.{name}", f"server's time of an accept {against}", "us",
                    Samples(looked.accepts, least.accepts), Target(1.5, at_least=False)),
    )  # fmt: skip


def visits(orgs: int) -> Visits:
    """Admit and claim as much by turns, so the depth stays."""
    claims, accepts = [], []
    for _ in range(VISITS):
        made = arrivals.make(BATCH, orgs=orgs, size=SMALL)
        before = processor_time()
        accept(made)
        accepts.append((processor_time() - before) / BATCH)
        token = uuid.uuid4().hex
        before = processor_time()
        entries = buffer.claim(token, BATCH, LEASE_MS).entries
        claims.append(processor_time() - before)
        assert len(entries) == BATCH
        buffer.settle(token, [Settle(entry.id, 0) for entry in entries])
    return Visits(tuple(claims), tuple(accepts))


def processor_time() -> float:
    """Return the microseconds that the server's main thread has run; others on the machine don't add to it."""
    times = redis().info("cpu")
    return float(times["used_cpu_user_main_thread"] + times["used_cpu_sys_main_thread"]) * 1_000_000


def by_memory(clock: Clock) -> list[Result]:
    """B17: what an entry takes, of 500 bytes, against those bytes; bindings and request ids beside it."""
    found = [(taken(), taken(keyed=True), taken(named=True)) for _ in clock.rounds(3)]
    plain, keyed, named = (tuple(figures) for figures in zip(*found, strict=True))
    samples = Samples(plain, (float(SIZE),) * len(plain))
    return [
        result.make("B17", f"memory of an entry of {SIZE} B", "B", samples, Target(1.8, at_least=False)),
        result.make("B17.binding", "what an idempotency key adds", "B", beside(keyed, plain)),
        result.make("B17.request", "what a request id adds, for ten minutes", "B", beside(named, plain)),
    ]


def beside(more: Sequence[float], plain: Sequence[float]) -> Samples:
    return Samples(tuple(one - other for one, other in zip(more, plain, strict=True)))


def taken(*, keyed: bool = False, named: bool = False) -> float:
    """Return the bytes of memory an entry takes, without what connections and the append-only file hold for a while."""
    empty()
    fill(ORGS[0], ORGS[0], size=SIZE)
    before = held()
    made = [arrivals.make(FILLED_AT_ONCE, orgs=ORGS[0], size=SIZE, keyed=keyed, named=named) for _ in range(PILE)]
    for some in made:
        accept(some, force=None)
    return (held() - before) / (PILE * FILLED_AT_ONCE)


def held() -> int:
    memory: dict[str, Any] = redis().info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])


def fill(count: int, orgs: int, *, size: int, until: float = math.inf) -> int:
    """Have so many entries accepted, or as many as there is time for; return how many."""
    for at in range(0, count, FILLED_AT_ONCE):
        if monotonic() > until:
            return at
        accept(arrivals.make(min(FILLED_AT_ONCE, count - at), orgs=orgs, size=size))
    return count


def accept(made: Sequence[Arrival], force: Reason | None = Reason.DATABASE_UNAVAILABLE) -> None:
    decisions = gate.admit_many(made, force=force)
    assert all(isinstance(decision, Mollify) for decision in decisions), "not everything was buffered"


def empty() -> None:
    """Forget everything, and wait until its memory is given back."""
    redis().execute_command("FLUSHDB", "SYNC")


def redis() -> Any:
    return get_redis_connection("buffer")
