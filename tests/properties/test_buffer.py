"""The buffer against a model, on the real server, through any order of calls, losses and repeats."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from uuid import UUID

from django.test import override_settings
from django_redis import get_redis_connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from mollifier import buffer, conf, deadletters, fairness, gate, keys, pages, patches, removal, stats, sweep
from mollifier.decision import (
    Arrival,
    Binding,
    Existing,
    Limit,
    Limits,
    Mismatch,
    Mode,
    Mollify,
    NoRoom,
    Reason,
    Rollout,
    Room,
    Scope,
)
from mollifier.entry import (
    Applied,
    Cancelled,
    DeadLetterOutcome,
    Entry,
    Fail,
    NotFound,
    Requeue,
    Settle,
    Settlement,
    State,
)
from mollifier.fairness import Share
from mollifier.removal import Removal
from tests.mollifier.makers import ordered_id
from tests.properties.lengths import examples

PLACES = [Scope("acme", "a"), Scope("acme", "b"), Scope("other", "a")]
ROLLOUT = Rollout(Mode.ON, True, Limits(Limit(1, 200, 500)))
# Claims of one org alone, and of all but one.
CHOICES = [{"only": "acme"}, {"only": "other"}, {"without": ("acme",)}]
LEASE_MS = 1_000
CHARGE = 128
ROOMS = [None, None, Room("g1", 9), Room("g1", 2), Room("g2", 1)]


def listed(scope: Scope) -> Iterator[Entry]:
    """List what is buffered in a place, page by page."""
    part = pages.newest(scope, None, 50)
    yield from part.entries
    while part.before is not None:
        part = pages.newest(scope, part.before, 50)
        yield from part.entries


@dataclass
class Model:
    """An accepted entry as it should be."""

    id: UUID
    scope: Scope
    snapshot: bytes
    seq: int
    accepted_ms: float
    group: str | None = None
    state: State = State.QUEUED
    token: str | None = None
    due: float = 0
    attempts: int = 0
    lapses: int = 0
    cancelled: str | None = None
    patch: bytes = b""
    version: int = 0
    seen_version: int = 0


@dataclass
class Lease:
    deadline: float
    ids: set = field(default_factory=set)


class Buffer(RuleBasedStateMachine):
    """Time is a number that only grows; Redis is told it with each call."""

    arrivals = Bundle("arrivals")

    def __init__(self) -> None:
        super().__init__()
        get_redis_connection("buffer").flushdb()
        gate.breaker.succeeded()
        self.now = 1_700_000_000_000.0
        self.entries: dict[UUID, Model] = {}
        self.leases: dict[str, Lease] = {}
        self.bound: dict[tuple[Scope, str], tuple[UUID, str]] = {}
        self.count = 0
        self.paused: set[str] = set()
        self.cap, self.ordered = 0, False

    @initialize(cap=st.sampled_from([0, 0, 1, 3]), ordered=st.sampled_from([False, False, True]))
    def choose_caps(self, cap, ordered):
        self.cap, self.ordered = cap, ordered
        now = {name.upper(): value for name, value in asdict(conf.current()).items()}
        changed = {**now, "ENV_IN_FLIGHT": cap, "ORDERED": ordered}
        self.override = override_settings(MOLLIFIER=changed)
        self.override.enable()

    def teardown(self):
        if hasattr(self, "override"):
            self.override.disable()

    def number(self):
        """Names are counted, not random, so that an example can be repeated."""
        self.count += 1
        return self.count

    def live(self, *states):
        return [entry for entry in self.entries.values() if entry.state in states]

    def promote(self):
        for entry in self.live(State.DELAYED):
            if entry.due <= self.now:
                entry.state = State.QUEUED

    def is_paused(self, scope):
        return bool({scope.org, keys.place(scope)} & self.paused)

    def claimable(self, scope):
        """How many of a place may be claimed together with others: what is queued, within the caps."""
        mine = [entry for entry in self.live(State.QUEUED, State.LEASED) if entry.scope == scope]
        queued = sum(entry.state is State.QUEUED and entry.lapses < 2 for entry in mine)
        flying = len(mine) - queued
        if self.is_paused(scope) or (self.ordered and flying):
            return 0
        return min(queued, max(0, self.cap - flying)) if self.cap else queued

    def of_group(self, scope, group):
        return sum((entry.scope, entry.group) == (scope, group) for entry in self.entries.values())

    # Calls.

    @rule(step=st.sampled_from([1, 50, 400, 1_100]))
    def time_passes(self, step):
        self.now += step

    @rule(
        target=arrivals,
        scope=st.sampled_from(PLACES),
        snapshot=st.binary(max_size=60),
        key=st.sampled_from([None, None, "k1", "k2"]),
        fingerprint=st.sampled_from(["f1", "f2"]),
        room=st.sampled_from(ROOMS),
    )
    def make_arrival(self, scope, snapshot, key, fingerprint, room):
        binding = Binding("checkout", key, fingerprint) if key else None
        return Arrival(ordered_id(self.number()), scope, ROLLOUT, snapshot, binding=binding, room=room)

    @rule(arrival=arrivals)
    def accept(self, arrival):
        """Also of an arrival that was accepted before, as a caller that lost the answer does."""
        decision = gate.admit(arrival, now_ms=self.now, force=Reason.DATABASE_UNAVAILABLE)
        binding = arrival.binding
        owner = self.bound.get((arrival.scope, binding.key)) if binding else None
        if owner and owner[0] != arrival.id:
            expected = Existing if owner[1] == binding.fingerprint else Mismatch
            assert isinstance(decision, expected), (decision, owner)
            assert decision.id == owner[0]
            return
        room = arrival.room
        buffered = room and self.of_group(arrival.scope, room.group)
        if room and buffered >= room.left and arrival.id not in self.entries:
            assert decision == NoRoom(buffered)
            return
        assert isinstance(decision, Mollify), decision
        if binding:
            self.bound[arrival.scope, binding.key] = (arrival.id, binding.fingerprint)
        if arrival.id not in self.entries:
            self.entries[arrival.id] = Model(
                arrival.id, arrival.scope, arrival.snapshot, self.number(), self.now, room.group if room else None
            )

    @rule(limit=st.integers(1, 12), lost=st.booleans(), wanted=st.sampled_from([{}, {}, *CHOICES]))
    def claim(self, limit, lost, wanted):
        token = f"token-{self.number():04d}"
        batch = buffer.claim(token, limit, LEASE_MS, now_ms=self.now, **wanted)
        self.promote()
        if lost:
            again = buffer.claim(token, limit, LEASE_MS, now_ms=self.now, **wanted)
            assert sorted(entry.id for entry in again.entries) == sorted(entry.id for entry in batch.entries)
        assert batch.unreadable == ()
        waiting = self.live(State.QUEUED)
        assert not any(self.is_paused(entry.scope) for entry in batch.entries)
        only, without = wanted.get("only"), wanted.get("without", ())
        places = [scope for scope in PLACES if only in (None, scope.org) and scope.org not in without]
        claimable = sum(map(self.claimable, places))
        alone = [entry for entry in waiting if entry.lapses >= 2 and not self.is_paused(entry.scope) and not only]
        assert all(entry.scope in places or entry.lapses >= 2 for entry in batch.entries)
        assert len(batch.entries) <= limit
        if claimable or alone:
            assert batch.entries, "there is work"
        if not alone:
            assert len(batch.entries) == min(limit, claimable), "work-conserving"
        if any(entry.lapses >= 2 for entry in batch.entries):
            assert len(batch.entries) == 1, "claimed alone"
        self.check_order(batch.entries, waiting)
        self.leases[token] = Lease(self.now + LEASE_MS)
        for entry in batch.entries:
            model = self.entries[entry.id]
            assert (entry.scope, entry.snapshot) == (model.scope, model.snapshot)
            assert (entry.attempts, entry.lapses) == (model.attempts, model.lapses)
            assert (entry.cancel_reason, entry.patch, entry.patch_version) == (
                model.cancelled,
                model.patch,
                model.version,
            )
            model.state, model.token, model.seen_version = State.LEASED, token, model.version
            self.leases[token].ids.add(entry.id)

    def check_order(self, claimed, waiting):
        """Of each place the oldest are taken, and in order; those claimed alone stand aside."""
        for scope in PLACES:
            queue = sorted((e for e in waiting if e.scope == scope and e.lapses < 2), key=lambda entry: entry.seq)
            mine = [entry.id for entry in claimed if entry.scope == scope and entry.lapses < 2]
            assert mine == [entry.id for entry in queue[: len(mine)]]

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), again=st.booleans())
    def settle(self, data, again):
        token = data.draw(st.sampled_from(sorted(self.leases)))
        held = sorted(self.leases[token].ids)
        chosen = held[: data.draw(st.integers(0, len(held)))]
        reports = [self.draw_report(data, one) for one in chosen]
        answers = buffer.settle(token, reports, now_ms=self.now)
        for report, answer in zip(reports, answers, strict=True):
            assert answer is self.apply(token, report)
        if reports:
            self.promote()
        if again and reports:
            repeated = buffer.settle(token, reports, now_ms=self.now)
            for report, first, second in zip(reports, answers, repeated, strict=True):
                expected = Settlement.PATCHED if first is Settlement.PATCHED else Settlement.LOST_LEASE
                assert second is expected, report

    def draw_report(self, data, one):
        kind = data.draw(st.sampled_from(["settle", "settle", "settle", "back", "retry", "fail"]))
        model = self.entries[one]
        if kind == "settle":
            return Settle(one, model.seen_version)
        if kind == "fail":
            return Fail(one, "dead")
        return Requeue(one, 0 if kind == "back" else 300, kind == "retry", "")

    def apply(self, token, report):
        model = self.entries[report.id]
        if isinstance(report, Settle) and model.version > model.seen_version:
            return Settlement.PATCHED
        self.leases[token].ids.discard(report.id)
        model.token = None
        match report:
            case Settle():
                del self.entries[report.id]
                return Settlement.SETTLED
            case Fail():
                model.state = State.FAILED
                return Settlement.FAILED
            case Requeue():
                model.state, model.due = State.DELAYED, self.now + report.delay_ms
                model.attempts += report.spend_attempt
                return Settlement.REQUEUED

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def extend(self, data):
        token = data.draw(st.sampled_from(sorted(self.leases)))
        assert buffer.extend(token, LEASE_MS, now_ms=self.now) is bool(self.leases[token].ids)
        self.leases[token].deadline = self.now + LEASE_MS

    @rule()
    def reclaim(self):
        """What a drainer that died held comes back; nothing of one that lives."""
        expired = [lease for lease in self.leases.values() if lease.deadline <= self.now]
        assert buffer.reclaim(now_ms=self.now) == sum(len(lease.ids) for lease in expired)
        for lease in expired:
            for one in lease.ids:
                model = self.entries[one]
                model.attempts += model.lapses >= 2
                model.lapses += 1
                model.state, model.token = State.QUEUED, None
            lease.ids.clear()
        self.promote()

    @rule(waited=st.sampled_from([0, 400, 2_000]))
    def sweep(self, waited):
        """Nothing ever has to be put right, and what is stale is what waits."""
        report = sweep.SweepReport()
        assert sweep._pass("sweeper", conf.read({"SWEEP_STALE_SECONDS": waited / 1000}), self.now, report)
        get_redis_connection("buffer").delete(keys.key("sweeper"))
        assert (report.wrapped, report.repaired, report.orphaned) == (True, 0, 0)
        late = [entry for entry in self.live(State.QUEUED) if entry.accepted_ms < self.now - waited]
        assert report.stale == stats.overview().stale == len(late)

    @rule(member=st.sampled_from(["acme", "other", PLACES[0], PLACES[1]]))
    def pause_or_go_on(self, member):
        name = member if isinstance(member, str) else keys.place(member)
        self.paused ^= {name}
        if isinstance(member, str):
            fairness.set_share(member, Share(paused=name in self.paused), now_ms=self.now)
        else:
            fairness.pause_env(member, paused=name in self.paused, now_ms=self.now)

    @rule(arrival=arrivals)
    def redrive(self, arrival):
        outcome = deadletters.redrive(arrival.scope, arrival.id, now_ms=self.now)
        model = self.entries.get(arrival.id)
        assert outcome is self.expected_of_letter(model, DeadLetterOutcome.REDRIVEN)
        if outcome is DeadLetterOutcome.REDRIVEN:
            model.state, model.due, model.attempts, model.lapses = State.DELAYED, self.now, 0, 0
            self.promote()

    @rule(arrival=arrivals)
    def discard(self, arrival):
        outcome = deadletters.discard(arrival.scope, arrival.id)
        model = self.entries.get(arrival.id)
        assert outcome is self.expected_of_letter(model, DeadLetterOutcome.DISCARDED)
        if outcome is DeadLetterOutcome.DISCARDED:
            del self.entries[arrival.id]
            self.bound = {name: owner for name, owner in self.bound.items() if owner[0] != arrival.id}

    @rule(arrival=arrivals, seen=st.sampled_from([0, 0, 0, 1]), free=st.booleans())
    def remove(self, arrival, seen, free):
        model = self.entries.get(arrival.id)
        (outcome,) = removal.remove(arrival.scope, [(arrival.id, seen)], free_keys=free)
        assert removal.present([arrival.id]) == ({arrival.id} if model and outcome is not Removal.REMOVED else set())
        if model is None or model.version != seen or model.state is State.LEASED:
            changed = model and model.version != seen
            assert outcome is (Removal.CHANGED if changed else Removal.LEASED if model else Removal.NOT_FOUND)
            return
        assert outcome is Removal.REMOVED
        del self.entries[arrival.id]
        if free:
            self.bound = {name: owner for name, owner in self.bound.items() if owner[0] != arrival.id}

    def expected_of_letter(self, model, done):
        if model is None:
            return DeadLetterOutcome.NOT_FOUND
        return done if model.state is State.FAILED else DeadLetterOutcome.NOT_FAILED

    @rule(arrival=arrivals)
    def cancel(self, arrival):
        outcome = patches.cancel(arrival.scope, arrival.id, "enough", now_ms=self.now)
        model = self.entries.get(arrival.id)
        if model is None:
            assert outcome == NotFound()
            return
        assert outcome == (Cancelled() if model.cancelled else Applied(model.version + 1))
        if not model.cancelled:
            model.cancelled, model.version = "enough", model.version + 1
            if model.state in {State.FAILED, State.DELAYED}:
                model.state, model.due = State.DELAYED, self.now

    @rule(arrival=arrivals, text=st.binary(max_size=40))
    def patch(self, arrival, text):
        outcome = patches.apply(arrival.scope, arrival.id, lambda entry: entry.patch + text, now_ms=self.now)
        model = self.entries.get(arrival.id)
        if model is None:
            assert outcome == NotFound()
        elif model.cancelled:
            assert outcome == Cancelled()
        else:
            model.patch, model.version = model.patch + text, model.version + bool(text)
            assert outcome == Applied(model.version)

    # What always holds.

    @invariant()
    def each_id_is_in_exactly_one_state(self):
        found = {entry.id: entry.state for scope in PLACES for entry in listed(scope)}
        assert found == {entry.id: entry.state for entry in self.entries.values()}

    @invariant()
    def counters_equal_what_is_there(self):
        overview = stats.overview()
        states = Counter(entry.state for entry in self.entries.values())
        assert overview.buffered == len(self.entries)
        assert (overview.queued, overview.delayed, overview.leased, overview.failed) == tuple(
            states[state] for state in (State.QUEUED, State.DELAYED, State.LEASED, State.FAILED)
        )
        charged = {
            one: CHARGE + len(e.snapshot) + len(e.patch) + len(e.cancelled or "") for one, e in self.entries.items()
        }
        assert overview.bytes == sum(charged.values())
        redis = get_redis_connection("buffer")
        for scope in PLACES:
            mine = [entry for entry in self.entries.values() if entry.scope == scope]
            env = redis.hgetall(keys.key("env") + keys.place(scope))
            if not mine:
                assert not env
                continue
            aside = sum(entry.state in {State.DELAYED, State.FAILED} for entry in mine)
            assert (int(env[b"n"]), int(env.get(b"h", 0))) == (len(mine), aside)
            assert int(env[b"b"]) == sum(charged[entry.id] for entry in mine)
            groups = Counter(entry.group for entry in mine if entry.group)
            assert {name: int(count) for name, count in env.items() if name.startswith(b"g:")} == {
                f"g:{keys.named(group)}".encode(): count for group, count in groups.items()
            }

    @invariant()
    def indexes_hold_exactly_what_has_work(self):
        redis = get_redis_connection("buffer")
        queued = [entry for entry in self.live(State.QUEUED) if entry.lapses < 2]
        depth = Counter(entry.scope.org for entry in queued)
        assert dict(redis.zrange(keys.key("depth"), 0, -1, withscores=True)) == {
            org.encode(): count for org, count in depth.items()
        }
        parked = {name.decode() for name in redis.zrange(keys.key("parked"), 0, -1)}
        for org in ("acme", "other"):
            ready = {f"{org}/{env.decode()}" for env in redis.zrange(keys.key("ready_envs") + org, 0, -1)}
            with_work = {keys.place(entry.scope) for entry in queued if entry.scope.org == org}
            assert ready <= with_work <= ready | parked, "ready, or aside"
            served = redis.zscore(keys.key("ready_orgs"), org) is not None
            assert served or not ready or org in parked
            assert ready or not served
        heads = {place.decode() for place in redis.zrange(keys.key("heads"), 0, -1)}
        assert heads == {keys.place(entry.scope) for entry in queued}

    @invariant()
    def every_key_is_in_the_table_and_has_its_life(self):
        redis = get_redis_connection("buffer")
        prefixes = {keys.key(family.name): family for family in keys.TABLE}
        for raw in redis.scan_iter(count=1_000):
            name = raw.decode()
            assert name in prefixes or any(name.startswith(each) for each in prefixes if each.endswith(":")), name
            families = ("passes", "hold", "pending", "flow", "tally", "arrivals", "imagined")
            expires = any(name.startswith(keys.key(each)) for each in families)
            if not name.startswith(keys.key("binding")):
                assert (redis.pttl(name) == -1) is not expires, name

    @invariant()
    def a_binding_lives_as_long_as_its_entry_and_then_an_hour(self):
        redis = get_redis_connection("buffer")
        for (scope, key), (owner, _) in self.bound.items():
            digest = keys.digest(Binding("checkout", key, ""))
            life = redis.pttl(f"{keys.key('binding')}{keys.place(scope)}:{digest}")
            assert life == -1 if owner in self.entries else 0 < life <= 3_600_000


TestBuffer = Buffer.TestCase
TestBuffer.settings = settings(
    max_examples=examples(25),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
