"""docs/procedures.md claims only what exists, docs/playbooks.md leaves no playbook out, and links between documents lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELPERS = {"playbooks/guard.yml", "playbooks/vars/stack.yml"}
# The first issue's, and Postgres: P001-P024, P028-P030, P032, P034-P039, P052-P056, P197; P066-P085, P103, P105-P115, P117, P120, P121, P142, P150, P199.
EXPECTED = {f"P{number:03}" for number in (*range(1, 25), *range(28, 31), 32, *range(34, 40), *range(52, 57), 197)}
EXPECTED |= {f"P{number:03}" for number in (*range(66, 86), 103, *range(105, 116), 117, 120, 121, 142, 150, 199)}
# Maintenance windows.
EXPECTED |= {f"P{number:03}" for number in (*range(123, 126), 131, 201)}
# What surrounds releases.
EXPECTED |= {"P026", "P033"}
# The edge: the site's configuration, maintenance mode, drain, WebSockets, exempt addresses.
EXPECTED |= {"P027", "P122", "P126", "P154", "P165"}
# Redis, and the accounts and tokens in it.
EXPECTED |= {f"P{number:03}" for number in (*range(86, 103), 104, 116, *range(147, 150), 151, *range(168, 172))}
# Routines and the host.
EXPECTED |= {f"P{number:03}" for number in (57, 62, *range(127, 131), *range(191, 197))}

# The edge: rollouts.
EXPECTED |= {"P025", "P031"}
# Latencies, models, scores, providers, WebSockets, and tests of limits and breakers.
EXPECTED |= {f"P{number:03}" for number in (*range(58, 62), *range(63, 66))}
# Beyond one container of a service, and beyond one engine.
EXPECTED |= {f"P{number:03}" for number in range(178, 181)}


def rows(text: str) -> list[list[str]]:
    """Cells of every row that begins with a procedure's number."""
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if re.match(r"\| P\d", line)]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def playbook_violations(cell: str) -> list[str]:
    named = [word for word in quoted(cell) if word.startswith("playbooks/")]
    missing = [f"{word} is not there" for word in named if not (ROOT / word).is_file()]
    return missing if named else ["no playbook is named"]


def proof_violations(tests: str, gaps: str) -> list[str]:
    named = quoted(tests)
    if not named:
        return [] if "no test of its own yet" in gaps else ["no test is named, and the row does not say so"]
    return [f"{word} is not there" for word in named if not is_there(word)]


def is_there(test: str) -> bool:
    path, unused, function = test.partition("::")
    if not (ROOT / path).is_file():
        return False
    if path.startswith("molecule/"):
        return path.endswith("/verify.yml") and not function
    tree = ast.parse((ROOT / path).read_text())
    return function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def link_violations(text: str, folder: Path) -> list[str]:
    """Links to files and headings of this repository that are not there."""
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, unused, wanted = target.partition("#")
        if "://" in name:
            continue
        there = text if not name else (folder / name).read_bytes().decode(errors="replace") if (folder / name).is_file() else ""  # or a picture
        if not there or (wanted and wanted not in {anchor(line.lstrip("# ")) for line in there.splitlines() if line.startswith("#")}):
            found.append(f"{target} is not there")
    return found


INDEX = rows((ROOT / "docs" / "procedures.md").read_text())
PLAYBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "playbooks").rglob("*.yml") if path.relative_to(ROOT).as_posix() not in HELPERS)

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_every_procedure_has_one_row_of_five_cells():
    numbers = [row[0] for row in INDEX]
    assert sorted(numbers) == sorted(EXPECTED)
    assert [row[0] for row in INDEX if len(row) != 5 or not row[1] or not row[4]] == []


@pytest.mark.parametrize("row", INDEX, ids=[row[0] for row in INDEX])
def test_what_a_procedure_names_exists(row):
    assert playbook_violations(row[2]) + proof_violations(row[3], row[4]) == []


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_is_in_the_index_and_described(playbook):
    assert any(playbook in quoted(row[2]) for row in INDEX)
    name = playbook.removeprefix("playbooks/")
    page = f"playbooks/{name.partition('/')[0]}.md"
    assert f"\n## {name}\n" in (ROOT / "docs" / page).read_text()
    assert f"\n| [{name}]({page}#{anchor(name)}) | " in (ROOT / "docs" / "playbooks.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS])
def test_every_link_between_documents_leads_somewhere(document):
    assert link_violations(document.read_text(), document.parent) == []


@pytest.mark.parametrize(
    ("tests", "gaps"),
    [("", "-"), ("`tests/unit/absent.py::test_x`", "-"), ("`tests/unit/test_contracts.py::absent`", "-"), ("`molecule/check_mode/converge.yml`", "-")],
)
def test_a_test_that_is_not_there_is_found(tests, gaps):
    assert proof_violations(tests, gaps) != []


def test_a_playbook_that_is_not_there_is_found():
    assert playbook_violations("`playbooks/absent.yml`") == ["playbooks/absent.yml is not there"]
    assert playbook_violations("by hand") == ["no playbook is named"]
    assert playbook_violations("`playbooks/health/check.yml` (`health_roles`)") == []


@pytest.mark.parametrize(("text", "broken"), [("[a](absent.md)", 1), ("[a](design.md#absent)", 1), ("[a](#absent)", 1), ("[a](design.md#the-lease)", 0)])
def test_a_link_that_leads_nowhere_is_found(text, broken):
    assert len(link_violations(text, ROOT / "docs")) == broken
