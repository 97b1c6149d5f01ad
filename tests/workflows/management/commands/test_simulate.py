"""simulate: the same what-if by hand."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.intake.recorded import record
from tests.tenants import make_env

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    environment = make_env("acme", mode="shadow")
    record(environment, 60, 30)
    make_env("quiet", mode="shadow")
    return environment


def run(*options):
    output = io.StringIO()
    call_command("simulate", "--org", "acme", *options, stdout=output)
    return output.getvalue()


@pytest.mark.usefixtures("acme")
def test_it_tells_what_would_be_and_what_is():
    told = run("--limit", "20", "--window-ms", "1000", "--hold-ms", "0", "--drain-rate", "10")
    assert "limit 20  window_ms 1000" in told
    lines = {line.split("  ")[0]: line.split()[-2:] for line in told.splitlines()}
    assert lines["triggers"] == ["90", "90"]
    assert lines["buffered"][1] == "0"
    assert int(lines["buffered"][0]) > 40
    assert "arrived" in told


@pytest.mark.usefixtures("acme")
def test_json_is_one_object_like_the_apis():
    found = json.loads(run("--limit", "20", "--weight", "2.5", "--json"))
    assert (found["org"], found["settings"]["limit"], found["settings"]["weight"]) == ("acme", 20, 2.5)
    assert found["then"]["triggers"] == found["now"]["triggers"] == 90
    assert json.loads(run("--json"))["now"] is None


@pytest.mark.usefixtures("acme")
def test_a_cap_that_was_met_is_said(settings, capsys):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SIMULATION_TRIGGERS": 50}
    run()
    assert "MOLLIFIER_SIMULATION_TRIGGERS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--limit", "0"], "values_invalid: limit must be"),
        (["--org", "quiet"], "nothing_recorded"),
        (["--org", "nobody"], "org_not_found"),
    ],
)
@pytest.mark.usefixtures("acme")
def test_what_can_not_be_simulated_is_refused(options, code):
    with pytest.raises(CommandError, match=code) as caught:
        run(*options)
    assert caught.value.returncode == 1
