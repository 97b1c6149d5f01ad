import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django_redis import get_redis_connection

from mollifier import buffer, conf, sweep
from mollifier.decision import Scope
from mollifier.entry import Fail
from mollifier.lead import Lead
from tests.mollifier.makers import accept


class Known:
    """What NAMES names in these tests; the entries of tests have names for ids."""

    def org(self, said):
        return {"the-acme": "acme", "acme": "acme"}.get(said)

    def env(self, org, said):
        return said if (org, said) == ("acme", "production") else None

    def of_orgs(self, ids):
        return {"acme": "the-acme"} if "acme" in ids else {}


@pytest.fixture(autouse=True)
def _names(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "NAMES": ""}


def backlog(*options):
    output = StringIO()
    call_command("backlog", *options, stdout=output)
    return output.getvalue()


def test_it_shows_depth_flow_and_orgs():
    accept(3)
    accept(1, Scope("other", "production"))
    text = backlog()
    assert "buffered 4 (4 queued" in text
    assert "acme  3 queued" in text
    assert "other  1 queued" in text


def test_json_is_one_object():
    ids = accept(2)
    found = json.loads(backlog("--json", "--org", "acme"))
    assert found["queued"] == 2
    assert [entry["id"] for entry in found["entries"]] == [str(one) for one in ids]
    assert "snapshot" not in found["entries"][0]


def test_an_environment_shows_its_newest_entries_with_state_and_error():
    ids = accept(2)
    buffer.claim("t", 1, 60_000)
    buffer.settle("t", [Fail(ids[0], "value too long")])
    text = backlog("--org", "acme", "--env", "production")
    assert f"{ids[0]}  failed" in text
    assert "value too long" in text
    assert f"{ids[1]}  queued" in text


@pytest.mark.parametrize(
    ("condition", "code"), [("queued>1", 3), ("queued>=2", 3), ("queued > 2", None), ("oldest>60", None)]
)
def test_a_check_ends_with_3_when_its_condition_holds(condition, code):
    accept(2)
    if code is None:
        backlog("--check", condition)
        return
    with pytest.raises(SystemExit) as ended:
        backlog("--check", condition)
    assert ended.value.code == code


@pytest.mark.parametrize("options", [("--check", "age=3"), ("--check", "colour>3"), ("--env", "production")])
def test_what_can_not_be_read_is_a_usage_error(options):
    with pytest.raises(CommandError) as refused:
        backlog(*options)
    assert refused.value.returncode == 2


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_is_refused():
    with pytest.raises(CommandError) as refused:
        backlog()
    assert refused.value.returncode == 1


def checked(condition):
    """Return the exit status of a check."""
    try:
        backlog("--check", condition)
    except SystemExit as ended:
        return ended.code
    return 0


def test_what_the_sweep_found_can_be_checked():
    seconds, _ = get_redis_connection("buffer").time()
    accept(1, now_ms=seconds * 1000 - 400_000)
    assert checked("stale>0") == 0
    assert checked("sweep>900") == 3, "it has never come round"
    sweep.run(conf.current())
    assert (checked("stale>0"), checked("stale>1"), checked("sweep>900")) == (3, 0, 0)
    assert json.loads(backlog("--json"))["stale"] == 1


def test_a_drainer_is_silent_only_while_something_waits():
    assert checked("drainer>60") == 0
    accept(1)
    assert checked("drainer>60") == 3
    Lead(60_000).take()
    assert checked("drainer>60") == 0


def test_orgs_and_environments_go_by_the_names_that_the_host_knows(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "NAMES": f"{__name__}.Known"}
    (one,) = accept(1)
    text = backlog("--org", "the-acme", "--env", "production")
    assert "  the-acme  1 queued" in text
    assert str(one) in text
    (org,) = json.loads(backlog("--json"))["orgs"]
    assert (org["org"], org["name"]) == ("acme", "the-acme")
    for options, said in (
        (("--org", "nobody"), "no org 'nobody'"),
        (("--org", "acme", "--env", "x"), "no environment 'x'"),
    ):
        with pytest.raises(CommandError, match=said) as refused:
            backlog(*options)
        assert refused.value.returncode == 1
