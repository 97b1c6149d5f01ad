import uuid
from collections import Counter

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, fairness, keys
from mollifier.decision import Scope
from mollifier.entry import Settle
from mollifier.errors import BufferUnavailable
from mollifier.fairness import Share
from tests.mollifier.makers import accept


def org(number):
    return Scope(f"org-{number}", "production")


def serve(limit):
    """Claim and settle once; return how many each place got."""
    token = uuid.uuid4().hex
    claim = buffer.claim(token, limit, 60_000)
    buffer.settle(token, [Settle(entry.id, 0) for entry in claim.entries])
    return Counter(entry.scope for entry in claim.entries)


def served(rounds, limit):
    total = Counter()
    for _ in range(rounds):
        total += serve(limit)
    return total


def jain(shares):
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def test_one_entry_behind_a_flood_is_in_the_next_claim():
    accept(2_000, org(1))
    served(3, 100)
    accept(1, org(2))
    assert serve(100)[org(2)] == 1


def test_one_entry_behind_a_flood_is_served_even_by_small_claims():
    accept(500, org(1))
    served(5, 10)
    accept(1, org(2))
    assert served(2, 10)[org(2)] == 1


def test_equal_orgs_get_equal_shares():
    for number in range(10):
        accept(300, org(number))
    shares = served(20, 80)
    assert jain([shares[org(number)] for number in range(10)]) >= 0.99


def test_more_orgs_than_a_claim_visits_get_equal_shares_over_time():
    for number in range(100):
        accept(24, org(number))
    shares = served(20, 50)
    assert jain([shares[org(number)] for number in range(100)]) >= 0.7
    assert served(30, 50) + shares == Counter({org(number): 24 for number in range(100)})


def test_weights_are_shares():
    fairness.set_share("org-2", Share(4))
    accept(1_000, org(1))
    accept(1_000, org(2))
    shares = served(10, 100)
    assert shares[org(2)] / shares[org(1)] == pytest.approx(4, rel=0.05)


def test_a_weight_below_one_is_a_smaller_share():
    fairness.set_share("org-1", Share(0.25))
    accept(1_000, org(1))
    accept(1_000, org(2))
    shares = served(10, 100)
    assert shares[org(2)] / shares[org(1)] == pytest.approx(4, rel=0.05)


def test_many_environments_of_one_org_get_together_what_one_of_another_gets():
    for number in range(6):
        accept(200, Scope("many", f"env-{number}"))
    accept(1_000, Scope("one", "production"))
    shares = served(6, 100)
    many = [shares[Scope("many", f"env-{number}")] for number in range(6)]
    assert sum(many) == shares[Scope("one", "production")] == 300
    assert jain(many) >= 0.99


def test_an_org_that_runs_empty_gains_nothing():
    accept(1_000, org(1))
    total = Counter()
    for _ in range(20):
        accept(16, org(2))
        total += serve(16)
    assert total[org(2)] <= total[org(1)] + 16


def test_what_others_leave_is_used():
    accept(90, org(1))
    accept(3, org(2))
    assert serve(100) == Counter({org(1): 90, org(2): 3})


def test_no_tag_outlives_the_work():
    for number in range(5):
        accept(20, org(number))
    while serve(30):
        pass
    redis = get_redis_connection("buffer")
    assert not list(redis.scan_iter(keys.key("spent_orgs") + "*"))
    assert not list(redis.scan_iter(keys.key("ready_orgs") + "*"))


def test_the_weight_of_everybody_needs_no_room():
    fairness.set_share("org-1", Share(3))
    fairness.set_share("org-1", Share(1))
    assert get_redis_connection("buffer").hlen(keys.key("weights")) == 0


@pytest.mark.parametrize("weight", [0, -1, float("inf"), float("nan")])
def test_a_weight_is_a_positive_number(weight):
    with pytest.raises(ValueError, match="positive"):
        fairness.set_share("org-1", Share(weight))


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_weight_is_not_set_in_silence():
    with pytest.raises(BufferUnavailable):
        fairness.set_share("org-1", Share(2))
