"""Shared by the whole server: loaded models and open sessions."""

from __future__ import annotations

import gc
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from core.chains.session import Session, SessionFolder
from core.decoding.shared_batch import SharedBatch
from core.errors import ResourceError, SessionError
from core.models.facts import ModelFacts, facts_of
from core.models.file_identity import files_identity
from core.models.language_model import LanguageModel, fetch_model, load_language_model
from core.models.spec import ModelSpec
from core.models.teacher import load_beside
from core.models.worker_reports import Report
from explorer.classroom.account import account_of
from explorer.classroom.here import classroom, sessions_here
from explorer.open_session import OpenSession
from explorer.tasks import NICENESS, Task

_SWITCH_INTERVAL = 0.0002  # seconds
_MODELS_KEPT = 2
_LATELY = 30.0  # seconds
_SESSIONS_KEPT = 200  # in memory; all of them stay on disk


class _Loaded(NamedTuple):
    """A model in memory, and what its files were when it was loaded."""

    lm: LanguageModel
    files: str


class Workbench:
    """One per server. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._models: OrderedDict[ModelSpec, _Loaded] = OrderedDict()
        self._facts: dict[ModelSpec, ModelFacts] = {}
        self._sessions: OrderedDict[str, OpenSession] = OrderedDict()

    def loaded(self, spec: ModelSpec) -> LanguageModel | None:
        """A model, if it is in memory and its files are those that it was loaded from."""
        with self._lock:
            if spec not in self._models:
                return None
        files = files_identity(spec)  # without the lock: a folder may be slow
        with self._lock:
            found = self._models.get(spec)
            if found is None:
                return None
            if found.files != files:  # such as an adapter trained anew
                self._drop(spec)
                return None
            self._models.move_to_end(spec)
            return found.lm

    def facts(self, spec: ModelSpec) -> ModelFacts | None:
        """Facts about a model, if it is in memory."""
        lm = self.loaded(spec)
        if lm is not None and spec not in self._facts:
            self._facts[spec] = facts_of(lm)
        return None if lm is None else self._facts[spec]

    def model(
        self,
        spec: ModelSpec,
        *,
        report: Report | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> LanguageModel:
        """A model, loaded if it isn't in memory; the least recently used one is dropped.

        Args:
            report: called with (bytes present, total) during a download.
            cancelled: checked during a download; True ends it.

        Raises:
            ModelError, ResourceError, DownloadCancelledError: as `fetch_model` and
                `load_language_model`.
        """
        _check_allowed(spec)
        lm = self.loaded(spec)
        if lm is not None:
            return lm
        files = fetch_model(spec, report=report, cancelled=cancelled)
        return self._loaded_by(spec, lambda: load_language_model(spec, files))

    def teacher(self, lm: LanguageModel, spec: ModelSpec) -> LanguageModel:
        """A model to compare `lm` with; shares its weights if only the adapter differs.

        Raises:
            ModelError, ResourceError: as `fetch_model` and `load_language_model`.
        """
        _check_allowed(spec)
        found = self.loaded(spec)
        if found is not None:
            return found
        files = fetch_model(spec)
        return self._loaded_by(spec, lambda: load_beside(lm, spec, files))

    def _loaded_by(self, spec: ModelSpec, load: Callable[[], LanguageModel]) -> LanguageModel:
        with self._loading:  # one at a time; loaded models don't wait for it
            lm = self.loaded(spec)
            if lm is not None:
                return lm
            self._make_room(_MODELS_KEPT - 1)
            files = files_identity(spec)  # before they are read: they may be written meanwhile
            try:
                lm = load()
            except ResourceError:
                if not self._make_room(0):
                    raise
                lm = load()  # with the memory of the others
            # A small model computes with one thread and leaves a processor to the pages.
            lm.joint = SharedBatch(NICENESS if lm.threads > 1 else 0)
            with self._lock:
                self._models[spec] = _Loaded(lm, files)
        return lm

    def _make_room(self, keep: int) -> bool:
        """Drop the least recently used models; True if there were any to drop."""
        with self._lock:
            gone = len(self._models) > keep
            while len(self._models) > keep:
                self._drop(next(iter(self._models)))
        return gone

    def _drop(self, spec: ModelSpec) -> None:
        del self._models[spec]
        self._facts.pop(spec, None)

    def warm_up(self, _: Task) -> None:
        """Load the model with which everyone begins."""
        self.model(first_model())
        # All threads wait while garbage is searched for. With the objects of torch and transformers
        # that takes half a second, so they are excluded.
        gc.collect()
        gc.freeze()

    def session(self, session_id: str, folders: Sequence[Path]) -> OpenSession | None:
        """A session that is open or on disk in one of these folders; None if it is in none.

        Args:
            folders: of the person who asks.

        Raises:
            SessionError: its file is damaged.
        """
        with self._lock:
            found = self._sessions.get(session_id)
            if found is not None and found.folder.path not in folders:
                return None
            for folder in map(SessionFolder, folders):
                if found is not None:
                    break
                stored = folder.load(session_id)
                if stored is not None:
                    found = self._admit(self._opened(session_id, stored, folder))
            if found is not None:
                self._sessions.move_to_end(session_id)
            return found

    def new_session(self, session: Session, folder: Path) -> OpenSession:
        """Open a session under a new id, to be kept in a folder."""
        opened = self._opened(SessionFolder.new_id(), session, SessionFolder(folder))
        with self._lock:
            return self._admit(opened)

    def others_at_work(self, session: OpenSession) -> int:
        """How many other sessions work, or began to in the last half minute."""
        with self._lock:
            tasks = [each.task for each in self._sessions.values() if each is not session]
        return sum(each is not None and (each.running or each.elapsed < _LATELY) for each in tasks)

    def _opened(self, session_id: str, session: Session, folder: SessionFolder) -> OpenSession:
        return OpenSession(session_id, session, folder, self.model, account_of(folder.path))

    def _admit(self, opened: OpenSession) -> OpenSession:
        self._sessions[opened.id] = opened
        idle = [key for key, each in self._sessions.items() if not each.busy]
        for key in idle[: max(0, len(self._sessions) - _SESSIONS_KEPT)]:
            del self._sessions[key]
        return opened


@st.cache_resource(show_spinner=False)
def workbench() -> Workbench:
    """The server's workbench; starts to load the demo model."""
    # A model's thread releases the interpreter at every tensor operation and then waits for the
    # page's thread: with Python's interval of 5 ms a token took half a second.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    bench = Workbench()
    Task("Loading the demo model", bench.warm_up)
    return bench


def first_model() -> ModelSpec:
    """The model with which everyone begins: the demo, or the first one of a class."""
    found = classroom()
    return ModelSpec() if found is None else ModelSpec(found.room.models[0])


def _check_allowed(spec: ModelSpec) -> None:
    found = classroom()
    if found is not None:
        found.room.check_model(spec)


def session_or_none(session_id: str) -> tuple[OpenSession | None, SessionError | None]:
    """A session by its id, or why it can't be opened."""
    try:
        return workbench().session(session_id, sessions_here()), None
    except SessionError as error:
        return None, error
