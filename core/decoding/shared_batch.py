"""One running batch for all threads that decode with a model, instead of a lock to wait for.

A request joins at the next step and leaves when its rows have ended. Each thread makes the calls
of its own request, so that one that is slow there, cancels or fails costs the others nothing; a
thread of the batch's own steps the model while there are rows.

Requests of few rows, for whose tokens a person waits, go first: beside them, long work gets a few
rows a step, shared evenly; its other rows keep their places and wait.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import torch

from core.decoding.batch import Batch, Request, Slot, out_of_memory
from core.decoding.prefill import left_to_read, read_piece
from core.decoding.rows import Decoded
from core.models.memory import is_out_of_memory
from core.records import TokenStatistics

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

NARROW = 8
"""Most rows of a request that goes first."""

BESIDE = 8
"""Rows of long work a step, where there are requests that go first."""

_MOST = 64  # rows of requests that go first; further ones wait
_ADMITTING = 0.1  # seconds a step for reading prompts of newcomers, which the others wait for
_PIECE = 64  # tokens of a longer prompt, read between two steps
_PATIENCE = 0.3  # seconds between polls of `cancel` by a request that has not joined yet

_Call = Callable[[], None]


class SharedBatch:
    """The running batch of one model.

    Args:
        niceness: of the thread that steps it (Unix), so that others stay responsive.
    """

    def __init__(self, niceness: int = 0) -> None:
        self._niceness = niceness
        self._guard = threading.Lock()
        self._joining: list[_Member] = []
        self._driven = False

    def carry_out(
        self, lm: LanguageModel, request: Request, size: int, cancel: Callable[[], bool]
    ) -> None:
        """Decode a request in the batch; its calls are made in this thread.

        Args:
            lm: the model, always the same.
            request: whose calls become those of the batch.
            size: most of its rows at once.
            cancel: polled after every step of its rows; when true, they end as they are.

        Raises:
            ModelError, ResourceError: as `core.decoding.loop.decode`, for this request alone.
        """
        member = _Member(request, size)
        with self._guard:
            self._joining.append(member)
            if not self._driven:
                self._driven = True
                threading.Thread(
                    target=self._drive, args=(lm,), name="shared batch", daemon=True
                ).start()
        member.follow(cancel)

    def _drive(self, lm: LanguageModel) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        round_of = _Rounds(lm)
        while True:
            with self._guard:
                round_of.members += self._joining
                self._joining.clear()
                if not round_of.members:
                    self._driven = False
                    return
            try:
                with lm.lock, torch.inference_mode():
                    lm.use_threads()
                    round_of.next()
            except BaseException as error:  # a fault of the whole batch: whoever waits hears of it
                for member in round_of.members:
                    member.fail(error)
                round_of = _Rounds(lm)


class _Member:
    """A request in the batch, and its thread."""

    def __init__(self, request: Request, size: int) -> None:
        self.request, self.size = request, size
        self.narrow = len(request.waiting) <= NARROW
        self.joined = False  # its rows are in the batch
        self.cancelled = False
        self.gone = False  # its thread has left with an error of its own
        self._on_step, self._on_row = request.on_step, request.on_row
        self._news: list[_Call] = []
        self._messages: SimpleQueue[tuple[list[_Call], bool] | BaseException] = SimpleQueue()
        if self._on_step is not None:
            request.on_step = self._token
        request.on_row = self._row

    def follow(self, cancel: Callable[[], bool]) -> None:
        """Make the calls of the request until its end: in its own thread."""
        try:
            self.cancelled = cancel()
            ended = False
            while not ended:
                try:
                    message = self._messages.get(timeout=_PATIENCE)
                except Empty:
                    self.cancelled = self.cancelled or (not self.joined and cancel())
                    continue
                if isinstance(message, BaseException):
                    raise message
                calls, ended = message
                for call in calls:
                    call()
                self.cancelled = cancel() or self.cancelled
        except BaseException:
            self.gone = True
            raise

    def tell(self) -> None:
        """Let its thread know of a step."""
        news, self._news = self._news, []
        self._messages.put((news, self.request.has_ended))

    def fail(self, error: BaseException) -> None:
        """End it with an error."""
        self._messages.put(error)

    def _token(self, index: int, token_id: int, statistics: TokenStatistics) -> None:
        assert self._on_step is not None
        self._news.append(partial(self._on_step, index, token_id, statistics))

    def _row(self, index: int, decoded: Decoded) -> None:
        self._news.append(partial(self._on_row, index, decoded))


class _Rounds:
    """The steps of the batch, in its own thread, which holds the model's lock."""

    def __init__(self, lm: LanguageModel) -> None:
        self.members: list[_Member] = []  # in the order in which they came
        self._lm = lm
        self._batch: Batch | None = None
        self._reading: _Member | None = None  # whose prompt is read in pieces

    def next(self) -> None:
        """Admit who waits, and give the rows whose turn it is one token more."""
        if self._batch is None:  # as large as the first request needs it: it may stay alone
            first = self.members[0]
            self._batch = Batch(self._lm, first.size, first.request.capacity)
        self._leave(self._batch)
        self._admit(self._batch)
        self._step(self._batch)
        if not self.members:
            self._batch = None  # with its memory

    def _leave(self, batch: Batch) -> None:
        for member in list(self.members):
            if member.gone:
                batch.drop(member.request)
                self.members.remove(member)
            elif member.cancelled:
                batch.cancel(member.request)
                self._tell(member)

    def _admit(self, batch: Batch) -> None:
        began = time.monotonic()
        narrow = [member for member in self.members if member.narrow]
        for member in narrow:
            room = min(member.size, _MOST - sum(each.request.active for each in narrow))
            if member.request.waiting and room > member.request.active:
                if batch.slots and time.monotonic() - began > _ADMITTING:
                    return
                self._join(batch, member, room - member.request.active)
        wide = [member for member in self.members if not member.narrow]
        for member in wide:
            most = BESIDE if narrow else member.size
            room = min(max(most // len(wide), 1), member.size) - member.request.active
            if member.request.waiting and room > 0:
                if batch.slots and time.monotonic() - began > _ADMITTING:
                    return
                self._join(batch, member, room)

    def _is_read(self, member: _Member) -> bool:
        """Whether little is left to read of what its rows begin with; else reads a piece of it. One
        prompt after the other is read in pieces: the store may not have room for two."""
        rows = [row for _, row in member.request.waiting]
        ids = max(((*row.prompt_ids, *row.completion_ids) for row in rows), key=len)[:-1]
        if left_to_read(ids, member.request.store) <= _PIECE:
            return True
        before = self._reading
        if before is None or before not in self.members or (member.narrow and not before.narrow):
            self._reading = member
        if self._reading is member:
            read_piece(self._lm, ids, member.request.store, _PIECE)
        return False

    def _join(self, batch: Batch, member: _Member, rows: int) -> None:
        """Let rows of a request into the batch. Beside others, a long prompt is read in pieces
        first: one a step."""
        try:
            if batch.slots and self._lm.shares_prefixes and not self._is_read(member):
                return
            if self._reading is member:
                self._reading = None
            member.joined = True
            batch.admit(member.request, rows)
        except Exception as error:
            self._end(batch, member, error)
            return
        if member.request.has_ended:  # rows that had no room for a token
            self._tell(member)

    def _step(self, batch: Batch) -> None:
        if not batch.slots:
            return
        rows = self._whose_turn(batch)
        batch.bring_first(rows)
        stepped = {id(slot.request) for slot in rows}
        try:
            batch.step(len(rows))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._end(batch, max(self.members, key=lambda each: each.request.active), error)
            return
        for member in list(self.members):
            if member.request.error is not None:
                self._end(batch, member, member.request.error)
            elif id(member.request) in stepped:
                self._tell(member)

    def _whose_turn(self, batch: Batch) -> list[Slot]:
        """The rows of the next step: all, or a few of each long work beside those that go first."""
        wide = {id(member.request) for member in self.members if not member.narrow}
        if len(wide) in (0, len(self.members)):
            return batch.slots
        share = max(BESIDE // len(wide), 1)
        taken = dict.fromkeys(wide, 0)
        rows = []
        for slot in batch.slots:  # those of the last step are the first
            key = id(slot.request)
            if key not in taken:
                rows.append(slot)
            elif taken[key] < share:
                taken[key] += 1
                rows.append(slot)
        return rows

    def _tell(self, member: _Member) -> None:
        if member.request.has_ended:
            self.members.remove(member)
        member.tell()

    def _end(self, batch: Batch, member: _Member, error: Exception) -> None:
        """End one request with an error; the others go on."""
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            self._lm.prefixes.clear()
            error = out_of_memory(max(len(batch.slots), 1))
        self.members.remove(member)
        member.fail(error)  # first: it would wait for ever if the restart failed, too
        batch.restart(member.request)
