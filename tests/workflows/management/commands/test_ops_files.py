"""Files for monitoring, by command."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from workflows.ops import files


def ops_files(*options):
    output = StringIO()
    call_command("ops_files", *options, stdout=output, stderr=output)
    return output.getvalue()


def test_they_are_written_elsewhere_with_links_to_the_operator_s_runbooks(tmp_path):
    said = ops_files("--out", str(tmp_path), "--runbooks", "https://wiki.example/runbooks")
    assert said.splitlines() == [f"written: {path}" for path in files.made()]
    rules = (tmp_path / "ops" / "prometheus" / "rules.yml").read_text()
    assert "runbook_url: https://wiki.example/runbooks/MollifierStale.md" in rules
    assert ops_files("--out", str(tmp_path), "--runbooks", "https://wiki.example/runbooks") == ""


def test_a_check_writes_nothing_and_exits_3_while_a_file_differs(tmp_path):
    with pytest.raises(SystemExit) as ended:
        ops_files("--check", "--out", str(tmp_path))
    assert ended.value.code == 3
    assert list(tmp_path.iterdir()) == []
    told = json.loads(ops_files("--out", str(tmp_path), "--json"))
    assert (told["written"], told["files"]) == (True, list(files.made()))
    assert ops_files("--check", "--out", str(tmp_path)) == ""


def test_what_is_in_the_repository_is_as_it_is_made():
    assert ops_files("--check") == ""
