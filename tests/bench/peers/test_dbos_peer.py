"""DBOS Transact as the benchmark has it, on a database of this run's server."""

from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from bench.peers import asking
from tests.processes import environment


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_it_answers_every_figure_it_is_asked_for() -> None:
    name = f"{connection.settings_dict['NAME']}_dbos"
    url = urlunsplit(urlsplit(environment()["DATABASE_URL"])._replace(path=f"/{name}"))
    try:
        with asking.peer("dbos", url) as peer:
            assert peer.name.startswith("DBOS Transact 3.")
            assert peer.ask("run", instances=3, steps_each=2) > 0
            assert peer.ask("run", instances=1, steps_each=2) > 0
            assert 0 < peer.ask("in_process", count=2) < peer.ask("queued", count=1, queue="quick_queue") + 1_000
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
