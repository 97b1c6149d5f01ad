"""Finding the draft at fault among many."""

import time

from django.db import DataError, OperationalError
from hypothesis import given
from hypothesis import strategies as st

from tests.tenants import trigger
from workflows.engine import Started
from workflows.faults import Fault
from workflows.intake import isolation
from workflows.intake.isolation import Failed
from workflows.rows import Draft

FOREVER = float("inf")


class Store:
    """Keeps all of a part or nothing, and fails as told: for these ids, or from some call on."""

    def __init__(self, bad=(), gone_after=None):
        self.bad, self.gone_after, self.calls, self.kept = set(bad), gone_after, 0, []

    def write(self, drafts):
        self.calls += 1
        if self.gone_after is not None and self.calls > self.gone_after:
            raise OperationalError("gone")
        if any(draft.trigger.id in self.bad for draft in drafts):
            raise DataError("bad")
        self.kept += [draft.trigger.id for draft in drafts]
        return [Started(draft.trigger.id) for draft in drafts]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_exactly_the_bad_ones_fail_and_each_other_is_written_once(badness):
    drafts = [Draft(trigger()) for _ in badness]
    bad = {draft.trigger.id for draft, is_bad in zip(drafts, badness, strict=True) if is_bad}
    store = Store(bad)
    outcomes = isolation.write(drafts, store.write, FOREVER)
    assert [isinstance(outcome, Failed) for outcome in outcomes] == badness
    assert store.kept == [draft.trigger.id for draft in drafts if draft.trigger.id not in bad]
    assert store.calls <= 2 * len(drafts)


def test_one_bad_in_500_is_found_in_few_writes():
    drafts = [Draft(trigger()) for _ in range(500)]
    store = Store([drafts[333].trigger.id])
    isolation.write(drafts, store.write, FOREVER)
    assert store.calls <= 19


def test_a_store_that_goes_away_ends_the_search():
    drafts = [Draft(trigger()) for _ in range(100)]
    store = Store([drafts[0].trigger.id], gone_after=4)
    outcomes = isolation.write(drafts, store.write, FOREVER)
    assert store.calls == 5
    assert {outcome.fault for outcome in outcomes if isinstance(outcome, Failed)} == {Fault.UNAVAILABLE}
    assert len(outcomes) == 100


def test_past_the_deadline_nothing_is_tried():
    store = Store()
    outcomes = isolation.write([Draft(trigger())], store.write, time.monotonic() - 1)
    assert store.calls == 0
    assert [outcome.fault for outcome in outcomes] == [Fault.UNAVAILABLE]


def test_nothing_to_write_is_not_written():
    store = Store()
    assert isolation.write([], store.write, FOREVER) == []
    assert store.calls == 0
