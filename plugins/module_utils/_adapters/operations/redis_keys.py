# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists keys of a Redis database, deletes them, gives them an expiry, or empties the database but for what is protected."""

from __future__ import annotations

import random
import time
from typing import Any, Callable, Dict, List, Mapping, Protocol

from ..._core.errors import OperationError
from ..._core.plan import Plan
from ..._core.redis_key_plan import Tally, done_facts, plan_keys, require_few
from ..._core.redis_key_protected import Once, protected_rows, require_protected
from ..._core.redis_key_request import ALL, EXPIRING, FLUSHED, FOUND, LISTED, NAMES, Protection, Selection, check_flush, check_numbers
from ..progress_file import ProgressFile
from ..redis_key_ranking import KeyRanking
from ..redis_key_sample import KeySampler, Sample, Wanted
from ..redis_key_walk import Batch, KeyWalk, Meant
from ..redis_stall import StallWatch
from ..redis_target import RedisTarget

_WEIGHED = 100  # keys whose memory is asked for, to estimate that of all
_SHORTER_ONLY = "LT"  # since 7.0: the server itself never makes an expiry later


class Host(Protocol):
    check_mode: bool

    def warn(self, message: str) -> None: ...


class RedisKeys:
    """Which keys, and what becomes of them."""

    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self._params = params
        self._host = host
        self._state = params["state"]
        self._database = params["database"] or 0
        self._selection = Selection.from_params(params)
        self._protection = Protection() if self._state == LISTED else Protection.from_params(params)
        self._protection.require_some_free(self._selection)
        self._target = RedisTarget.from_params(params)
        self._until = time.monotonic() + params["timeout"]
        self._tally, self._sample = Tally(), Sample()
        self._touched, self._anew = 0, 0
        self._counted_all = True
        ordered = params["order"] != FOUND and params["sample_size"] > 0
        self._ranking = KeyRanking(params["order"], params["order_by"], params["sample_size"]) if ordered else None
        self._facts: Dict[str, Any] = {"database": self._database}

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "RedisKeys":
        check_numbers(params)
        check_flush(params)
        return cls(params, host)

    def plan(self) -> Plan:
        # Kept for apply: as long as it lives, it is the same server.
        self._session = self._target.open(self._database)
        if self._state != LISTED:
            self._target.require_primary(self._session)
        keys = self._session.command("DBSIZE")
        walk = self._look(enough=self._enough(keys))
        if self._state not in (LISTED, FLUSHED):
            require_few(self._tally, self._selection, self._params["max_keys"])
        sampler = KeySampler(self._session, Wanted(self._params["sample_size"], self._params["max_elements"], self._params["show_values"]))
        self._sample = sampler.look(self._tally.first, self._tally.chosen)
        if self._ranking:
            self._sample.rows = self._ranking.describe(sampler).rows
            self._facts["without_number"] = self._ranking.without
        self._facts.update(self._sampled(), keys_before=keys, keys_after=keys, batches=walk.pace.batches, largest_batch=walk.pace.largest)
        for what, refusal in self._sample.refused.items():
            self._host.warn(f"Not told of single keys: {what}. {refusal}")
        self._facts["protected"] = protected_rows(self._tally.protected, None) if self._counts_protected else []
        return plan_keys(self._state, self._selection, self._tally, {**self._facts, "counted_all": self._counted_all, "spread": self._params["spread"]})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        with self._session:
            if not plan.changed:
                return {}
            self._target.note("redis_keys_begun", **self._named())
            try:
                with StallWatch(self._target) as stall, self._progress() as progress:
                    walk = self._work(progress)
                    self._facts["keys_after"] = self._session.command("DBSIZE")
            except OperationError as error:
                raise self._failed(error) from error
            finally:
                self._target.note("redis_keys_ended", **self._named(touched=self._touched))
        if self._anew:
            self._host.warn(f"{self._anew} keys that match were made meanwhile and are there now. Something goes on writing them.")
        done = {"deleted": 0, "expiring": 0, "expiring" if self._state == EXPIRING else "deleted": self._touched}
        told = {"came_anew": self._anew, "longest_stall_ms": stall.longest_ms, "batches": walk.pace.batches, "largest_batch": walk.pace.largest}
        return done_facts(self._state, self._selection, self._tally, {**self._facts, **done, **told})

    def _work(self, progress: ProgressFile) -> KeyWalk:
        """Does it, and then looks whether it is done."""
        progress.begin("expiring" if self._state == EXPIRING else "deleting", self._tally.chosen if self._counted_all else None)
        walk, before, expired = self._walk(), self._tally.protected, self._expired()
        if self._state == FLUSHED and not self._protection.prefixes:
            self._touched = self._session.command("DBSIZE")
            walk.ask([("FLUSHDB", "ASYNC")])
            self._tally.chosen = self._touched
        else:
            self._tally = Tally(first=self._tally.first)
            for batch in walk.batches():
                self._count(batch)
                if batch.chosen:
                    self._touched += self._touch(walk, batch.chosen)
                    progress.moved(len(batch.chosen))
        progress.begin("proving")
        after = Tally()
        for batch in self._walk().batches():
            self._anew += len(batch.chosen)
            after.add_protected(self._protection.count(self._once.new(batch.protected)))
        if self._counts_protected:
            self._facts["protected"] = protected_rows(before, after.protected)
            require_protected(self._facts["protected"], self._expired() - expired)
        return walk

    def _expired(self) -> int:
        """How many keys the server has let go since its start."""
        return int(self._session.info("stats").get("expired_keys", "0"))

    def _touch(self, walk: KeyWalk, keys: List[bytes]) -> int:
        """How many there were of them."""
        if self._state != EXPIRING:
            return walk.ask([("UNLINK", *keys)])[0]
        latest, shorter = self._params["spread"] * 1000, (_SHORTER_ONLY,) if self._knows_shorter() else ()
        return sum(walk.ask([("PEXPIRE", key, random.randint(1, latest), *shorter) for key in keys]))

    def _knows_shorter(self) -> bool:
        return int(self._session.info("server").get("redis_version", "0").split(".", 1)[0]) >= 7

    def _look(self, enough: Callable[[], bool]) -> KeyWalk:
        """Counts, and keeps the first ones for the sample."""
        walk = self._walk()
        for batch in walk.batches():
            self._count(batch)
            room = max(_WEIGHED, self._params["sample_size"]) - len(self._tally.first)
            self._tally.first += batch.chosen[:room]
            if self._ranking:
                self._ranking.add(walk, batch.chosen)
            if enough():
                self._counted_all = False
                break
        return walk

    def _count(self, batch: Batch) -> None:
        self._tally.chosen += len(batch.chosen)
        self._tally.expiring_already += batch.expiring_already
        self._tally.add_protected(self._protection.count(self._once.new(batch.protected)))
        self._tally.missing += batch.missing
        if self._state == LISTED and self._selection.kind != NAMES:
            self._tally.add_prefixes(batch.chosen, len(self._selection.prefix))

    def _enough(self, keys: int) -> Callable[[], bool]:
        """The pass that deletes counts as well; before it, all are counted only when somebody asks for the number, or it could be too large."""
        counts = self._host.check_mode or self._state == LISTED or self._counts_protected or (self._state != FLUSHED and keys > self._params["max_keys"])
        return (lambda: False) if counts else (lambda: len(self._tally.first) >= _WEIGHED)

    @property
    def _counts_protected(self) -> bool:
        """Before anything is deleted: while it is, the server shows keys twice."""
        return self._state == FLUSHED and bool(self._protection.prefixes)

    def _walk(self) -> KeyWalk:
        """A pass of its own."""
        self._once = Once()
        soon = self._params["spread"] * 1000 if self._state == EXPIRING else None
        return KeyWalk(self._session, Meant(self._selection, self._protection, soon), self._until)

    def _progress(self) -> ProgressFile:
        subject = ALL if self._selection.kind == ALL else self._selection.kind
        return ProgressFile(self._target.stack, "redis_keys", f"{self._database}-{subject}", unit="keys")

    def _failed(self, error: OperationError) -> OperationError:
        """With what was done until then; and when the server went, that is what is told."""
        cause = self._target.explained(error) or error
        done = "given an expiry" if self._state == EXPIRING else "deleted"
        cause.hint = f"{self._touched} keys were {done} before. {cause.hint}".strip()
        cause.details.update(deleted=self._touched if done == "deleted" else 0, expiring=0 if done == "deleted" else self._touched)
        return cause

    def _sampled(self) -> Dict[str, Any]:
        return {"bytes": self._sample.bytes_of_all, "bytes_sampled": self._sample.measured, "sample": self._sample.rows}

    def _named(self, **facts: Any) -> Dict[str, Any]:
        return {"state": self._state, "database": self._database, "selection": str(self._selection), **facts}
