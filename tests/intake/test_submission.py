"""The way in: every outcome of a trigger, with its cost."""

import time
from dataclasses import replace

import pytest
from django.db import connection, transaction
from django_redis import get_redis_connection

from mollifier import gate
from mollifier.decision import Passed, PassThrough, Room
from tests.exchanges import traced
from tests.intake.draining import drain
from tests.tenants import make_env, request, seen
from workflows.intake import admission, lookup, preflight, refresher, submission
from workflows.intake.submission import (
    Buffered,
    Existing,
    Full,
    InProgress,
    Mismatch,
    Rejected,
    Started,
    Throttled,
    Unavailable,
)
from workflows.models import Definition, Environment, Event, Instance, OrganizationFlags
from workflows.states import Status

ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


def full_env():
    """Make an environment whose next trigger is mollified."""
    env = make_env("acme", "production", **ON)
    assert isinstance(submission.submit(request(env)), Started)
    return env


def commands_of(work) -> list[str]:
    """Return the commands that Redis is sent while `work` runs; those of scripts are not sent."""
    redis = get_redis_connection("buffer")
    with redis.monitor() as monitor:
        redis.echo("begin")
        work()
        redis.echo("end")
        heard = []
        while not heard or heard[-1]["command"] != "ECHO end":
            heard.append(monitor.next_command())
    sent = [command["command"] for command in heard if command["client_type"] != "lua"]
    return [command.split()[0] for command in sent[sent.index("ECHO begin") + 1 : -1]]


@pytest.mark.django_db
def test_a_trigger_of_an_org_that_is_off_starts_without_redis():
    env = make_env("acme", "production")
    outcomes = []
    assert commands_of(lambda: outcomes.append(submission.submit(request(env, tags=("t",))))) == []
    (outcome,) = outcomes
    assert isinstance(outcome, Started)
    assert (outcome.instance.status, outcome.instance.tags) == (Status.PENDING, ("t",))
    assert lookup.find(seen(env), outcome.instance.id).status == Status.PENDING


@pytest.mark.django_db
def test_a_mollified_trigger_costs_no_sql_and_one_redis_command():
    env = full_env()
    submission.submit(request(env))
    outcomes = []
    with traced() as statements:
        sent = commands_of(lambda: outcomes.append(submission.submit(request(env, idempotency_key="k"))))
    assert statements == []
    assert sent == ["EVALSHA"]
    assert isinstance(outcomes[0], Buffered)


@pytest.mark.django_db(transaction=True)
def test_a_passed_trigger_costs_one_redis_command_and_one_statement():
    env = make_env("acme", "production", **{**ON, "limit": 10})
    submission.submit(request(env))
    with traced() as statements:
        assert commands_of(lambda: submission.submit(request(env))) == ["EVALSHA"]
    assert [each for each in statements if "pg_notify" not in each] == ['Execute "" 0']


@pytest.mark.django_db
def test_what_is_over_the_limit_is_buffered_and_looks_like_an_instance():
    env = full_env()
    outcome = submission.submit(request(env, payload=b'{"n":1}', tags=("t",)))
    assert isinstance(outcome, Buffered)
    assert outcome.instance.notice.code == "env_rate"
    assert (outcome.instance.status, outcome.instance.payload) == ("buffered", b'{"n":1}')
    assert outcome.instance.notice.position == 1
    found = lookup.find(seen(env), outcome.instance.id)
    assert replace(found, notice=None) == replace(outcome.instance, notice=None)
    assert drain() == 1
    row = lookup.find(seen(env), outcome.instance.id)
    assert (row.status, row.payload, row.tags) == (Status.PENDING, b'{"n":1}', ("t",))
    assert row.accepted_at == outcome.instance.accepted_at


@pytest.mark.django_db
def test_a_shadowed_trigger_starts():
    env = make_env("acme", "production", **{**ON, "mode": "shadow"})
    assert [type(submission.submit(request(env))) for _ in range(3)] == [Started] * 3


@pytest.mark.django_db
def test_what_may_not_be_buffered_starts():
    env = full_env()
    assert isinstance(submission.submit(request(env, bufferable=False)), Started)


@pytest.mark.django_db
def test_what_can_not_run_is_rejected_before_anything_is_written():
    env = make_env()
    Definition(slug="greet", active=False).save()
    refresher.refresh()
    stranger = make_env("other", "production")
    codes = [
        submission.submit(request(env, "unheard-of")).code,
        submission.submit(request(env)).code,
        submission.submit(replace(request(env), org_id=stranger.org_id)).code,
        submission.submit(replace(request(env), env_id=env.org_id)).code,
    ]
    assert codes == ["definition_not_found", "definition_inactive", "env_not_found", "env_not_found"]
    assert Instance.objects.count() == 0


@pytest.mark.django_db
def test_an_environment_that_was_made_this_moment_is_known():
    env = make_env()
    young = Environment.objects.create(org=env.org, slug="young")
    assert isinstance(submission.submit(request(young)), Started)


@pytest.mark.django_db
def test_a_pinned_definition_keeps_to_one_shard():
    env = make_env()
    Definition(slug="greet", shard_by="definition").save()
    refresher.refresh()
    assert len({submission.submit(request(env)).instance.shard for _ in range(12)}) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["off", "shadow", "on"])
def test_a_key_sent_again_finds_its_instance_and_another_body_is_refused(mode):
    env = make_env("acme", "production", mode=mode)
    first = submission.submit(request(env, idempotency_key="k", payload=b'{"a":1}'))
    again = submission.submit(request(env, idempotency_key="k", payload=b'{"a":1}'))
    assert again == Existing(lookup.find(seen(env), first.instance.id))
    assert submission.submit(request(env, idempotency_key="k", payload=b'{"a":2}')) == Mismatch(first.instance.id)
    assert Instance.objects.count() == 1


@pytest.mark.django_db
def test_a_key_finds_its_instance_while_it_is_buffered_and_after():
    env = full_env()
    first = submission.submit(request(env, idempotency_key="k"))
    assert isinstance(first, Buffered)
    buffered = submission.submit(request(env, idempotency_key="k"))
    assert (buffered.instance.id, buffered.instance.status) == (first.instance.id, "buffered")
    drain()
    row = submission.submit(request(env, idempotency_key="k"))
    assert (row.instance.id, row.instance.status) == (first.instance.id, Status.PENDING)


@pytest.mark.django_db
def test_a_key_of_a_row_that_the_gate_never_saw_is_found_by_the_database():
    env = make_env("acme", "production")
    first = submission.submit(request(env, idempotency_key="k"))
    OrganizationFlags(org=env.org, **{**ON, "limit": 10}).save()
    refresher.refresh()
    for _ in range(3):
        assert submission.submit(request(env, idempotency_key="k")).instance.id == first.instance.id


@pytest.mark.django_db
def test_a_bound_key_that_is_found_nowhere_is_in_progress_and_later_taken_over():
    env = make_env("acme", "production", **{**ON, "limit": 10})
    lost = request(env, idempotency_key="k")
    gate.admit(preflight.check(lost).arrival)
    assert submission.submit(request(env, idempotency_key="k")) == InProgress(lost.id)
    stale = request(env, idempotency_key="old")
    gate.admit(preflight.check(stale).arrival, now_ms=(time.time() - 31) * 1000)
    assert isinstance(submission.submit(request(env, idempotency_key="old")), Started)


@pytest.mark.django_db
def test_one_that_passed_and_was_never_started_is_started_when_it_is_sent_again():
    env = make_env("acme", "production", **{**ON, "limit": 10})
    died = request(env, sent_as="r-1")
    gate.admit(preflight.check(died).arrival)
    again = submission.submit(request(env, sent_as="r-1"))
    assert (type(again), again.instance.id, again.again) == (Started, died.id, True)
    assert Instance.objects.get().id == died.id


@pytest.mark.django_db(transaction=True)
def test_one_that_was_sent_while_the_database_was_away_is_the_same_one_afterwards(outage):
    env = make_env("acme", "production", **{**ON, "limit": 10})
    outage.begin()
    first = submission.submit(request(env, sent_as="r-1"))
    again = submission.submit(request(env, sent_as="r-1"))
    assert (type(first), type(again)) == (Buffered, Buffered)
    outage.end()
    last = submission.submit(request(env, sent_as="r-1"))
    assert {first.instance.id} == {again.instance.id, last.instance.id}
    assert drain() == 1
    assert Instance.objects.get().id == first.instance.id


@pytest.mark.django_db
def test_a_full_buffer_is_said_to_be_full(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    env = full_env()
    assert isinstance(submission.submit(request(env)), Buffered)
    assert submission.submit(request(env)) == Full("env", 1)


@pytest.mark.django_db
def test_one_too_many_of_its_group_is_throttled_and_creates_nothing():
    env = make_env("acme", "production", **ON)

    def grouped(left):
        ready = preflight.check(request(env, idempotency_key=f"k{left}"))
        return replace(ready, arrival=replace(ready.arrival, room=Room("greet greeted", left)))

    crowded = grouped(0)
    outcome = submission._conclude(crowded, admission.ask(crowded.arrival))
    assert isinstance(outcome, Throttled)
    assert outcome.code == "throttled_event_backlog"
    assert isinstance(submission._divert(crowded), Throttled), "also while the database is away"
    assert Instance.objects.count() == drain() == 0
    roomy = grouped(1)
    assert isinstance(submission._conclude(roomy, admission.ask(roomy.arrival)), Started)


@pytest.mark.django_db
def test_without_redis_it_starts_and_says_so(no_redis):
    env = make_env("acme", "production", **ON)
    outcomes = [submission.submit(request(env)) for _ in range(3)]
    assert [outcome.fail_open for outcome in outcomes] == [True] * 3
    assert Instance.objects.count() == 3


@pytest.mark.django_db
def test_one_that_was_drained_before_its_own_start_is_started_and_sent_again_existing():
    env = full_env()
    ready = preflight.check(request(env))
    gate.admit(ready.arrival)
    assert drain() == 1
    assert isinstance(submission._conclude(ready, PassThrough(Passed.FAIL_OPEN)), Started)
    again = preflight.check(request(env, id=ready.trigger.id))
    assert isinstance(submission._conclude(again, PassThrough(Passed.FAIL_OPEN)), Existing)


@pytest.mark.django_db(transaction=True)
def test_values_that_the_database_can_not_hold_are_rejected_and_give_their_key_back():
    env = make_env("acme", "production", **{**ON, "limit": 10})
    assert submission.submit(request(env, idempotency_key="k", payload=b"{broken")).code == "trigger_invalid"
    assert isinstance(submission.submit(request(env, idempotency_key="k")), Started)


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_an_org_that_is_on_has_it_buffered(outage):
    env = make_env("acme", "production", **{**ON, "limit": 10})
    outage.begin()
    outcome = submission.submit(request(env, idempotency_key="k"))
    assert isinstance(outcome, Buffered)
    assert outcome.instance.notice.code == "database_unavailable"
    assert submission.submit(request(env, bufferable=False)) == Unavailable()
    outage.end()
    assert Instance.objects.count() == 0
    assert drain() == 1
    assert Instance.objects.get().id == outcome.instance.id


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_costs_one_trigger_and_the_next_one_has_another():
    env = make_env()
    submission.submit(request(env))
    stranger = connection.copy()
    with stranger.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    stranger.close()
    assert submission.submit(request(env)) == Unavailable()
    assert isinstance(submission.submit(request(env)), Started)


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_an_org_that_is_off_is_told(outage):
    env = make_env("acme", "production")
    outage.begin()
    assert submission.submit(request(env)) == Unavailable()


@pytest.mark.django_db(transaction=True)
def test_without_both_stores_the_caller_is_told(outage, no_redis):
    env = make_env("acme", "production", **ON)
    outage.begin()
    assert submission.submit(request(env)) == Unavailable()


@pytest.mark.django_db(transaction=True)
def test_a_batch_keeps_its_order_and_its_triggers_stand_for_themselves():
    env = make_env("acme", "production", **{**ON, "limit": 3})
    requests = [
        request(env, idempotency_key="k"),
        request(env, "unheard-of"),
        request(env, idempotency_key="k"),
        request(env, payload=b"{broken"),
        request(env),
        request(env),
        request(env, idempotency_key="k", payload=b"1"),
    ]
    outcomes = submission.submit_many(requests)
    kinds = [Started, Rejected, Existing, Rejected, Started, Buffered, Mismatch]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert outcomes[2].instance.id == outcomes[0].instance.id == requests[0].id
    assert outcomes[5].instance.id == requests[5].id
    assert Instance.objects.count() == 2


@pytest.mark.django_db
def test_a_batch_of_500_is_a_handful_of_round_trips():
    env = make_env("acme", "production", **{**ON, "limit": 250})
    requests = [request(env) for _ in range(500)]
    outcomes = []
    with traced() as statements:
        commands = commands_of(lambda: outcomes.extend(submission.submit_many(requests)))
    assert len(statements) < 5
    assert commands.count("EVALSHA") == 500
    assert [type(outcome) for outcome in outcomes] == [Started] * 250 + [Buffered] * 250
    assert Instance.objects.count() == Event.objects.count() == 250


@pytest.mark.django_db
def test_a_batch_without_redis_starts(no_redis):
    env = make_env("acme", "production", **ON)
    outcomes = submission.submit_many([request(env) for _ in range(20)])
    assert [outcome.fail_open for outcome in outcomes] == [True] * 20
    assert Instance.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_a_batch_without_a_database_is_buffered(outage):
    env = make_env("acme", "production", **{**ON, "limit": 10})
    outage.begin()
    outcomes = submission.submit_many([request(env) for _ in range(5)])
    assert {type(outcome) for outcome in outcomes} == {Buffered}
    outage.end()
    assert drain() == 5
    assert Instance.objects.count() == 5


@pytest.mark.django_db
def test_an_empty_batch_is_answered_with_nothing():
    assert submission.submit_many([]) == []


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_what_became_of_a_key_can_not_be_told(outage):
    env = make_env("acme", "production", **{**ON, "limit": 10})
    submission.submit(request(env, idempotency_key="k"))
    outage.begin()
    assert submission.submit(request(env, idempotency_key="k")) == Unavailable()


@pytest.mark.django_db
def test_a_database_that_is_not_as_it_should_be_is_unavailable_and_gives_the_key_back():
    env = make_env("acme", "production", **{**ON, "limit": 10})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workflows_outbox RENAME TO elsewhere")
        assert submission.submit(request(env, idempotency_key="k")) == Unavailable()
        transaction.set_rollback(True)
    assert isinstance(submission.submit(request(env, idempotency_key="k")), Started)
