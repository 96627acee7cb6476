# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper container that waits, and in which small programs are run one after the other."""

from __future__ import annotations

from types import TracebackType
from typing import Optional, Tuple, Type

from .._core.helper_container import HelperEnded, HelperFailed, HelperTask, Mount
from .engine import Engine
from .helper_container import HelperContainer


class HelperBench:
    """Use it as a context. For programs that end at once: a file is moved, a few bytes are read."""

    def __init__(self, engine: Engine, stack: str, image: str, mounts: Tuple[Mount, ...], seconds: float) -> None:
        self._engine = engine
        # Should nobody come back to it, it ends by itself.
        self._helper = HelperContainer(engine, stack, image, HelperTask("bench", ("sleep", str(int(seconds) + 60)), mounts=mounts))

    def __enter__(self) -> "HelperBench":
        self._helper.__enter__()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._helper.__exit__(kind, error, trace)

    def run(self, *argv: str) -> HelperEnded:
        said, wrong, code = self._execute(argv)
        return HelperEnded(code, False, said.decode(errors="replace"), wrong.decode(errors="replace"))

    def must(self, *argv: str) -> str:
        """What it wrote; raises HelperFailed unless it ended well."""
        ended = self.run(*argv)
        ended.require_success(argv[0])
        return ended.stdout

    def read(self, path: str, offset: int, count: int) -> bytes:
        """So many bytes of a file; raises HelperFailed for fewer."""
        said, wrong, code = self._execute(("dd", f"if={path}", "bs=1", f"skip={offset}", f"count={count}"))
        HelperEnded(code, False, "", wrong.decode(errors="replace")).require_success("dd")
        if len(said) != count:
            raise HelperFailed(f"{path} has not {count} bytes at {offset}.", hint="Run again.", exit_code=0, stderr=[])
        return said

    def _execute(self, argv: Tuple[str, ...]) -> Tuple[bytes, bytes, int]:
        client = self._engine.client
        with self._engine.calling(f"run {argv[0]} in {self._helper.name}"):
            execution = client.exec_create(self._helper.id, list(argv))["Id"]
            said, wrong = client.exec_start(execution, demux=True)
            code = client.exec_inspect(execution)["ExitCode"]
        return said or b"", wrong or b"", -1 if code is None else int(code)
