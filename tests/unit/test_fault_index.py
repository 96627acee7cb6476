"""docs/faults.md claims only what is tested, and fails only with reasons that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"\bT\d+b?\b")


def rows(text: str) -> list[list[str]]:
    """Cells of every row that begins with a case's number."""
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if re.match(r"\| T\d", line)]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)} if path.is_file() else set()


def violations(tests: str) -> list[str]:
    named = [word.partition("::") for word in quoted(tests)]
    absent = [path + "::" + name for path, unused, name in named if not name.startswith("test_") or name not in functions(ROOT / path)]
    return absent if named else ["no test is named"]


def own_numbers() -> set[str]:
    """Numbers that tests, in what they say of themselves, give to what they do."""
    found: set[str] = set()
    for folder in ("integration", "faults"):
        for path in (ROOT / "tests" / folder).glob("test_*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, (ast.Module, ast.FunctionDef)):
                    found |= set(NUMBER.findall(ast.get_docstring(node) or ""))
    return found


INDEX = rows((ROOT / "docs" / "faults.md").read_text())
REASONS = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))
# What an outcome may quote beside reasons: options, states and results.
OTHER_WORDS = {"lock_wait_timeout", "connect_timeout", "latest", "untouched", "rolled_back"}


def test_every_case_has_one_row_of_four_cells():
    numbers = [row[0] for row in INDEX]
    assert len(set(numbers)) == len(numbers) > 50
    assert [row[0] for row in INDEX if len(row) != 4 or not all(row)] == []


@pytest.mark.parametrize("row", INDEX, ids=[row[0] for row in INDEX])
def test_what_a_case_names_exists(row):
    assert violations(row[3]) == []
    assert set(quoted(row[2])) - REASONS - OTHER_WORDS == set()


def test_the_number_that_a_test_gives_itself_is_in_the_table():
    assert len(own_numbers()) > 10
    assert own_numbers() - {row[0] for row in INDEX} == set()


@pytest.mark.parametrize(
    "tests", ["", "by hand", "`tests/unit/absent.py::test_x`", "`tests/unit/test_contracts.py::test_absent`", "`tests/unit/test_contracts.py`"]
)
def test_a_test_that_is_not_there_is_found(tests):
    assert violations(tests) != []
