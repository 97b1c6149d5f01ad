"""The registry learns the versions that instances are pinned to, and in-flight ones keep theirs."""

import pytest

from tests.exchanges import traced
from tests.waiting import until
from tests.workflows.declarative.documents import act, document, wait
from tests.workflows.making import make_instance, make_instances, output, row
from tests.workflows.pumping import run_until_idle, running
from workflows import registry
from workflows.declarative import stored
from workflows.declarative.schema import Document
from workflows.intake import definitions
from workflows.intake.rollout import Actor
from workflows.models import Definition, DefinitionVersion, Shard
from workflows.registry import Registered

pytestmark = [pytest.mark.usefixtures("actions", "forgotten")]
ADA = Actor("ada")


def saying(word):
    return document(("a", act(arguments={"said": word})))


def save(slug, body):
    return definitions.save(slug, document=body, actor=ADA, reason="a test").version


@pytest.mark.django_db
def test_versions_are_learned_in_one_query_and_only_once():
    save("letters", saying("one"))
    save("letters", saying("two"))
    save("numbers", saying("1"))
    wanted = [("letters", 1), ("letters", 2), ("numbers", 1), ("nobody", 1), ("letters", 9)]
    with traced() as sent:
        stored.learn(wanted)
    assert len(sent) == 1
    known = registry.get("letters", 2)
    assert isinstance(known.function.keywords["document"], Document)
    assert registry.get("letters", 9) is None
    with traced() as sent:
        stored.learn(wanted[:3])
    assert sent == []


@pytest.mark.django_db
def test_those_used_longest_ago_are_forgotten_and_learned_again(settings):
    settings.WORKFLOWS = {"MAX_DECLARED": 2, "GROUP_INSTANCES": 1}
    for slug in "abc":
        save(slug, saying(slug))
        stored.learn([(slug, 1)])
    assert [registry.get(slug, 1) is None for slug in "abc"] == [True, False, False]
    stored.learn([("a", 1)])
    assert registry.get("a", 1) is not None


@pytest.mark.django_db
def test_what_this_process_cannot_interpret_is_left_to_one_that_can():
    save("letters", saying("one"))
    held = Definition.objects.get(pk="letters")
    for number, members in {2: {"interpreter_version": 99}, 3: {"document": {"steps": {"a": {}}}}}.items():
        made = {"document": saying("x"), "interpreter_version": 1, "by_name": "ada", "reason": "r"} | members
        DefinitionVersion.objects.create(definition=held, number=number, **made)
    stored.learn([("letters", 1), ("letters", 2), ("letters", 3)])
    assert [registry.get("letters", number) is not None for number in (1, 2, 3)] == [True, False, False]


@pytest.mark.django_db
def test_a_declared_slug_that_code_takes_later_runs_as_neither(flow):
    save("flow", saying("one"))

    @flow
    async def code(ctx, payload):
        return payload

    assert registry.get("flow", 1) is not None
    stored.learn([("flow", 1)])
    assert registry.get("flow", 1) is None


@pytest.mark.django_db
def test_versions_in_code_are_asked_about_once(flow):
    @flow
    async def code(ctx, payload):
        return payload

    stored.learn([("flow", 1)])
    with traced() as sent:
        stored.learn([("flow", 1)])
    assert sent == []
    assert registry.get("flow", 1) == Registered("flow", 1, code)


@pytest.mark.django_db(transaction=True)
def test_an_instance_in_flight_keeps_its_version_across_an_edit(actions):
    Shard.objects.get_or_create(index=0)
    waits = document(("w", wait("a", seconds=1)), ("a", act(arguments={"said": "one"})))
    number = save("letters", waits)
    old = make_instance("letters", version=number)
    with running():
        until(lambda: row(old).status == "waiting")
    number = save("letters", saying("two"))
    new = make_instance("letters", version=number)
    # As after a restart: nothing of the first run is in memory.
    registry._declared.clear()
    with running():
        until(lambda: {row(old).status, row(new).status} == {"completed"})
    assert (output(old), output(new)) == ({"said": "one"}, {"said": "two"})


@pytest.mark.django_db(transaction=True)
def test_several_definitions_run_at_the_same_instant_on_one_pump(actions):
    Shard.objects.get_or_create(index=0)
    for number in range(6):
        save(f"flow{number}", saying(number))
    made = {number: make_instances(f"flow{number}", [None] * 5) for number in range(6)}
    run_until_idle()
    assert all(output(each) == {"said": number} for number, ids in made.items() for each in ids)
