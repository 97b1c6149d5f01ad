"""What each page may cost, with one of everything to show and with a thousand orgs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.queries import shared
from tests import people, receivers
from tests.workflows.admin import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("actions")]
MOST_QUERIES = 15
# What nobody may do by hand, and what another page is shown for.
ELSEWHERE = ("_add", "_delete", "_change", "actionswitch_history")


def cost(client, address):
    """Return the status, and the statements of the first viewer of a second."""
    shared.forget()
    with CaptureQueriesContext(connection) as captured:
        status = client.get(address).status_code
    return status, len(captured)


def test_every_page_costs_few_queries_among_a_thousand_orgs(settings) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    everything.crowd(orgs=1_000, rows=60)
    made = everything.make()
    ada = people.ada()
    seen = {name: cost(ada, address) for name, address in everything.pages(made)}
    assert {name: count for name, (_, count) in seen.items() if count > MOST_QUERIES} == {}
    elsewhere = {name for name, (status, _) in seen.items() if status != 200}
    assert elsewhere - {name for name in seen if name.endswith(ELSEWHERE)} == set()
