"""What the instances page is asked, and what it answers to a search."""

import pytest

from tests import people, stock
from tests.tenants import make_env, seen
from workflows.admin import searching
from workflows.admin.searching import Asked

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/instance/"


def test_nothing_asked_is_everything() -> None:
    make_env()
    assert searching.ask({}) == Asked()
    assert not searching.ask({"status": "no-such"}).narrowed


def test_box_and_lists_are_one_filter() -> None:
    env = seen(make_env())
    asked = searching.ask({"q": "vip", "status": "failed", "definition": "greet", "env": "acme / production"})
    assert str(asked.filter) == "tag:vip status:failed definition:greet env:acme/production"
    assert (asked.env, asked.fault) == (env, "")
    assert asked.query == "q=tag%3Avip+status%3Afailed+definition%3Agreet+env%3Aacme%2Fproduction"
    assert searching.ask({"q": str(asked.filter)}).filter == asked.filter


def test_a_fault_is_told_and_nothing_is_shown() -> None:
    stock.make_instance(make_env())
    page = people.vera().get(LIST, {"q": "stauts:failed"}).content.decode()
    assert "stauts is not a qualifier; write status:" in page
    assert "can't be searched" in page
    assert searching.ask({"definition": "a\0b"}).fault
    assert searching.ask({"definition": "x" * 300}).fault


def test_the_page_finds_what_is_searched() -> None:
    environment = make_env()
    one = stock.make_instance(environment, status="failed", tags=["vip"])
    other = stock.make_instance(environment, status="running")
    client = people.vera()
    for text, shown, hidden in (("-vip", other, one), ("status:failed org:acme", one, other), ("vip", one, other)):
        page = client.get(LIST, {"q": text}).content.decode()
        assert str(shown.pk) in page
        assert str(hidden.pk) not in page


def test_what_is_buffered_is_found_where_one_environment_is_meant() -> None:
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    (waiting,) = stock.mollify(environment, 1)
    assert str(waiting) in people.vera().get(LIST, {"q": "status:buffered env:acme/production"}).content.decode()
