"""What instances emit and how they end starts what is bound to it, with their lineage."""

from uuid import uuid4

import pytest
from django.utils import timezone

from tests.bound import bind
from tests.exchanges import traced
from tests.stock import make_instance
from tests.tenants import make_env, request, seen
from tests.workflows.pumping import run_until_idle
from workflows import outbox, registry
from workflows.cleanup import backlog
from workflows.cleanup.backlog import Selection
from workflows.cleanup.batches import Walk
from workflows.intake import ancestry, emission, events, lookup, refresher, relay, submission
from workflows.intake.submission import Started
from workflows.models import Definition, EmittedEvent, Instance, Outbox, Storm
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


@pytest.fixture(autouse=True)
def _flows(own_workflows, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SHARDS": 1}

    @registry.workflow("shop")
    async def shop(ctx, payload):
        await ctx.emit("order.created", {"order": payload})
        await ctx.emit("order.paid", payload, key="paid")

    @registry.workflow("family")
    async def family(ctx, payload):
        return await ctx.child(payload, None)


def start(env, definition, payload=b"1"):
    outcome = submission.submit(request(env, definition, payload=payload))
    assert isinstance(outcome, Started)
    return outcome.instance.id


def run() -> None:
    """Run what is ready and hand on what it told, until nothing is left."""
    for _ in range(30):
        run_until_idle(0)
        if not relay.deliver(100) and not Instance.objects.filter(finished_at=None).exists():
            return


def test_an_emitted_event_starts_what_is_bound_once_with_the_emitters_lineage():
    env = make_env()
    bind("order.created")
    shop = start(env, "shop", b'{"n":7}')
    run()
    row = Instance.objects.get(definition="greet")
    assert (row.root_id, row.parent_id, row.depth, row.chain, row.cause) == (shop, shop, 1, ["shop"], shop)
    assert (row.event_type, row.event_key.startswith(f"{shop}:")) == ("order.created", True)
    assert [each.id for each in ancestry.tree(seen(env), shop)] == [shop, row.id]
    assert Outbox.objects.count() == 0


def test_the_end_of_an_instance_starts_what_is_bound_to_it():
    env = make_env()
    bind("workflow.instance_terminal.completed", condition='payload.definition == "shop"')
    bind("workflow.instance_terminal.failed")
    shop = start(env, "shop")
    run()
    row = Instance.objects.get(definition="greet")
    assert (row.event_type, row.parent_id) == ("workflow.instance_terminal", shop)


def test_a_definition_that_its_own_end_starts_is_run_once():
    env = make_env()
    bind("workflow.instance_terminal")
    start(env, "greet")
    run()
    assert Instance.objects.count() == 1


def test_a_loop_that_is_allowed_ends_at_the_depth_limit():
    env = make_env()
    bind("workflow.instance_terminal", loop_policy="allow_all")
    root = start(env, "greet")
    run()
    assert sorted(Instance.objects.values_list("depth", flat=True)) == list(range(11))
    assert set(Instance.objects.values_list("root_id", flat=True)) == {root}


def test_an_event_that_was_handed_on_twice_starts_nothing_twice():
    env = make_env()
    bind("order.created")
    shop = start(env, "shop")
    run()
    made = Instance.objects.get(definition="greet")
    Outbox.objects.create(
        instance_id=shop,
        org_id=env.org_id,
        env_id=env.id,
        type="order.created",
        key=made.event_key,
        payload={"order": 1},
        created_at=timezone.now(),
    )
    assert relay.deliver(100) == 1
    assert Instance.objects.filter(definition="greet").count() == 1


def test_what_the_buffer_has_no_room_for_stays_in_the_outbox(settings):
    env = make_env("acme", "production", **ON)
    bind("order.created")
    start(env, "shop")
    assert isinstance(submission.submit(request(env)), submission.Buffered)
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    run_until_idle(0)
    relay.deliver(100)
    assert list(Outbox.objects.values_list("type", flat=True)) == ["order.created"]
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 10}
    Outbox.objects.update(available_at=timezone.now())
    assert relay.deliver(100) == 1


def test_what_is_throttled_or_can_not_run_settles_the_row():
    env = make_env()
    bind("order.created", limit=1), bind("order.created", definition="nowhere")
    start(env, "shop"), start(env, "shop")
    run_until_idle(0)
    relay.deliver(100)
    assert Instance.objects.filter(definition="greet").count() == 1
    assert Storm.objects.get().suppressed == 1
    assert not Outbox.objects.exclude(type=outbox.TERMINAL).exists()


def test_a_child_has_its_parents_chain_and_its_end_is_an_event_too():
    env = make_env()
    bind("workflow.instance_terminal", condition='payload.definition == "greet"', definition="shop")
    parent = start(env, "family", b'"greet"')
    run()
    child, late = Instance.objects.get(definition="greet"), Instance.objects.get(definition="shop")
    assert (child.parent_id, child.depth, child.chain) == (parent, 1, ["family"])
    assert (late.parent_id, late.depth, late.chain) == (child.id, 2, ["family", "greet"])
    assert Instance.objects.get(id=parent).status == Status.COMPLETED


def test_a_childs_end_that_can_not_be_submitted_now_keeps_no_parent_waiting(settings):
    env = make_env("acme", "production", **ON)
    bind("workflow.instance_terminal", condition='payload.definition == "greet"', definition="shop")
    parent = start(env, "family", b'"greet"')
    submission.submit(request(env))
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    run()
    assert Instance.objects.get(id=parent).status == Status.COMPLETED
    assert EmittedEvent.objects.get().type == outbox.TERMINAL


def test_children_of_children_end_at_the_depth_limit():
    env = make_env()

    @registry.workflow("nest")
    async def nest(ctx, payload):
        return await ctx.child("nest", None)

    start(env, "nest")
    run()
    assert sorted(Instance.objects.values_list("depth", flat=True)) == list(range(11))
    deepest = Instance.objects.get(depth=10)
    assert deepest.status == Status.FAILED


def test_a_definition_switched_off_refuses_what_is_bound_and_settles():
    env = make_env()
    bind("order.created")
    Definition(slug="greet", active=False).save()
    refresher.refresh()
    start(env, "shop")
    run()
    assert Instance.objects.filter(definition="greet").count() == 0
    assert Outbox.objects.count() == 0


@pytest.mark.parametrize("payload", [{"order": 1}, {"status": "cancelled"}])
def test_an_instance_tells_of_no_end_itself_and_so_holds_up_nobody_elses_events(payload):
    @registry.workflow("liar")
    async def liar(ctx, _):
        await ctx.emit(outbox.TERMINAL, payload)

    env = make_env()
    bind("order.created")
    lying = start(env, "liar")
    start(env, "shop")
    run()
    assert Instance.objects.get(id=lying).error_code == "context_misused"
    assert Instance.objects.filter(definition="greet").count() == 1
    assert not Outbox.objects.exists()


def test_a_row_that_can_not_be_handed_on_is_put_off_and_keeps_no_other_back():
    env = make_env()
    bind("order.created")
    shop = start(env, "shop")
    odd = {"type": outbox.TERMINAL, "payload": {"odd": True}, "instance_id": shop, "created_at": timezone.now()}
    for key, parent_id in (("a", None), ("b", uuid4())):
        Outbox.objects.create(org_id=env.org_id, env_id=env.id, key=key, parent_id=parent_id, **odd)
    bind("workflow.instance_terminal")
    run_until_idle(0)
    relay.deliver(100)
    assert Instance.objects.filter(definition="greet", event_type="order.created").count() == 1
    assert sorted(Outbox.objects.values_list("key", flat=True)) == ["a", "b"]
    assert not Outbox.objects.filter(available_at__lte=timezone.now()).exists()


def test_the_end_of_what_was_cleaned_up_starts_nothing():
    env = make_env()
    bind("workflow.instance_terminal")
    parent = make_instance(env, definition="family", status="waiting")
    make_instance(env, source="child", parent_id=parent.id, last_seq=1)
    chosen = Selection(before=timezone.now(), workflows=("greet",))
    assert backlog.cancel(chosen, "a storm", actor="olga", how=Walk()).done == 1
    assert Outbox.objects.get().parent_id == parent.id
    assert relay.deliver(10) == 1
    assert (Outbox.objects.count(), EmittedEvent.objects.count(), Instance.objects.count()) == (0, 0, 2)


def test_a_nul_in_what_is_emitted_is_handed_on_as_it_is():
    @registry.workflow("nul")
    async def nul(ctx, payload):
        await ctx.emit("order.created", {"of": payload}, key="a")

    env = make_env()
    bind("order.created")
    start(env, "nul", b'"a\\u0000b"')
    run()
    started = Instance.objects.get(definition="greet")
    assert lookup.find(seen(env), started.id).payload == b'{"of":"a\\u0000b"}'


def tell(env, shop, key):
    row = {"org_id": env.org_id, "env_id": env.id, "type": "order.created", "created_at": timezone.now()}
    Outbox.objects.create(instance_id=shop, key=key, payload={"order": key}, **row)


def test_what_many_tell_is_refused_together():
    env, other = make_env(), make_env("globex", "production")
    bind("order.created", limit=1)
    shop = start(env, "shop", b'{"n":1}')
    run()
    for key in "ab":
        tell(env, shop, key)
        assert relay.deliver(1) == 1
    for number in range(20):
        tell(env, shop, f"more-{number}")
    tell(other, start(other, "shop"), "other")
    with traced() as sent:
        assert relay.deliver(100) == 21
    storm = Storm.objects.get(env=env)
    assert (storm.suppressed, storm.kept.count()) == (21, 21)
    assert len(sent) < 20
    assert Instance.objects.filter(definition="greet", env=other).count() == 1


def test_an_event_that_breaks_the_submission_of_many_keeps_no_other_back(monkeypatch):
    env = make_env()
    bind("order.created", loop_policy="allow_all")
    shop = start(env, "shop", b'{"n":1}')
    run_until_idle(0)
    relay.deliver(100)
    request_of = events.request_of

    def odd(directory, emitted, bound):
        if emitted.key == "odd":
            raise ValueError("odd")
        return request_of(directory, emitted, bound)

    monkeypatch.setattr(events, "request_of", odd)
    for key in ("a", "odd", "b"):
        tell(env, shop, key)
    relay.deliver(100)
    assert list(Outbox.objects.values_list("key", flat=True)) == ["odd"]
    assert set(Instance.objects.values_list("event_key", flat=True)) >= {"a", "b"}


def test_an_end_that_can_not_be_kept_for_later_keeps_no_other_back(monkeypatch):
    env = make_env()
    bind("workflow.instance_terminal")
    child = make_instance(env, definition="shop")
    ended = {"org_id": env.org_id, "env_id": env.id, "type": outbox.TERMINAL, "created_at": timezone.now()}
    for key in ("odd", "fine"):
        told = {"instance_id": str(child.id), "definition": "shop", "status": "completed"}
        Outbox.objects.create(instance_id=child.id, key=key, parent_id=uuid4(), payload=told, **ended)
    keep = emission.keep

    def odd(event_id, emitted):
        if emitted.key == "odd":
            raise ValueError("odd")
        keep(event_id, emitted)

    monkeypatch.setattr(emission, "keep", odd)
    monkeypatch.setattr(events, "is_settled", lambda outcomes: False)
    relay.deliver(100)
    assert list(EmittedEvent.objects.values_list("key", flat=True)) == ["fine"]
    assert list(Outbox.objects.values_list("key", flat=True)) == ["odd"]
