"""delete_definition: what it refuses, counts and deletes; what all bulk commands do is in test_bulk.py."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests import tenants
from tests.intake.test_deletion import start, switch_off
from tests.nowhere import no_redis  # noqa: F401
from workflows.models import AuditRecord, Instance

pytestmark = pytest.mark.django_db(transaction=True)


def run(capsys, *arguments):
    call_command("delete_definition", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def refused(*arguments):
    with pytest.raises(CommandError) as caught:
        call_command("delete_definition", *arguments)
    return caught.value


@pytest.fixture
def environment():
    return tenants.make_env("acme")


@pytest.mark.parametrize(("slug", "said"), [("greet", "switch it off"), ("nothing", "there is no definition")])
def test_what_is_active_or_unknown_is_refused(environment, slug, said):
    error = refused(slug, "--execute")
    assert (error.returncode, said in str(error)) == (1, True)
    assert not AuditRecord.objects.exists()


def test_a_dry_run_counts_and_deletes_nothing(environment, capsys):
    start(environment, "gone")
    switch_off()
    told = run(capsys, "gone")
    assert (told["executed"], told["count"], told["filter"]) == (False, 1, {"definition": "gone"})
    assert [group["what"] for group in told["groups"]] == ["buffered", "unfinished", "finished"]
    assert (Instance.objects.count(), AuditRecord.objects.count()) == (1, 0)


def test_executed_it_deletes_and_records(environment, capsys):
    for _ in range(3):
        start(environment, "gone")
    switch_off()
    told = run(capsys, "gone", "--execute", "--batch-size", "2", "--reason", "replaced")
    assert (told["done"], told["outcome"], told["events"], told["settings"]) == (3, "done", 6, True)
    record = AuditRecord.objects.get()
    assert (record.verb, record.target, record.reason, record.count) == ("delete_definition", "gone", "replaced", 3)
    assert not Instance.objects.exists()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_goes(environment):
    start(environment, "gone")
    switch_off()
    assert refused("gone", "--execute").returncode == 1
    assert Instance.objects.get().status == "pending"
