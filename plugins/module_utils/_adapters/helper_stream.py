# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams what a program of the server's image writes, through a named pipe, into a file of a backup."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Callable, List, Optional, Protocol, Sequence, Tuple

from .._core.backup_errors import BackupDisappointing
from .._core.backup_manifest import BackupFile
from .._core.helper_container import HelperEnded, Mount
from .archive_writer import ArchiveWriter, SpaceFloor
from .conveyor import Conveyor
from .fifo import FifoSink, FifoSource, make_fifo
from .helper_container import HelperContainer

INSIDE = "/out"
_PIPE, _COPY = "dump.pipe", "check.pipe"
_MOST_WARNINGS = 20


class HelperMaker(Protocol):
    """Makes helpers of a server's image; those that are not ``offline`` see what the producer needs."""

    def helper(self, purpose: str, argv: Sequence[str], mounts: Tuple[Mount, ...] = (), **environment: str) -> HelperContainer: ...

    def offline(self, purpose: str, argv: Sequence[str], mounts: Tuple[Mount, ...] = ()) -> HelperContainer: ...


@dataclass(frozen=True)
class StreamSettings:
    """Times in seconds. ``directory`` is where the file is written; private, and on the disk that has a floor."""

    directory: str
    recipients: Tuple[str, ...]
    floor: SpaceFloor
    timeout: float


@dataclass
class Streamed:
    """``beginning`` are the first bytes of what the program wrote."""

    file: BackupFile
    beginning: bytes
    warnings: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Producer:
    """A program that writes to ``pipe_inside``; ``reader`` is one that is given a copy of the stream, to read it to its end."""

    purpose: str
    argv: Sequence[str]
    kind: str
    file_name: str
    environment: Sequence[Tuple[str, str]] = ()
    reader: Tuple[str, ...] = ()


pipe_inside, copy_inside = f"{INSIDE}/{_PIPE}", f"{INSIDE}/{_COPY}"


class HelperStream:
    """Runs producers of one server, one after the other. ``on_piece`` is told the size of every piece, and may raise to end it all."""

    def __init__(self, client: HelperMaker, settings: StreamSettings, on_piece: Callable[[int], None]) -> None:
        self._client = client
        self._settings = settings
        self._on_piece = on_piece

    def run(self, producer: Producer, keep: int = 0) -> Streamed:
        """The file, once the producer, its reader, and every program on the way said that all went well. Keeps the first ``keep`` bytes."""
        deadline = time.monotonic() + self._settings.timeout
        with ExitStack() as stack:
            pipe = make_fifo(os.path.join(self._settings.directory, _PIPE))
            check = self._check(stack, producer, deadline)
            mounts = (Mount(self._settings.directory, INSIDE, writable=True),)
            helper = stack.enter_context(self._client.helper(producer.purpose, producer.argv, mounts, **dict(producer.environment)))
            source = stack.enter_context(FifoSource(pipe, lambda: _runs(helper), deadline))
            name = producer.file_name + (".age" if self._settings.recipients else "")
            path = os.path.join(self._settings.directory, name)
            writer = stack.enter_context(ArchiveWriter(path, self._settings.recipients, self._settings.floor, deadline))
            beginning = self._pump(source, writer, check, keep)
            ended = helper.wait(max(1.0, deadline - time.monotonic()))
            require_good(ended, producer.argv[0])
            if check is not None:
                check.require_read(producer)
            return Streamed(writer.finish(producer.kind), beginning, warnings_of(ended))

    def _check(self, stack: ExitStack, producer: Producer, deadline: float) -> "Optional[_Check]":
        if not producer.reader:
            return None
        path = make_fifo(os.path.join(self._settings.directory, _COPY))
        helper = self._client.offline(f"{producer.purpose}-check", producer.reader, (Mount(self._settings.directory, INSIDE),))
        sink = stack.enter_context(FifoSink(path, lambda: _runs(helper), deadline))
        belt = stack.enter_context(Conveyor(sink.write, deadline))
        return _Check(stack.enter_context(helper), sink, belt, deadline)  # the helper goes first, so that nothing waits for it

    def _pump(self, source: FifoSource, writer: ArchiveWriter, check: "Optional[_Check]", keep: int) -> bytes:
        beginning = b""
        while True:
            piece = source.read()
            if not piece:
                return beginning
            if len(beginning) < keep:
                beginning += piece[: keep - len(beginning)]
            writer.write(piece)
            if check is not None:
                check.belt.put(piece)
            self._on_piece(len(piece))


@dataclass(frozen=True)
class _Check:
    """A program that reads a copy of the stream."""

    helper: HelperContainer
    sink: FifoSink
    belt: Conveyor
    deadline: float

    def require_read(self, producer: Producer) -> None:
        self.belt.finish()
        self.sink.close()
        program = producer.reader[0]
        require_good(self.helper.wait(max(1.0, self.deadline - time.monotonic())), program)
        if self.sink.left_early:
            raise BackupDisappointing(
                f"{program} stopped before the end of what {producer.argv[0]} wrote. Nothing was published.", hint="Run again; report it when it stays so."
            )


def _runs(helper: HelperContainer) -> bool:
    return bool(helper.state().get("Running"))


def require_good(ended: HelperEnded, program: str) -> None:
    """The exit code, and no error among what it said: some versions of some programs ended with 0 all the same."""
    ended.require_success(program)
    errors = [line for line in ended.stderr.splitlines() if line.startswith(f"{program}: error:")]
    if errors:
        raise BackupDisappointing(f"{program} ended well, and said: {errors[0]}", hint="Look at the server's log.", stderr=errors[-5:])


def warnings_of(ended: HelperEnded) -> List[str]:
    return [line for line in ended.stderr.splitlines() if line.strip()][:_MOST_WARNINGS]
