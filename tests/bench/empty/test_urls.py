"""The empty view: there for the benchmark, and nowhere else."""

import pytest
from django.test import Client


@pytest.fixture
def client() -> Client:
    return Client()


def test_it_takes_what_it_is_sent_and_answers_nothing(client, settings) -> None:
    settings.ROOT_URLCONF = "bench.empty.urls"
    answer = client.post("/api/bench/empty", b'{"a":1}', "application/json")
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert answer["X-Request-Id"], "the middlewares are the service's"
    assert client.get("/healthz/live").status_code == 200, "so are the other addresses"


def test_the_service_itself_does_not_have_it(client) -> None:
    assert client.post("/api/bench/empty", b"{}", "application/json").status_code == 404
