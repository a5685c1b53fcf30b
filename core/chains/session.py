"""Sessions: a user's trees, one per problem, and form values, in one JSON file."""

from __future__ import annotations

import json
import math
import re
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.chains.tree import ForkTree
from core.errors import ResourceError, SessionError
from core.records import SCHEMA_VERSION, Problem, check_schema_version
from core.system.durable_files import replace_file
from core.system.json_text import json_text, json_with_list

_SESSION_ID = re.compile(r"[a-z0-9]{12}")

FormValue = None | bool | int | float | str | list[str]
"""The value of a form field."""


class Session:
    """Trees by problem, the key of the current one, and the values of the pages' forms.

    `form` maps field names to the values that the user set; each field validates its own value.
    """

    def __init__(self) -> None:
        self.form: dict[str, FormValue] = {}
        self.trees: dict[str, ForkTree] = {}
        self.current: str | None = None  # a key of trees

    @property
    def tree(self) -> ForkTree | None:
        """The current tree; None if there is none."""
        return None if self.current is None else self.trees[self.current]

    def open_problem(self, problem: Problem) -> ForkTree:
        """Make a problem's tree the current one; a new problem gets an empty tree."""
        key = json_text(asdict(problem))
        if key not in self.trees:
            self.trees[key] = ForkTree(problem)
        self.current = key
        return self.trees[key]

    @staticmethod
    def from_json(data: Any) -> Session:
        """Read what `dumps` wrote, given as JSON has it. Older files have no "form": all fields
        keep their defaults. Form values of an unknown type are dropped.

        Raises:
            SessionError: damaged, or written by a newer version.
        """
        check_schema_version(data, "session")
        if data.get("kind") != "session" or not isinstance(data.get("trees"), list):
            raise SessionError(
                "This is not a session file.", "Open a file that Save session wrote."
            )
        session = Session()
        for item in data["trees"]:
            tree = ForkTree.from_json(item)
            session.open_problem(tree.problem)
            assert session.current is not None
            session.trees[session.current] = tree
        current = data.get("current")
        keys = list(session.trees)
        if isinstance(current, int) and 0 <= current < len(keys):
            session.current = keys[current]
        session.form = _form(data.get("form"))
        return session

    def dumps(self) -> str:
        """The session file's text; a tree without branches is left out."""
        kept = {key: tree for key, tree in self.trees.items() if tree.branches}
        rest = {
            "schema_version": SCHEMA_VERSION,
            "kind": "session",
            "current": list(kept).index(self.current) if self.current in kept else None,
            "form": dict(self.form),
        }
        return json_with_list(rest, "trees", (tree.dumps() for tree in kept.values()))

    @staticmethod
    def loads(text: str | bytes) -> Session:
        """Read a session file's text.

        Raises:
            SessionError: not JSON, damaged, or written by a newer version.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SessionError(
                f"This is not a JSON file ({type(error).__name__}).",
                "Open a file that Save session wrote.",
            ) from error
        return Session.from_json(data)


class SessionFolder:
    """Sessions stored on disk under ids that can be part of a link."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    @staticmethod
    def new_id() -> str:
        """A random id that can't be guessed: the id alone grants access to a session."""
        alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
        return "".join(secrets.choice(alphabet) for _ in range(12))

    def save(self, session_id: str, session: Session) -> None:
        """Write a session atomically: a crash leaves the old file or the new one.

        Raises:
            ResourceError: the disk is full or can't be written.
        """
        path = self._path(session_id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, session.dumps().encode("utf-8"), private=True)
        except OSError as error:
            raise ResourceError(
                f"The session can't be stored on disk ({error.strerror}).",
                f"Free space in {path.parent}, or save the session to a file elsewhere.",
            ) from error

    def load(self, session_id: str) -> Session | None:
        """Load the session with an id; None if there is none.

        Raises:
            SessionError: damaged.
        """
        if not _SESSION_ID.fullmatch(session_id):
            return None
        path = self._path(session_id)
        return Session.loads(path.read_bytes()) if path.is_file() else None

    def _path(self, session_id: str) -> Path:
        if not _SESSION_ID.fullmatch(session_id):
            raise SessionError(f"{session_id!r} is not a session id.", "Open the app without it.")
        return self.path / f"{session_id}.json"


def _form(data: Any) -> dict[str, FormValue]:
    items = data.items() if isinstance(data, dict) else ()
    return {key: value for key, value in items if is_text(key) and _is_form_value(value)}


def _is_form_value(value: Any) -> bool:
    if isinstance(value, list):
        return all(is_text(each) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int) or is_text(value)


def is_text(value: Any) -> bool:
    """Whether a value is text without lone surrogates, which files and browsers can't hold."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)
