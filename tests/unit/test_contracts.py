"""What the code promises about itself: who may import whom, and how long a thing may get.

Each rule is a function from a text to the list of its violations; samples at the end show that every rule can fail.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.runbook.compose."
UTILS = "plugins.module_utils."

# Of the standard library, what computes and does not look at the world.
PURE = {
    "__future__", "abc", "base64", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime", "difflib", "enum",
    "fnmatch", "functools", "hashlib", "html", "heapq", "hmac", "ipaddress", "itertools", "json", "math", "operator", "posixpath",
    "re", "shlex", "statistics", "string", "textwrap", "types", "typing", "unicodedata", "urllib.parse",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "now", "utcnow", "today"}
DOCUMENTS = {"DOCUMENTATION", "EXAMPLES", "RETURN"}


def files(*patterns: str) -> list[str]:
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not path.endswith("__init__.py"))


def imports(source: str, path: str) -> set[str]:
    """Dotted names as seen from the top of the collection; relative ones resolved."""
    package = Path(path).parent.as_posix().split("/")
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [".".join(package[: len(package) - node.level + 1])] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{name.name}" for name in node.names}
    return {name[len(COLLECTION) :] if name.startswith(COLLECTION) else name for name in found}


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def core_violations(source: str, path: str) -> list[str]:
    """The core imports itself and what computes, and asks neither the clock nor the world."""
    own = UTILS + "_core"
    bad = [f"imports {name}" for name in imports(source, path) if not within(name, own, *PURE)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            bad += [f"line {node.lineno} calls {called}"] if called in IMPURE_CALLS else []
    return bad


def adapter_violations(source: str, path: str) -> list[str]:
    """Adapters know the core and the outside world, and nothing of Ansible."""
    banned = ("ansible", UTILS + "_ansible", "plugins.modules", "ansible_collections")
    return [f"imports {name}" for name in imports(source, path) if within(name, *banned)]


def glue_violations(source: str, path: str) -> list[str]:
    """What joins operations to Ansible knows no module and no other collection."""
    return [f"imports {name}" for name in imports(source, path) if within(name, "plugins.modules", "ansible_collections")]


def module_violations(source: str, path: str) -> list[str]:
    """A module is its documents, its arguments and one call."""
    allowed = ("__future__", UTILS + "_ansible", f"{UTILS}_adapters.operations.{Path(path).stem}")
    bad = [f"imports {name}" for name in imports(source, path) if not within(name, *allowed)]
    tree = ast.parse(source)
    mains = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    bad += [] if len(mains) == 1 else ["has not one main()"]
    bad += [f"main() has {length(main)} lines" for main in mains if length(main) > 10]
    bad += [f"defines {node.name}" for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name != "main"]
    return bad


def document_violations(source: str, path: str) -> list[str]:
    """Documentation, examples and returned values are there, are YAML, and count at most three booleans."""
    written = documents(source)
    bad = [f"has no {name}" for name in sorted(DOCUMENTS - written.keys())]
    bad += [f"has no YAML in {name}" for name, text in written.items() if not is_yaml(text)]
    if bad:
        return bad
    documentation = yaml.safe_load(written["DOCUMENTATION"])
    switches = booleans(documentation.get("options") or {})
    bad += [f"has {len(switches)} booleans: {', '.join(switches)}"] if len(switches) > 3 else []
    bad += [] if documentation["module"] == Path(path).stem else [f"is documented as {documentation['module']}"]
    bad += [] if "runbook.compose.stack" in documentation.get("extends_documentation_fragment", []) else ["does not extend the fragment"]
    bad += [] if isinstance(yaml.safe_load(written["EXAMPLES"]), list) else ["has examples that are no tasks"]
    bad += [] if isinstance(yaml.safe_load(written["RETURN"]), dict) else ["documents no returned values"]
    if path.endswith("_info.py") and "state" in (documentation.get("options") or {}):
        bad.append("takes a state, and only looks")
    return bad


def size_violations(source: str, path: str) -> list[str]:
    """300 lines a file without documents."""
    text = sum(document.count("\n") + 1 for document in documents(source).values())
    lines = source.count("\n") - text
    return [f"has {lines} lines"] if lines > 300 else []


def function_violations(source: str, path: str) -> list[str]:
    """40 lines and 5 parameters a function."""
    bad = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([argument for argument in given if argument.arg not in ("self", "cls")])
            bad += [f"{node.name}() has {length(node)} lines"] if length(node) > 40 else []
            bad += [f"{node.name}() has {count} parameters"] if count > 5 else []
    return bad


def header_violations(source: str, path: str) -> list[str]:
    """Every plugin names its owner and its licence."""
    lines = ["Copyright (c) 2026, runbook.compose contributors", "GNU General Public License v3.0+", "SPDX-License-Identifier: GPL-3.0-or-later"]
    return [f"lacks the line {line}" for line in lines if line not in source[:400]]


def excuse_violations(source: str, path: str) -> list[str]:
    """No rule is switched off in passing, and no test is left out."""
    # Written in two parts, so that this file does not hold what it looks for.
    excuses = ("no" + "qa", "pylint: " + "disable", "type: " + "ignore", "no" + "sec", "mark.sk" + "ip", "pytest.sk" + "ip", "xf" + "ail")
    return [f"line {number} has {excuse}" for number, line in enumerate(source.splitlines(), 1) for excuse in excuses if excuse in line]


def length(node: ast.AST) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    has_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if has_text else 0)


def documents(source: str) -> dict[str, str]:
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in DOCUMENTS:
                found[node.targets[0].id] = node.value.value
    return found


def is_yaml(text: str) -> bool:
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return True


def booleans(options: dict) -> list[str]:
    found = []
    for name, option in options.items():
        found += [name] if option.get("type") == "bool" else []
        found += booleans(option.get("suboptions") or {})
    return found


EVERY_PLUGIN = "plugins/**/*.py"
MODULES = "plugins/modules/*.py"
# A rule, the files it holds for, and a sample that breaks it.
RULES = [
    (core_violations, (UTILS.replace(".", "/") + "_core/**/*.py",), "plugins/module_utils/_core/x.py"),
    (adapter_violations, (UTILS.replace(".", "/") + "_adapters/**/*.py",), "plugins/module_utils/_adapters/operations/x.py"),
    (glue_violations, (UTILS.replace(".", "/") + "_ansible/**/*.py",), "plugins/module_utils/_ansible/x.py"),
    (module_violations, (MODULES,), "plugins/modules/x.py"),
    (document_violations, (MODULES,), "plugins/modules/x.py"),
    (size_violations, (EVERY_PLUGIN, "tests/**/*.py"), "plugins/x.py"),
    (function_violations, (EVERY_PLUGIN, "tests/support/*.py", "tests/systems/**/*.py"), "plugins/x.py"),
    (header_violations, (EVERY_PLUGIN,), "plugins/x.py"),
    (excuse_violations, (EVERY_PLUGIN, "tests/**/*.py"), "plugins/x.py"),
]
GOOD_DOCUMENTS = (
    'DOCUMENTATION = "{module: x, extends_documentation_fragment: [runbook.compose.stack], options: %s}"\n'
    'EXAMPLES = "[{name: x}]"\nRETURN = "{a: {}}"\n'
)
BAD = [
    *[(core_violations, source) for source in (
        "import os", "import datetime, subprocess", "from ansible.module_utils import basic", "import docker", "from time import time",
        "from .._adapters.files import read_text", "from .. import _ansible", "import urllib.request", "datetime.now()", "open('x')",
    )],
    *[(adapter_violations, source) for source in (
        "from ansible.module_utils.basic import AnsibleModule", "from ..._ansible.run_module import Host",
        "from ansible_collections.runbook.compose.plugins.modules import release", "def f():\n    import ansible",
        "from ansible_collections.community.docker import x",
    )],
    *[(glue_violations, source) for source in (
        "from ansible_collections.runbook.compose.plugins.modules import release", "from ansible_collections.community.general import x",
    )],
    *[(module_violations, source) for source in (
        "x = 1", "def main():\n" + "    x\n" * 10, "import os\ndef main(): x", "def main(): x\ndef help(): x",
        "from ansible_collections.runbook.compose.plugins.modules.release import main as other\ndef main(): x",
        "from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.other import O\ndef main(): x",
    )],
    *[(document_violations, source) for source in (
        'RETURN = "{}"', (GOOD_DOCUMENTS % "{}").replace("{a: {}}", "{a: {}"), GOOD_DOCUMENTS.replace("module: x", "module: y") % "{}",
        GOOD_DOCUMENTS.replace("compose.stack", "compose.other") % "{}",
        GOOD_DOCUMENTS % "{a: {type: bool, suboptions: {b: {type: bool}, c: {type: bool}}}, d: {type: bool}}",
    )],
    (size_violations, "x\n" * 301),
    (function_violations, "def f():\n" + "    x\n" * 40),
    (function_violations, "class A:\n    def f(self, a, b, c, d, e, *, f): pass"),
    (header_violations, "# Copyright (c) 2026, somebody else"),
    *[(excuse_violations, f"x  # {excuse}") for excuse in ("no" + "qa", "pytest.mark.sk" + "ipif", "pytest.mark.xf" + "ail")],
]  # fmt: skip
GOOD = [
    (core_violations, "from __future__ import annotations\nfrom urllib.parse import urlsplit\nfrom .plan import Plan"),
    (adapter_violations, "import docker, os\nfrom ..._core.plan import Plan\nfrom ..files import read_text"),
    (module_violations, "from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.x import X\ndef main(): X()"),
    (document_violations, GOOD_DOCUMENTS % "{a: {type: bool}}"),
    (size_violations, "x\n" * 300),
    (function_violations, 'def f(self, a, b, c, d, e):\n    """Two\n    lines."""\n' + "    x\n" * 39),
]  # fmt: skip
PLACES = {rule: place for rule, unused, place in RULES}
CASES = [(rule, path) for rule, patterns, unused in RULES for path in files(*patterns)]


@pytest.mark.parametrize(("rule", "path"), CASES, ids=[f"{rule.__name__}:{path}" for rule, path in CASES])
def test_every_file_keeps_the_rule(rule, path):
    assert rule((ROOT / path).read_text(), path) == [], rule.__doc__


@pytest.mark.parametrize(("rule", "source"), BAD)
def test_every_rule_finds_what_breaks_it(rule, source):
    assert rule(source, PLACES[rule]) != []


@pytest.mark.parametrize(("rule", "source"), GOOD)
def test_no_rule_finds_fault_with_what_keeps_it(rule, source):
    assert rule(source, PLACES[rule]) == []


def test_every_rule_has_files_to_hold_for_and_a_sample():
    assert {rule for rule, *unused in CASES} == set(PLACES) == {rule for rule, *unused in BAD}


def test_the_action_group_is_the_list_of_modules():
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["stack"]
    assert group == [Path(path).stem for path in files(MODULES)]


def test_only_plugins_of_the_controller_and_the_glue_import_ansible():
    importing = {path for path in files(EVERY_PLUGIN) if any(within(name, "ansible") for name in imports((ROOT / path).read_text(), path))}
    places = {path.rsplit("/", 1)[0] for path in importing}
    assert places == {"plugins/callback", "plugins/module_utils/_ansible", "plugins/plugin_utils"}
