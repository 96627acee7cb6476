# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one task did on one host, read from the result that Ansible hands to its callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

OK = "ok"
CHANGED = "changed"
SKIPPED = "skipped"
FAILED = "failed"
RESCUED = "rescued"  # it failed, and a rescue section took over
IGNORED = "ignored"  # it failed, and the task is declared to be allowed to
UNREACHABLE = "unreachable"
STATUSES = (OK, CHANGED, SKIPPED, FAILED, RESCUED, IGNORED, UNREACHABLE)
TROUBLE = (FAILED, RESCUED, IGNORED, UNREACHABLE)

_COLLECTION = "runbook.compose."
_LONGEST_MESSAGE = 300
_LONGEST_TROUBLE = 2000
_MOST_ENTRIES = 100
_STDERR_LINES = 5


@dataclass(frozen=True)
class Outcome:
    """``reason`` is a stable code and set for trouble only; ``hidden`` says that ``no_log`` covers the result."""

    status: str
    reason: str = ""
    message: str = ""
    hidden: bool = False
    attempts: int = 1
    actions: Tuple[Dict[str, Any], ...] = ()
    probes: Tuple[Dict[str, Any], ...] = ()
    releases: Tuple[Dict[str, Any], ...] = ()


def read_outcome(status: str, action: str, result: Mapping[str, Any]) -> Outcome:
    """The outcome told by ``result``. Only modules of this collection are asked for actions, probes and releases."""
    parts = _items(result) or [result]
    ours = parts if action.startswith(_COLLECTION) else []
    telling = _telling_part(result, parts) if status in TROUBLE else result
    return Outcome(
        status=status,
        reason=_reason(status, telling),
        message=_message(status, telling),
        hidden="censored" in result,
        attempts=_whole_number(result.get("attempts"), 1),
        actions=tuple(entry for part in ours for entry in _actions(part))[:_MOST_ENTRIES],
        probes=tuple(entry for part in ours for entry in _probes(part))[:_MOST_ENTRIES],
        releases=tuple(_release(part["release"]) for part in ours if _is_release(part.get("release"))),
    )


def bounded(text: str, longest: int) -> str:
    """``text``, or its begin and a word about how much is left off."""
    return text if len(text) <= longest else f"{text[:longest].rstrip()} ... ({len(text) - longest} more characters)"


def _items(result: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    """The results of a loop's items; empty for a task without a loop."""
    results = result.get("results")
    return [item for item in results if isinstance(item, Mapping)] if isinstance(results, list) else []


def _telling_part(result: Mapping[str, Any], parts: List[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first item that went wrong, because the loop itself only says that one did."""
    return next((part for part in parts if part.get("failed") or part.get("unreachable")), result)


def _reason(status: str, result: Mapping[str, Any]) -> str:
    if status not in TROUBLE:
        return ""
    if status == UNREACHABLE:
        return UNREACHABLE
    reason = result.get("reason")
    return reason if isinstance(reason, str) and reason else FAILED


def _message(status: str, result: Mapping[str, Any]) -> str:
    message = result.get("msg", result.get("censored", ""))
    if isinstance(message, (list, tuple)):
        message = " ".join(str(part) for part in message)
    if not isinstance(message, str):
        return ""
    if status not in TROUBLE:
        return bounded(message.strip(), _LONGEST_MESSAGE)
    label = result.get("_ansible_item_label")
    prefix = f"(item {bounded(label, 80)}) " if isinstance(label, str) else ""
    last_words = _last_words(result)
    said = f"{message.strip().rstrip('.')}: {last_words}" if last_words else message.strip()
    return bounded(prefix + said, _LONGEST_TROUBLE)


def _last_words(result: Mapping[str, Any]) -> str:
    """The end of a failed command's standard error, which says more than its exit code."""
    stderr = result.get("stderr") or result.get("module_stderr")
    if not isinstance(stderr, str) or not stderr.strip():
        return ""
    return " | ".join(line.strip() for line in stderr.strip().splitlines()[-_STDERR_LINES:])


def _actions(result: Mapping[str, Any]) -> List[Dict[str, Any]]:
    actions = result.get("actions")
    return [dict(entry) for entry in actions if isinstance(entry, Mapping)] if isinstance(actions, list) else []


def _probes(result: Mapping[str, Any]) -> List[Dict[str, Any]]:
    probes = result.get("probes")
    if not isinstance(probes, list):
        return []
    kept = ("name", "verdict", "status", "latency_ms", "attempts", "message")
    return [
        {name: probe.get(name) for name in kept}
        for probe in probes
        if isinstance(probe, Mapping) and "verdict" in probe
    ]


def _is_release(value: Any) -> bool:
    return isinstance(value, Mapping) and "id" in value and "version" in value


def _release(entry: Mapping[str, Any]) -> Dict[str, Any]:
    images = entry.get("images")
    images = images if isinstance(images, Mapping) else {}
    return {
        "id": entry["id"],
        "version": entry["version"],
        "verdict": entry.get("verdict", ""),
        # A list, because a service may be called like a secret ("auth") and its image must stay readable.
        "images": [
            {"service": service, "image_id": image.get("id", "") if isinstance(image, Mapping) else str(image)}
            for service, image in sorted(images.items())
        ],
    }


def _whole_number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
