"""What the documentation of a module says that it returns, as if it had returned it."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.modules import ROOT


def documented_sample(module: str) -> dict[str, Any]:
    """The samples of RETURN, put together where a value is described by its parts."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
    return {name: _sample(told) for name, told in yaml.safe_load(text.split('RETURN = r"""')[1].split('"""')[0]).items()}


def undocumented(returned: Any, sample: Any, place: str = "") -> list[str]:
    """Names that are returned and not in the sample, or the other way round; empty lists and dictionaries tell nothing."""
    if isinstance(returned, list) and isinstance(sample, list) and returned and sample:
        return undocumented(returned[0], sample[0], f"{place}[]")
    if not (isinstance(returned, dict) and isinstance(sample, dict) and returned and sample):
        return []
    found = [f"{place}.{name}" for name in returned.keys() ^ sample.keys()]
    return found + [more for name in returned.keys() & sample.keys() for more in undocumented(returned[name], sample[name], f"{place}.{name}")]


def _sample(told: dict[str, Any]) -> Any:
    parts = {name: _sample(part) for name, part in told.get("contains", {}).items()}
    if parts:
        return [parts] if told["type"] == "list" else parts
    return told.get("sample")
