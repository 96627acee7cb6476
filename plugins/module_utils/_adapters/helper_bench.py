# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper container that waits, and in which small programs are run one after the other."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Callable, List, Optional, Tuple, Type

from .._core.container_command import CommandRequest
from .._core.helper_container import HelperEnded, HelperFailed, HelperTask, Mount
from .engine import Engine
from .engine_exec import run_in_container
from .helper_container import HelperContainer

_TRIES, _PAUSE_SECONDS = 5, 0.2


class HelperBench:
    """Use it as a context. For programs that end at once: a file is moved, a few bytes are read."""

    def __init__(self, engine: Engine, stack: str, image: str, mounts: Tuple[Mount, ...], seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
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
        """Raises HelperFailed unless it ended well. What it wrote may be lost: see ``answer``."""
        ended = self.run(*argv)
        ended.require_success(argv[0])
        return ended.stdout

    def answer(self, *argv: str, whole: Callable[[str], bool] = lambda said: said.endswith("\n")) -> str:
        """What a program wrote that does nothing but look.

        The engine may lose what a program writes that ends at once (https://github.com/moby/moby/issues/27289), so it is asked again until it is whole.
        """
        for unused in range(_TRIES):
            said = self.must(*argv)
            if whole(said):
                return said
            time.sleep(_PAUSE_SECONDS)
        raise HelperFailed(f"What {argv[0]} says of {argv[-1]} does not arrive.", hint="Run again.", exit_code=0, stderr=[])

    def listed(self, directory: str) -> List[str]:
        """Names in a directory. It comes last itself, so that none is missing."""
        place = directory.rstrip("/")
        said = self.answer("find", "-H", place, "-depth", "-maxdepth", "1", whole=lambda said: said.splitlines()[-1:] == [place])
        return sorted(line[len(place) + 1 :] for line in said.splitlines()[:-1])

    def read(self, path: str, offset: int, count: int) -> bytes:
        """So many bytes of a file; raises HelperFailed for fewer."""
        for unused in range(_TRIES):
            said, wrong, code = self._execute(("dd", f"if={path}", "bs=1", f"skip={offset}", f"count={count}"))
            HelperEnded(code, False, "", wrong.decode(errors="replace")).require_success("dd")
            if len(said) == count:
                return said
            time.sleep(_PAUSE_SECONDS)
        raise HelperFailed(f"{path} has not {count} bytes at {offset}.", hint="Run again.", exit_code=0, stderr=[])

    def _execute(self, argv: Tuple[str, ...]) -> Tuple[bytes, bytes, int]:
        ended = run_in_container(self._engine, self._helper, CommandRequest("", argv, timeout=self._seconds))
        return ended.stdout.raw(), ended.stderr.raw(), -1 if ended.exit_code is None else ended.exit_code
