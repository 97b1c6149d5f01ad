"""Bindings as a process keeps them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from tests import waiting
from tests.bound import bind
from tests.tenants import make_env
from workflows import eventlog
from workflows.audit import Actor
from workflows.intake import bindings, refresher
from workflows.intake.bindings import BindingRefused, Bindings
from workflows.models import Binding, SnapshotVersion

pytestmark = pytest.mark.django_db


def kept() -> Bindings:
    return refresher.refresh().bindings


def test_a_name_is_found_by_itself_and_by_each_prefix():
    assert list(bindings.patterns_of("a.b.c")) == ["a.b.c", "a.b.*", "a.*"]
    assert list(bindings.patterns_of("a")) == ["a"]


def test_every_match_is_named_once_in_the_order_they_were_made():
    made = [bind(pattern) for pattern in ("a.*", "a.b.*", "a.b.c", "a.b", "b.*")]
    found = kept().named(["a.b.c", "a.b.c.failed"])
    assert [each.id for each in found] == [each.id for each in made[:3]]


def test_a_change_is_seen_and_what_is_deleted_is_gone():
    binding = bind("a.b")
    Binding.objects.get(id=binding.id).delete()
    other = bind("a.b", definition="other")
    assert [each.id for each in kept().named(["a.b"])] == [other.id]
    other.pattern = "a.c"
    other.save()
    assert kept().named(["a.b"]) == []
    assert [each.definition for each in kept().named(["a.c"])] == ["other"]


def test_without_a_change_nothing_is_built_again():
    bind("a.b")
    before = kept()
    make_env()
    assert kept() is before


def test_a_binding_covers_everybody_an_org_or_one_environment():
    acme, staging, other = make_env("acme"), make_env("acme", "staging"), make_env("other")
    everybodys, orgs, envs = bind("a"), bind("b", org=acme.org), bind("c", env=staging)
    known = kept().by_id

    def covered(binding):
        return [known[binding.id].covers(env.org_id, env.id) for env in (acme, staging, other)]

    assert [covered(each) for each in (everybodys, orgs, envs)] == [
        [True, True, True],
        [True, True, False],
        [False, True, False],
    ]


@pytest.mark.django_db(transaction=True)
def test_a_change_to_what_another_is_made_meanwhile_is_refused():
    changed = bind(condition="payload.n > 1")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            SnapshotVersion.advance()
            change = pool.submit(
                closing, lambda: bindings.change(changed.id, actor=Actor("ada"), reason="wider", condition="")
            )
            waiting.until(waits_for_a_lock)
            Binding(pattern=changed.pattern, definition=changed.definition).save()
        with pytest.raises(BindingRefused) as refused:
            change.result(30)
    assert set(refused.value.fields) == {"condition"}


def closing(act):
    try:
        return act()
    finally:
        connection.close()


def waits_for_a_lock():
    return eventlog.execute("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1", ())
