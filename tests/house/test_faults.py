"""Each fault that docs/faults.md says is not here is shown by a test that is there."""

import ast
from pathlib import Path

import pytest

from tests.house.test_docs import ROOT, rows

FAULTS = [row for row in rows("faults.md") if row[0].isdigit()]


def test_each_of_the_31_faults_has_its_row() -> None:
    assert [int(row[0]) for row in FAULTS] == list(range(1, 32))


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0])
def test_the_test_that_shows_it_is_there(row: list[str]) -> None:
    number, *_, shown = row
    path, _, name = shown.partition("::")
    tree = ast.parse((ROOT / Path(path)).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name.startswith("test_fault_"):
        assert name.startswith(f"test_fault_{number}_")
