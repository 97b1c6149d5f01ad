"""B8: our engine and others in turn: DBOS Transact on the same PostgreSQL, Temporal with its dev server.

Ours starts instances here and has a pump in a process of its own run them; a peer does both in its one process.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from bench import engine, result
from bench.peers import asking
from bench.peers.asking import NotMeasured, Peer
from bench.result import Result, Samples, Target
from bench.rounds import Clock
from settings import env

ROUNDS = 5
SHORT, PEERS_SHORT = 5_000, 500
LATENCIES, PEERS_LATENCIES, QUEUED = 200, 50, 5
DBOS, TEMPORAL = "DBOS", "Temporal"


@dataclass(frozen=True)
class Comparison:
    """One of our figures beside one of a peer. `asked` and `given` are what the peer is asked for."""

    id: str
    ours: str
    peer: str
    what: str
    asked: str
    given: Mapping[str, int | str]
    target: Target | None = None
    rate_of: int | None = None

    @property
    def unit(self) -> str:
        return UNITS[self.ours]

    def of(self, answered: float) -> float:
        """Return a peer's answer in our unit: a rate, when it said how many seconds something took."""
        return answered if self.rate_of is None else self.rate_of / answered


UNITS = {"many": "steps/s", "long": "steps/s", "short": "instances/s", "empty": "ms"}
MANY, LONG, ONE = "200 instances of 10 steps at once", "1 instance of 100 steps", "instances of one step at once"
EMPTY = "p50 of an empty instance from start to finished, across processes"


def _rates(peer: str, suffix: str, many: Target | None = None, long: Target | None = None) -> list[Comparison]:
    short = {"instances": PEERS_SHORT, "steps_each": 1}
    return [
        Comparison(
            f"B8.200x10{suffix}", "many", peer, MANY, "run", {"instances": 200, "steps_each": 10}, many, 200 * 10
        ),
        Comparison(f"B8.1x100{suffix}", "long", peer, LONG, "run", {"instances": 1, "steps_each": 100}, long, 100),
        Comparison(f"B8.short{suffix}", "short", peer, ONE, "run", short, None, PEERS_SHORT),
    ]


def _latency(id_: str, peer: str, where: str, asked: str, target: float | None, **given: int | str) -> Comparison:
    bound = None if target is None else Target(target, at_least=False)
    return Comparison(id_, "empty", peer, f"{EMPTY}; the peer's {where}", asked, given, bound)


COMPARISONS = (
    *_rates(DBOS, "", Target(20), Target(3)),
    _latency("B8.empty", DBOS, "in its own process", "in_process", 1.0, count=PEERS_LATENCIES),
    _latency("B8.empty_queue", DBOS, "through its queue as it comes", "queued", 0.05, count=QUEUED, queue="queue"),
    _latency(
        "B8.empty_quick", DBOS, "through a queue that looks every 10 ms", "queued", None, count=20, queue="quick_queue"
    ),
    *_rates(TEMPORAL, "_temporal"),
    _latency("B8.empty_temporal", TEMPORAL, "through its dev server", "empty", None, count=PEERS_LATENCIES),
)


@dataclass
class Field:
    """Who takes part: the peers that run, and why the others don't."""

    running: dict[str, Peer] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def drop(self, name: str, why: NotMeasured) -> None:
        """Go on without a peer that failed; a figure it gave before would be no median."""
        self.running.pop(name, None)
        self.absent[name] = str(why)


@contextmanager
def peers() -> Iterator[Field]:
    """Start every peer that can be."""
    found = Field()
    with ExitStack() as stack:
        for name, program, arguments in ((DBOS, "dbos", [database("dbos")]), (TEMPORAL, "temporal", [])):
            try:
                found.running[name] = stack.enter_context(asking.peer(program, *arguments))
            except NotMeasured as error:
                found.drop(name, error)
        yield found


def database(name: str) -> str:
    """Return the address of another database on our server; the peer makes it."""
    return urlunsplit(urlsplit(env.required("DATABASE_URL"))._replace(path=f"/{name}"))


def rates(clock: Clock) -> list[Result]:
    """B8: every figure of ours once a round, and each peer's; who starts is turned."""
    ours: dict[str, list[float]] = {name: [] for name in OURS}
    theirs: dict[str, list[float]] = {each.id: [] for each in COMPARISONS}
    with peers() as taking_part:
        for number in clock.rounds(ROUNDS):
            if number % 2:
                ask(taking_part, theirs)
                play(ours)
            else:
                play(ours)
                ask(taking_part, theirs)
        return [compared(each, ours, theirs, taking_part) for each in COMPARISONS]


def play(found: Mapping[str, list[float]]) -> None:
    with engine.pump(0):
        engine.run("noop", b"{}", 50)
        for name, measure in OURS.items():
            found[name].append(measure())


def ask(taking_part: Field, found: Mapping[str, list[float]]) -> None:
    for each in COMPARISONS:
        peer = taking_part.running.get(each.peer)
        if peer is None:
            continue
        try:
            found[each.id].append(each.of(peer.ask(each.asked, **each.given)))
        except NotMeasured as error:
            taking_part.drop(each.peer, error)


def compared(
    each: Comparison, ours: Mapping[str, list[float]], theirs: Mapping[str, list[float]], taking_part: Field
) -> Result:
    why = taking_part.absent.get(each.peer)
    against = () if why is not None else tuple(theirs[each.id])
    note = f"{each.peer} not measured: {why}" if why is not None else f"against {taking_part.running[each.peer].name}"
    return result.make(each.id, each.what, each.unit, Samples(tuple(ours[each.ours]), against), each.target, note)


OURS: dict[str, Callable[[], float]] = {
    "many": lambda: 200 * 10 / engine.run("steps", b'{"n":10}', 200),
    "long": lambda: 100 / engine.run("steps", b'{"n":100}', 1),
    "short": lambda: SHORT / engine.run("steps", b'{"n":1}', SHORT),
    "empty": lambda: engine.latency_ms(LATENCIES),
}
