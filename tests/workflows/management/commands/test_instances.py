"""instances, from the terminal."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import stock
from tests.nowhere import no_redis
from tests.tenants import make_env

__all__ = ["no_redis"]
pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("instances", *words, stdout=out)
    return out.getvalue()


def test_instances_of_every_tenant_are_found_newest_first() -> None:
    first = stock.make_instance(
        make_env(), tags=["vip"], status="failed", error_code="step_failed", finished_at=timezone.now()
    )
    second = stock.make_instance(make_env("beta"), tags=["vip"])
    stock.make_instance(make_env("gamma"))
    shown = json.loads(run("--json", "--", "vip", "-org:gamma"))
    assert [each["id"] for each in shown["instances"]] == [str(second.pk), str(first.pk)]
    assert shown["complete"]
    line = run("status:failed").split()
    assert (line[0], line[2:]) == (str(first.pk), ["failed", "acme/production", "greet", "vip", "step_failed"])
    assert len(run("--limit", "1").splitlines()) == 1


def test_what_is_buffered_is_found_too() -> None:
    (waiting,) = stock.mollify(make_env(mode="on", limit=1, window_ms=60_000), 1)
    assert str(waiting) in run("status:buffered")


def test_a_search_that_can_not_be_read_is_a_usage_error() -> None:
    with pytest.raises(CommandError, match="write status:") as caught:
        run("stauts:failed")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="1,000"):
        run("--limit", "0")


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_what_is_missing(capsys) -> None:
    row = stock.make_instance(make_env())
    assert str(row.pk) in run()
    assert "buffered instances are missing" in capsys.readouterr().err
