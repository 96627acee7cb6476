"""docs/errors.md names exactly the reasons that modules can fail with."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ansible_collections.runbook.compose.plugins.module_utils._core.probe_verdict import OK, SEVERITY, SKIPPED

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([a-z_]+)` \| \S.* \| \S.* \|$", re.MULTILINE)


def declared(source: str) -> set[str]:
    """Values of ``reason = "..."`` in the bodies of classes."""
    return {
        line.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "reason" and isinstance(line.value, ast.Constant)
    }


def reasons_of_the_code() -> set[str]:
    found = {f"probe_{verdict}" for verdict in SEVERITY if verdict not in (OK, SKIPPED)}
    for path in (ROOT / "plugins").rglob("*.py"):
        found |= declared(path.read_text())
    return found


def test_every_reason_is_explained_and_no_other():
    explained = ROW.findall((ROOT / "docs" / "errors.md").read_text())
    code = reasons_of_the_code()
    assert {"missing in docs/errors.md": sorted(code - set(explained)), "not in the code": sorted(set(explained) - code)} == {
        "missing in docs/errors.md": [],
        "not in the code": [],
    }
    assert sorted(explained) == sorted(set(explained)), "a reason is explained twice"


def test_only_reasons_of_classes_are_found():
    assert declared('class A(Exception):\n    reason = "a"\n    other = "b"\nreason = "c"\n') == {"a"}
    assert ROW.findall("| `a_b` | what | do |\n| `c` | | do |\n| reason | what | do |") == ["a_b"]
