"""Buffered entries for an environment's operators."""

import pytest

from tests.mollifier.makers import accept
from tests.tenants import make_env, seen, trigger
from workflows import snapshot
from workflows.intake import entries, lookup
from workflows.intake.lookup import LookupUnavailable

pytestmark = pytest.mark.django_db


def test_an_entry_is_shown_with_its_definition_and_why_it_waits():
    env = make_env()
    made = trigger(env)
    accept(1, lookup.scope_of(seen(env)), ids=[made.id], snapshot=snapshot.encode(made))
    (shown,) = entries.listing(seen(env), None, None, 10).data
    assert (shown.id, shown.definition, shown.state, shown.reason) == (
        made.id,
        "greet",
        "queued",
        "database_unavailable",
    )


def test_an_entry_whose_snapshot_can_not_be_read_is_shown_as_unreadable():
    env = seen(make_env())
    accept(1, lookup.scope_of(env), snapshot=b"no trigger")
    (shown,) = entries.listing(env, "queued", None, 10).data
    assert shown.definition == "unreadable"


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    with pytest.raises(LookupUnavailable):
        entries.listing(seen(make_env()), None, None, 10)
