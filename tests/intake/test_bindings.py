"""Bindings as a process keeps them."""

import pytest

from tests.bound import bind
from tests.tenants import make_env
from workflows.intake import bindings, refresher
from workflows.intake.bindings import Bindings
from workflows.models import Binding

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
