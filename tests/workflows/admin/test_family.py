"""Families of instances."""

from uuid import UUID

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests import stock, tenants
from workflows.admin import family
from workflows.admin.family import Member
from workflows.intake import lookup

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment():
    return tenants.make_env("acme")


def child_of(parent, **fields):
    made = {"parent_id": parent.id, "root_id": parent.root_id, "depth": parent.depth + 1}
    return stock.make_instance(parent.env, **(made | fields))


def seen(row):
    view = lookup.find(tenants.seen(row.env), row.id)
    assert view is not None
    return view


def test_each_stands_behind_its_parent(environment) -> None:
    root = stock.make_instance(environment)
    # Their ids are made of keys, as those of children are, and say nothing of their age.
    first, second = child_of(root, id=UUID(int=2**127), status="completed"), child_of(root, id=UUID(int=1))
    grandchild = child_of(first, status="failed")
    found = family.read(seen(grandchild))
    assert [(each.id, each.level) for each in found.members] == [
        (root.id, 0),
        (first.id, 1),
        (grandchild.id, 2),
        (second.id, 1),
    ]
    assert [each.status for each in found.members] == ["pending", "completed", "failed", "pending"]
    assert not found.cut


def test_who_has_nobody_stands_alone(environment) -> None:
    (own,) = family.read(seen(stock.make_instance(environment))).members
    assert own.level == 0


def test_a_family_is_bounded_and_keeps_the_way_up(environment, monkeypatch) -> None:
    monkeypatch.setattr(family, "SHOWN", 5)
    root = stock.make_instance(environment)
    for _ in range(9):
        child_of(root)
    last = child_of(child_of(root))
    found = family.read(seen(last))
    assert found.cut
    assert len(found.members) == 5
    assert {root.id, last.parent_id, last.id} <= {each.id for each in found.members}


def test_a_buffered_one_stands_below_its_parent() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (id_,) = stock.mollify(environment, 1)
    view = lookup.find(tenants.seen(environment), id_)
    assert view is not None
    assert [each.status for each in family.read(view).members] == ["buffered"]


def test_a_member_whose_parent_is_gone_stands_for_itself() -> None:
    orphan, other = (Member(uuid7(), uuid7(), "greet", "failed", 3, timezone.now()) for _ in range(2))
    assert [each.level for each in family.nest([orphan, other])] == [0, 0]
    own = uuid7()
    assert family.nest([Member(own, own, "greet", "failed", 0, timezone.now())])[0].level == 0
