"""Modules say what they are for, stay small, and have a test of their own name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("mollifier", "workflows", "dashboard", "demo", "launch", "settings", "bench")
TESTED = ("mollifier", "workflows", "dashboard", "demo", "launch", "bench")
MODULE_LINES, TEST_LINES = 300, 500
BANNED_NAMES = {"utils.py", "helpers.py", "common.py", "services.py", "types.py", "constants.py"}


def modules(*packages: str) -> list[Path]:
    found = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if "migrations" not in path.parts)


@pytest.mark.parametrize("module", modules(*PRODUCT), ids=str)
def test_a_module_says_what_it_is_for(module: Path) -> None:
    text = (ROOT / module).read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{module} has no purpose docstring"


@pytest.mark.parametrize("module", modules(*PRODUCT, "tests"), ids=str)
def test_a_module_stays_small(module: Path) -> None:
    lines = len((ROOT / module).read_text().splitlines())
    assert lines < (TEST_LINES if module.parts[0] == "tests" else MODULE_LINES), f"{module} has {lines} lines"


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [module for module in modules(*PRODUCT, "tests") if module.name in BANNED_NAMES] == []


@pytest.mark.parametrize("script", sorted((ROOT / "mollifier" / "lua").glob("*.lua")), ids=lambda path: path.name)
def test_a_script_of_redis_starts_with_what_it_does(script: Path) -> None:
    lines = [line for line in script.read_text().splitlines() if not line.startswith("#!")]
    assert lines[0].startswith("-- ")


@pytest.mark.parametrize("module", [each for each in modules(*TESTED) if each.name != "__init__.py"], ids=str)
def test_a_module_that_does_something_has_a_test_of_its_name(module: Path) -> None:
    if "models" in module.parts or module.name == "apps.py" or not acts(ast.parse((ROOT / module).read_text())):
        pytest.skip("tables, wiring, values")
    assert mirrors(module), f"{module} has no tests/**/test_{module.stem}.py"


def acts(tree: ast.Module) -> bool:
    """Say whether a module has behaviour: a function, or a method that is more than a property or a stub."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    methods = [node for each in tree.body if isinstance(each, ast.ClassDef) for node in each.body]
    return any(
        isinstance(node, functions)
        and not node.name.startswith("__")
        and not any(isinstance(each, ast.Name) and each.id == "property" for each in node.decorator_list)
        and not is_stub(node)
        for node in [*tree.body, *methods]
    )


def is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    last = function.body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant)


def mirrors(module: Path) -> list[Path]:
    """Return the tests of a module, below the end of its own path.

    They are named test_<name>.py or test_<name>_<aspect>.py; a part of a larger thing, as leases is of pump, may
    be tested with the whole.
    """
    folders = [part for part in module.parent.parts if part not in {"management", "commands"}]
    places = [ROOT.joinpath("tests", *module.parent.parts)]
    places += [ROOT.joinpath("tests", *folders[start:]) for start in range(len(folders))]
    words = module.stem.split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    patterns = [f"test_{module.stem}_*.py", *(f"test_{name}.py" for name in names)]
    return [found for place in places for pattern in patterns for found in place.glob(pattern)]
