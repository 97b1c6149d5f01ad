"""Fair shares with several drainers at once, on the real server: claims overlap, and are settled in any order."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from django_redis import get_redis_connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mollifier import buffer, fairness, gate, stats
from mollifier.decision import Scope
from mollifier.entry import Settle
from mollifier.fairness import Share
from tests.mollifier.makers import accept
from tests.properties.lengths import examples

DRAINERS = 4
VISIT = 8


@pytest.fixture(autouse=True)
def _large_caps(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 0, "EXCHANGE_TIMEOUT_MS": 20_000}


def org(number):
    return Scope(f"org-{number}", "production")


def drain_at_once(claims, limit):
    """Have several drainers take so many claims each at the same time; count what each place got."""

    def work(number):
        dice, open_claims, got = Random(number), [], Counter()
        for _ in range(claims):
            claimed = buffer.claim(uuid.uuid4().hex, limit, 60_000)
            got.update(entry.scope for entry in claimed.entries)
            open_claims.append(claimed)
            if len(open_claims) > 2:
                settle(open_claims.pop(dice.randrange(len(open_claims))))
        for claimed in open_claims:
            settle(claimed)
        return got

    with ThreadPoolExecutor(DRAINERS) as pool:
        return sum(pool.map(work, range(DRAINERS)), Counter())


def settle(claimed):
    buffer.settle(claimed.token, [Settle(entry.id, 0) for entry in claimed.entries])


def jain(shares):
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def test_one_entry_behind_a_hundred_thousand_is_in_the_next_claim():
    for _ in range(100):
        accept(1_000, org(1))
    drain_at_once(4, 500)
    (late,) = accept(1, org(2))
    assert late in {entry.id for entry in buffer.claim("next", 500, 60_000).entries}
    assert stats.overview().buffered == 100_000 - DRAINERS * 4 * 500 + 1


@pytest.mark.parametrize("limit", [50, 500])
def test_weights_are_shares_whoever_drains(limit):
    fairness.set_share("org-2", Share(4))
    for number in (1, 2):
        accept(6_000, org(number))
    shares = drain_at_once(6_000 // limit // DRAINERS, limit)
    assert shares[org(2)] / shares[org(1)] == pytest.approx(4, rel=0.05)


def test_six_environments_of_one_org_get_together_what_one_of_another_gets():
    for number in range(6):
        accept(600, Scope("many", f"env-{number}"))
    accept(3_000, Scope("one", "production"))
    shares = drain_at_once(8, 100)
    many = [shares[Scope("many", f"env-{number}")] for number in range(6)]
    assert sum(many) == pytest.approx(shares[Scope("one", "production")], abs=8)
    assert jain(many) >= 0.99


def test_a_hundred_equal_orgs_get_equal_shares():
    for number in range(100):
        accept(220, org(number))
    # Twenty visits of eight entries each.
    shares = drain_at_once(100 * 20 * 8 // 200 // DRAINERS, 200)
    assert min(shares.values()) >= 19 * 8
    assert jain([shares[org(number)] for number in range(100)]) >= 0.99


def test_no_claim_is_smaller_than_what_there_is():
    for number in range(50):
        accept(number, org(number))
    total = sum(range(50))
    taken = [len(buffer.claim(uuid.uuid4().hex, 100, 60_000).entries) for _ in range(total // 100 + 1)]
    assert taken == [100] * (total // 100) + [total % 100]


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(bursts=[0, 0, 0, 0, 0, 0, 60, 0, 0, 0], limit=8)
@given(bursts=st.lists(st.integers(0, 60), min_size=5, max_size=12), limit=st.sampled_from([8, 16, 30]))
def test_running_empty_gains_nothing(bursts, limit):
    """In no stretch of claims does it get over two visits more than one with work all the time."""
    get_redis_connection("buffer").flushdb()
    gate.breaker.succeeded()
    accept(600, org(1))
    ahead = 0
    for burst in bursts:
        if burst:
            accept(burst, org(2))
        claimed = buffer.claim(uuid.uuid4().hex, limit, 60_000)
        got = Counter(entry.scope for entry in claimed.entries)
        settle(claimed)
        assert got.total() == limit
        # The stretch that ends here and is worst: what came before counts only where it makes it worse.
        ahead = max(0, ahead) + got[org(2)] - got[org(1)]
        assert ahead <= 2 * VISIT
