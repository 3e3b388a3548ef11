"""Imports go one way (design.md §1), and ours are short enough to read."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each app may import what stands before it; agents and support stand side by side, and staff's desk behind all.
ORDER = ["accounts", "catalog", "phone_numbers", "billing", "orders"]
LEAVES = ["agents", "support"]
DESK = "staff"
# The only modules of callcentric/ that may name an app: they do it in strings.
KERNEL = "callcentric"


def modules(package: str) -> Iterator[Path]:
    return (path for path in (ROOT / package).rglob("*.py"))


def imported_packages(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def allowed(package: str) -> set[str]:
    if package == DESK:
        return {DESK, *ORDER, *LEAVES}
    if package in LEAVES:
        return {package, *ORDER}
    return set(ORDER[: ORDER.index(package) + 1])


@pytest.mark.parametrize("package", [*ORDER, *LEAVES, DESK])
def test_an_app_imports_only_what_stands_before_it(package):
    forbidden = {*ORDER, *LEAVES, DESK} - allowed(package)
    wrong = {str(path.relative_to(ROOT)) for path in modules(package) if imported_packages(path) & forbidden}
    assert wrong == set()


def test_the_kernel_knows_none_of_the_business():
    wrong = {
        str(path.relative_to(ROOT)) for path in modules(KERNEL) if imported_packages(path) & {*ORDER, *LEAVES, DESK}
    }
    assert wrong == set()


def test_no_file_is_longer_than_400_lines():
    ours = [path for path in ROOT.rglob("*.py") if not path.relative_to(ROOT).parts[0].startswith(".")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ours}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_no_function_is_longer_than_40_lines():
    packages = [KERNEL, *ORDER, *LEAVES, DESK]
    long = {}
    for path in (path for package in packages for path in modules(package) if "migrations" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 40:
                long[f"{path.relative_to(ROOT)}:{node.name}"] = node.end_lineno - node.lineno + 1
    assert long == {}
