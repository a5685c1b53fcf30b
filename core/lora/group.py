"""Processes that were launched together to train one adapter (`accelerate launch`, `torchrun`).

The main process works on the run. The others wait until it trains, train with it, and wait for its
end; they write nothing into the run's folder. What they say to each other outside the training
stands in the store that torch.distributed keeps for them:

    beat/R      a number that process R raises every second, so that the others know it is there
    train       the main process trains: on the processor ("cpu") or on GPUs ("cuda")
    failed/R    the error that ended process R, as JSON
    end         the exit code of the main process
    gone/R      process R has seen the end
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from core.errors import ExplorerError, ResourceError, RunError
from core.system.json_text import json_text
from core.system.launched import Launched

BEAT_SECONDS = 1.0
LOST_SECONDS = 60.0
"""Without a beat, until a process is given up."""

_AGAIN = (
    "Start all of them again with --run and --resume; if it happens again, check the memory of "
    "their machines."
)
_GRACE = 10.0  # seconds in which a training that lost a process ends by itself
_CHECKED = 5.0  # seconds in which a process that is there beats
_STARTING = 600.0  # seconds until the first beat
_FOREVER = timedelta(days=7)  # others wait while the main process evaluates

GiveUp = Callable[[ExplorerError], None]


class Group:
    """The processes that were launched together, as one of them sees them.

    Args:
        me: this process.
        store: that all of them share.
        lost_after: seconds without a beat, until a process is given up.
        grace: seconds in which a training that lost a process ends by itself.
    """

    def __init__(
        self,
        me: Launched,
        store: Store,
        *,
        lost_after: float = LOST_SECONDS,
        grace: float = _GRACE,
    ) -> None:
        self.me = me
        self._store, self._lost_after, self._grace = store, lost_after, grace
        self._lock = threading.Lock()  # of the store: a call of another thread would block it
        self._closed = threading.Event()
        self._give_up: GiveUp | None = None
        self.lost: ExplorerError | None = None  # why the others can't be counted on any more
        self._set(f"host/{me.rank}", socket.gethostname())
        self._beat = 0
        self._seen = {rank: (b"", time.monotonic()) for rank in self._watched}
        self._thread = threading.Thread(target=self._watch, name="processes", daemon=True)
        self._thread.start()

    # ---- what the processes say to each other

    def start_training(self, device: str) -> None:
        """Join the others for a training; the main process calls them first.

        Args:
            device: type of the device, "cpu" or "cuda".
        """
        if self.me.is_main:
            self._set("train", device)
        if not dist.is_initialized():
            dist.init_process_group(
                "nccl" if device == "cuda" else "gloo",
                store=PrefixStore("training", self._store.clone()),  # type: ignore[attr-defined]
                rank=self.me.rank,
                world_size=self.me.size,
                timeout=_FOREVER,
            )

    @property
    def called_to_train(self) -> str | None:
        """The type of the device to train on, once the main process trains."""
        return self._get("train")

    @property
    def end(self) -> int | None:
        """The exit code of the main process, once it ends."""
        found = self._get("end")
        return None if found is None else int(found)

    def fail(self, error: ExplorerError) -> None:
        """Say which error ends this process."""
        words = json_text({"what": error.what, "remedy": error.remedy})
        self._set(f"failed/{self.me.rank}", words)

    @contextmanager
    def watched(self, give_up: GiveUp) -> Iterator[None]:
        """Call `give_up` from another thread where a process is lost and this one doesn't end by
        itself: on GPUs it may wait for the lost one for good. Where the main process has ended,
        one that doesn't ends with its exit code."""
        self._give_up = give_up
        try:
            yield
        finally:
            self._give_up = None

    def why_it_broke(self) -> ExplorerError | None:
        """Why the work in common broke off, if another process is to blame. Takes some seconds
        where that isn't known yet."""
        silent = {rank: self._get(f"beat/{rank}") for rank in self._watched}
        until = time.monotonic() + _CHECKED
        while silent and time.monotonic() < until and self.lost is None and self.end is None:
            self.lost = self._error_of_another()
            silent = {
                rank: beat for rank, beat in silent.items() if self._get(f"beat/{rank}") == beat
            }
            time.sleep(BEAT_SECONDS / 5)
        if silent and self.lost is None and self.end is None:
            self.lost = self._gone(next(iter(silent)))
        return self.lost

    def close(self, code: int) -> None:
        """End the work in common; the main process tells the others its exit code."""
        if self.me.is_main:
            self._set("end", str(code))
            until = time.monotonic() + self._grace
            others = [f"gone/{rank}" for rank in self._watched]
            while self.lost is None and time.monotonic() < until and not self._has(*others):
                time.sleep(0.1)
        else:
            self._set(f"gone/{self.me.rank}", "")
        self._closed.set()
        self._thread.join(self._grace)
        if dist.is_initialized() and self.lost is None:
            with contextlib.suppress(RuntimeError):
                dist.destroy_process_group()

    # ---- who is there

    @property
    def _watched(self) -> list[int]:
        """The main process looks after all, the others after the main process."""
        return list(range(1, self.me.size)) if self.me.is_main else [0]

    def _watch(self) -> None:
        lost_at = 0.0
        while not self._closed.wait(BEAT_SECONDS):
            self._beat += 1
            self._set(f"beat/{self.me.rank}", str(self._beat))
            if self.lost is None:
                self.lost = self._error_of_another() or self._silent()
            if self.end is None and self.lost is None:
                lost_at = time.monotonic()
            elif time.monotonic() - lost_at > self._grace and self._give_up is not None:
                if self.lost is None:
                    os._exit(self.end or 0)
                self._give_up(self.lost)

    def _error_of_another(self) -> ExplorerError | None:
        for rank in self._watched:
            found = self._get(f"failed/{rank}")
            if found is not None:
                words = json.loads(found)
                return ResourceError(f"{self._name(rank)}: {words['what']}", words["remedy"])
        return None

    def _silent(self) -> ExplorerError | None:
        now = time.monotonic()
        for rank, (value, since) in self._seen.items():
            beat = (self._get(f"beat/{rank}") or "").encode()
            if beat != value:
                self._seen[rank] = beat, now
            elif now - since > (self._lost_after if value else _STARTING) and not self._has(
                f"gone/{rank}"
            ):
                return self._gone(rank)
        return None

    def _gone(self, rank: int) -> ExplorerError:
        return ResourceError(
            f"{self._name(rank)} has ended or doesn't answer.",
            _AGAIN,
        )

    def _name(self, rank: int) -> str:
        host = self._get(f"host/{rank}")
        return f"Process {rank} of {self.me.size}" + ("" if host is None else f" on {host}")

    # ---- the store

    def _has(self, *keys: str) -> bool:
        there = False
        with self._reached():
            there = bool(self._store.check(list(keys)))
        return there

    def _get(self, key: str) -> str | None:
        found: str | None = None
        with self._reached():
            found = self._store.get(key).decode() if self._store.check([key]) else None
        return found

    def _set(self, key: str, value: str) -> None:
        with self._reached():
            self._store.set(key, value)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Where the store can't be reached any more, the others are lost."""
        try:
            with self._lock:
                yield
        except RuntimeError:
            self.lost = self.lost or ResourceError(
                "The processes that were launched together can't reach each other any more.", _AGAIN
            )


_current: Group | None = None


def current_group() -> Group | None:
    """The processes that this one was launched with; None for one alone."""
    return _current


def join_group(me: Launched) -> Group:
    """Find the other processes; this process is one of them until it ends.

    Raises:
        RunError: the main process can't be reached.
    """
    global _current
    try:
        store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=_STARTING)))
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise RunError(
            f"The {me.size} processes that were launched together don't find each other at "
            f"{where} ({' '.join(str(error).split())[:200]}).",
            "Start all of them, with the address and a free port of the first machine.",
        ) from error
    if me.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(me.local_rank)  # what "cuda" means from now on
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    _current = Group(me, PrefixStore(f"fork-explorer/{start}", store))
    return _current


def end_at_once(error: ExplorerError) -> NoReturn:
    """What a process that only helps does where the main thread can't be woken."""
    print(f"fork-explorer: {error}", file=sys.stderr, flush=True)
    os._exit(2)
