"""What each verb is about."""

import pytest
from django.utils import timezone

from tests import stock
from tests.intake import bulks
from tests.intake.test_deadletters import make_letter
from tests.intake.test_suppressed import bind, storm_of
from tests.tenants import make_env, seen, trigger
from workflows import search, snapshot
from workflows.intake import deadletters, narrowing, refresher, targets
from workflows.models import BulkVerb, Instance
from workflows.search import SearchInvalid
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


def found(verb, text, place=None):
    narrowed = narrowing.resolve(search.parse(text), refresher.current().envs.values(), everywhere=True)
    return list(targets.find(verb, narrowed, place or {}))


def ids(verb, text, place=None):
    return [target.id for page in found(verb, text, place) for target in page.targets]


@pytest.mark.parametrize("verb", BulkVerb)
def test_an_empty_filter_is_refused(verb):
    with pytest.raises(SearchInvalid, match="everything"):
        targets.check(verb, search.parse(" "))


def test_a_verb_says_what_it_can_not_be_told_apart_by():
    for verb, text in ((BulkVerb.REDRIVE, "status:failed"), (BulkVerb.REPLAY_SUPPRESSED, "org:acme vip")):
        with pytest.raises(SearchInvalid, match="use org, env") as caught:
            targets.check(verb, search.parse(text))
        assert caught.value.word in {"status:failed", "tag:vip"}
    targets.check(BulkVerb.CANCEL, search.parse("status:waiting vip shard:0"))
    with pytest.raises(SearchInvalid, match="leaves out no event; name each that is meant"):
        targets.check(BulkVerb.CANCEL_BACKLOG, search.parse("-env:staging -event:order.created"))


def test_what_is_unfinished_is_met_once_in_each_round_and_what_is_buffered_first(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_BATCH": 2, "CLEANUP_LOOKED_AT": 3}
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    (waiting,) = stock.mollify(environment, 1)
    made = [stock.make_instance(environment, tags=["vip"] * (number % 2)).pk for number in range(9)]
    paused = stock.make_instance(environment, status=Status.PAUSED).pk
    stock.make_instance(environment, status=Status.FAILED, finished_at=timezone.now())
    assert ids("cancel", "org:acme") == [waiting, *([*made, paused] * targets.ROUNDS)]
    assert set(ids("cancel", "vip")) == set(made[1::2])
    assert ids("cancel", "status:buffered") == [waiting]
    assert ids("cancel", "status:failed") == []


def test_a_place_is_gone_on_from(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_BATCH": 2}
    environment = make_env()
    made = [stock.make_instance(environment).pk for _ in range(5)]
    paused = stock.make_instance(environment, status=Status.PAUSED).pk
    first = next(page for page in found("cancel", "org:acme") if page.targets)
    assert [target.id for target in first.targets] == made[:2]
    assert ids("cancel", "org:acme", first.place)[:4] == [*made[2:], paused]


def test_what_came_after_the_moment_is_not_meant():
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    narrowed = narrowing.resolve(search.parse("org:acme"), refresher.current().envs.values())
    stock.mollify(environment, 1)
    stock.make_instance(environment)
    assert [page.targets for page in targets.find("cancel", narrowed, {}) if page.targets] == []


def test_dead_letters_that_can_be_read_are_found_and_none_twice():
    environment = make_env()
    env = seen(environment)
    unreadable = make_letter(env)
    vip = make_letter(env, snapshot=snapshot.encode(trigger(environment, tags=("vip",))))
    assert ids("redrive", "vip") == ids("redrive", "definition:greet") == [vip]
    assert set(ids("redrive", "org:acme")) == {vip, unreadable}
    narrowed = narrowing.resolve(search.parse("vip"), [env])
    deadletters.redrive(env, vip, actor=bulks.ADA, reason="mended")
    assert [page.targets for page in targets.find("redrive", narrowed, {}) if page.targets] == []


def test_storms_that_keep_something_are_found():
    env = make_env()
    bind(limit=4)
    storm = storm_of(env)
    assert found("replay_suppressed", "-org:acme") == []
    (page,) = found("replay_suppressed", "definition:greet event:order.created age<1h created>2020-01-01")
    assert [(target.number, target.count) for target in page.targets] == [(storm.pk, 3)]
    assert page.targets[0].told["event"] == "order.created"
    assert found("replay_suppressed", "-event:order.created") == []
    assert found("replay_suppressed", "org:acme", page.place) == []
    assert Instance.objects.count() == 4
