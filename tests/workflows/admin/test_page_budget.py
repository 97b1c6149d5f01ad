"""What each page may cost, with one of everything to show and with a thousand orgs."""

from itertools import chain

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.queries import shared
from tests import crowd, pages, people
from tests.everything import known

__all__ = ["known"]

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15
ORGS = "/admin/workflows/organization/"


def cost(client, address):
    """Return the status, and the statements of the first viewer of a second."""
    shared.forget()
    with CaptureQueriesContext(connection) as captured:
        status = client.get(address).status_code
    return status, len(captured)


def test_every_page_costs_few_queries_among_a_thousand_orgs(known) -> None:
    crowd.gather(1_000, rows=60)
    ada = people.ada()
    shown = [each for each in chain(pages.PAGES, pages.VERBS, pages.PARTS) if each.least < pages.NOBODY]
    seen = {each.address(known): (each, cost(ada, each.address(known))) for each in shown}
    assert {address: count for address, (_, (_, count)) in seen.items() if count > MOST_QUERIES} == {}
    assert {address: status for address, (each, (status, _)) in seen.items() if status != each.answers} == {}


def test_a_thousand_orgs_are_paged_sorted_and_searched() -> None:
    crowd.gather(1_000)
    ada = people.ada()
    listed = {query: ada.get(ORGS + query).content.decode() for query in ("", "?p=2", "?o=-1", "?q=org-0777")}
    assert [">org-0000<" in listed[""], ">org-0000<" in listed["?p=2"], ">org-0050<" in listed["?p=2"]] == [1, 0, 1]
    assert ">org-0999<" in listed["?o=-1"]
    assert [">org-0777<" in listed["?q=org-0777"], ">org-0776<" in listed["?q=org-0777"]] == [True, False]
    assert "1,000" in ada.get("/admin/buffer/").content.decode()
