"""The rules behind the Overview's verdict."""

import pytest

from dashboard.verdict import Flow, Lane, Level, judge

CALM = Flow(available=True, waiting=0, failed=0, oldest_seconds=None, since_claim_seconds=3600)
BUSY = Flow(available=True, waiting=500, failed=0, oldest_seconds=2.5, since_claim_seconds=0.1)
ALIVE = Lane(index=0, alive=True, paused=False, ready=3, lag_seconds=0.2)


def flow(**changed) -> Flow:
    known = {name: getattr(BUSY, name) for name in BUSY.__slots__}
    return Flow(**(known | changed))


def lane(**changed) -> Lane:
    known = {name: getattr(ALIVE, name) for name in ALIVE.__slots__}
    return Lane(**(known | changed))


@pytest.mark.parametrize(
    ("signs", "lanes", "level", "words"),
    [
        (CALM, [ALIVE], Level.OK, "buffer is empty"),
        (BUSY, [ALIVE], Level.OK, "500 buffered"),
        (flow(aside=1), [ALIVE], Level.OK, "500 buffered; 1 stands aside"),
        (flow(available=False), [ALIVE], Level.FAILING, "Redis does not answer"),
        (flow(failed_open=1200), [ALIVE], Level.DEGRADED, "failed open for 1,200"),
        (flow(failed=1), [ALIVE], Level.DEGRADED, "1 dead letter in"),
        (flow(oldest_seconds=61), [ALIVE], Level.DEGRADED, "waited 61 s"),
        (flow(oldest_seconds=1800), [ALIVE], Level.DEGRADED, "waited 30 min"),
        (flow(oldest_seconds=30, since_claim_seconds=20), [ALIVE], Level.FAILING, "Nobody drains"),
        (flow(oldest_seconds=30, since_claim_seconds=None), [ALIVE], Level.FAILING, "Nobody drains"),
        (
            flow(oldest_seconds=30, since_claim_seconds=20, since_beat_seconds=0.5),
            [ALIVE],
            Level.DEGRADED,
            "leads and takes nothing",
        ),
        (
            flow(oldest_seconds=30, since_claim_seconds=20, since_beat_seconds=20),
            [ALIVE],
            Level.FAILING,
            "Nobody drains",
        ),
        (flow(stale=1, oldest_seconds=400), [ALIVE], Level.DEGRADED, "1 entry is stale"),
        (flow(stale=1_200, oldest_seconds=400), [ALIVE], Level.DEGRADED, "1,200 entries are stale"),
        (flow(since_sweep_seconds=901), [ALIVE], Level.DEGRADED, "sweep has not come round for 15 min"),
        (flow(since_sweep_seconds=899), [ALIVE], Level.OK, "500 buffered"),
        (CALM, [], Level.UNKNOWN, "No pump has ever run"),
        (CALM, [lane(alive=False)], Level.FAILING, "Shard 0 is without a pump"),
        (CALM, [lane(alive=False, ready=0, lag_seconds=None)], Level.DEGRADED, "Shard 0 is without a pump"),
        (CALM, [lane(paused=True)], Level.DEGRADED, "Shard 0 is paused"),
        (CALM, [lane(lag_seconds=40), lane(index=2, lag_seconds=12)], Level.DEGRADED, "Shards 0, 2 are 40 s behind"),
    ],
)
def test_the_worst_finding_speaks_for_all(signs: Flow, lanes: list[Lane], level: Level, words: str) -> None:
    verdict = judge(signs, lanes)
    assert verdict.level == level
    assert any(words in finding.cause for finding in verdict.findings if finding.level == level)


def test_whatever_is_wrong_has_a_next_action() -> None:
    troubled = [
        judge(flow(available=False), [lane(paused=True)]),
        judge(flow(failed=2), [lane(lag_seconds=99)]),
        judge(flow(stale=2, since_sweep_seconds=5_000), [ALIVE]),
        judge(flow(oldest_seconds=90, since_claim_seconds=None), [lane(alive=False)]),
    ]
    worse = [f for verdict in troubled for f in verdict.findings if f.level in (Level.DEGRADED, Level.FAILING)]
    assert len(worse) >= 8
    assert all(finding.action for finding in worse)


def test_an_idle_drainer_with_nothing_to_do_is_no_trouble() -> None:
    assert judge(flow(waiting=0, oldest_seconds=None, since_claim_seconds=None), [ALIVE]).level == Level.OK


def test_fresh_work_gets_time_to_be_claimed_before_anybody_worries() -> None:
    assert judge(flow(oldest_seconds=0.4, since_claim_seconds=None), [ALIVE]).level == Level.OK


@pytest.mark.parametrize(("storms", "words"), [(1, "An event storm is open"), (3, "3 event storms are open")])
def test_open_storms_are_told_with_what_to_press(storms: int, words: str) -> None:
    verdict = judge(CALM, [ALIVE], storms)
    assert (verdict.level, verdict.worst.question) == (Level.DEGRADED, "Execution")
    assert words in verdict.worst.cause
    assert "Open Storms" in verdict.worst.action


def test_what_nobody_serves_is_not_blamed_on_its_load() -> None:
    undrained, unrun = flow(oldest_seconds=90, since_claim_seconds=None), lane(alive=False, lag_seconds=90)
    waits, behind, _ = judge(undrained, [unrun]).findings
    assert (waits.action, behind.action) == ("See Liveness first", "See Liveness first")
    waits, behind, _ = judge(flow(oldest_seconds=90), [lane(lag_seconds=90)]).findings
    assert (waits.action[:4], behind.action[:4]) == ("Look", "See ")
    assert "Liveness" not in behind.action
