"""A session and its file, in which every change is saved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.chains.session import FormValue, Session, SessionFolder
from core.chains.tree import ForkTree
from core.errors import ExplorerError


class SavedSession:
    """A session that is saved after every change. Thread-safe."""

    def __init__(self, session_id: str, session: Session, folder: SessionFolder) -> None:
        self.id = session_id
        self.session = session
        self.folder = folder
        self.notice: ExplorerError | None = None
        self._lock = threading.RLock()
        self._together = 0  # blocks of `saved_once` at work
        self._unsaved = False  # whether anything was changed in them

    def keep_form(self, key: str, value: FormValue) -> None:
        """Keep the value of a form field, and save."""
        with self._lock:
            form = self.session.form
            if key not in form or form[key] != value:
                form[key] = value
                self.save()

    def forget_form(self, key: str) -> None:
        """Forget the value of a form field, and save."""
        with self._lock:
            if self.session.form.pop(key, None) is not None:
                self.save()

    def save(self) -> None:
        """Save the session to disk; a full disk is shown as a notice and doesn't raise."""
        with self._lock:
            if self._together:
                self._unsaved = True
                return
            self._unsaved = False
            try:
                self.folder.save(self.id, self.session)
            except ExplorerError as error:
                self.notice = error

    @contextmanager
    def saved_once(self) -> Iterator[None]:
        """Save the changes that are made inside together, at the end, if there are any."""
        with self._lock:
            self._together += 1
            try:
                yield
            finally:
                self._together -= 1
                if self._unsaved:
                    self.save()

    def keep(self, result: Callable[[], object]) -> None:
        """Add the result of work, and save."""
        with self._lock:
            result()
            self.save()

    def change(self, edit: Callable[[ForkTree], None]) -> None:
        """Edit the tree on screen (undo, rename, ...) and save."""
        with self._lock:
            self.notice = None
            if self.session.tree is not None:
                edit(self.session.tree)
                self.save()
