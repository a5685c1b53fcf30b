"""A problem's chains as a tree of forced branches, with undo and redo."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from core.chain_json import problem_from_dict
from core.chains.branch import Branch, check_family
from core.chains.findings import Findings
from core.chains.generation import check_position
from core.chains.notes import MAX_NOTES, Note, Place, damaged_notes, notes_from_json, tidy_note
from core.errors import NoteError, PositionError, SessionError
from core.records import Chain, Outcome, Problem, Verdict
from core.system.in_notebook import InNotebook
from core.system.json_text import json_text, json_with_list

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Selection:
    """The selected branch, and the selected position of its chain (None: no token)."""

    branch: str | None = None
    position: int | None = None


def _locked(method: Callable[Concatenate[ForkTree, _P], _R]) -> Callable[..., _R]:
    """Run a method under the tree's lock."""

    @functools.wraps(method)
    def change(self: ForkTree, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with self._lock:
            return method(self, *args, **kwargs)

    return change


@dataclass(frozen=True)
class _State:
    branches: tuple[Branch, ...] = ()
    selection: Selection = Selection()


class ForkTree(InNotebook):
    """The chains of one problem, with undo and redo. Thread-safe."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._state = _State()
        self._past: list[_State] = []
        self._future: list[_State] = []
        self._lock = threading.RLock()  # a worker thread adds branches while the user selects
        self._made = 0  # ids are never reused, even after an undo
        self._findings: dict[str, Findings] = {}
        self._notes: dict[Place, str] = {}
        self._texts: dict[str, tuple[Branch, str]] = {}  # the branches as they were last written

    @property
    def branches(self) -> tuple[Branch, ...]:
        """All branches, in order of creation."""
        return self._state.branches

    @property
    def selection(self) -> Selection:
        """The selected branch and position."""
        return self._state.selection

    @property
    def selected(self) -> Branch | None:
        """The selected branch; None in an empty tree."""
        branch = self._state.selection.branch
        return None if branch is None else self.branch(branch)

    def branch(self, branch_id: str) -> Branch:
        """The branch with an id.

        Raises:
            PositionError: no such branch.
        """
        for branch in self.branches:
            if branch.id == branch_id:
                return branch
        raise PositionError(
            f"This tree has no branch {branch_id!r}.", "Choose one that the tree shows."
        )

    def origin(self, branch_id: str, position: int) -> Branch:
        """The parent of a fork at a position: the branch itself, or the nearest ancestor that
        owns the token before the position. Another token at the position where a branch was forced
        therefore gives a sibling, not a child.

        Raises:
            PositionError: no such branch.
        """
        branch = self.branch(branch_id)
        while branch.position is not None and position <= branch.position:
            assert branch.parent is not None
            branch = self.branch(branch.parent)
        return branch

    def findings(self, branch_id: str) -> Findings:
        """The measurements on a branch, to be updated in place; not part of the undo history."""
        return self._findings.setdefault(branch_id, Findings())

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes on the branches there are: by branch, that on the chain before those on its
        tokens. Not part of the undo history: a branch that is undone and redone has its notes."""
        order = {branch.id: number for number, branch in enumerate(self.branches)}
        places = [place for place in self._notes if place[0] in order]
        places.sort(key=lambda each: (order[each[0]], -1 if each[1] is None else each[1]))
        return tuple(Note(*place, self._notes[place]) for place in places)

    def note(self, branch_id: str, position: int | None = None) -> str:
        """The note on a token of a branch, or on its chain; "" if there is none.

        Raises:
            PositionError: no such branch or position.
        """
        return self._notes.get(self._place(branch_id, position), "")

    def notes_on(self, branch_id: str) -> dict[int, str]:
        """The notes on the tokens of a branch, by position; also those on tokens that it shares
        with its parents.

        Raises:
            PositionError: no such branch.
        """
        branch = self.branch(branch_id)
        kept = list(self._notes.items())
        found: dict[int, str] = {}
        end = len(branch.chain)  # of the tokens that the branch shares with its child
        while True:
            begin = branch.position or 0
            for (owner, position), text in kept:
                if owner == branch.id and position is not None and begin <= position < end:
                    found[position] = text
            end = min(end, begin)
            if branch.parent is None:
                return dict(sorted(found.items()))
            branch = self.branch(branch.parent)

    @_locked
    def write_note(self, branch_id: str, text: str, position: int | None = None) -> None:
        """Write the note on a token of a branch, or on its chain, in place of what is there; ""
        removes it. A token that branches share has one note.

        Raises:
            PositionError: no such branch or position.
            NoteError: as `tidy_note`, or there are `MAX_NOTES` already.
        """
        place, tidy = self._place(branch_id, position), tidy_note(text)
        if not tidy:
            self._notes = {at: note for at, note in self._notes.items() if at != place}
            return
        if place not in self._notes and len(self._notes) >= MAX_NOTES:  # redo may show them all
            raise NoteError(
                f"These chains have {MAX_NOTES:,} notes already.", "Remove one that isn't needed."
            )
        self._notes = {**self._notes, place: tidy}  # a page may be reading the notes before

    def children(self, branch_id: str) -> tuple[Branch, ...]:
        """Branches whose parent is this one."""
        return tuple(branch for branch in self.branches if branch.parent == branch_id)

    def child_with(self, branch_id: str, token_ids: tuple[int, ...]) -> Branch | None:
        """The branch whose parent is this one and whose whole chain has these tokens, (T,); None if
        there is none."""
        found = (each for each in self.children(branch_id) if each.chain.token_ids == token_ids)
        return next(found, None)

    @_locked
    def add_root(self, chain: Chain, outcome: Outcome) -> Branch:
        """Add a chain generated from the prompt, and select it."""
        (branch,) = self._add([Branch(self._new_id(), chain, outcome)])
        return branch

    @_locked
    def add_branches(
        self, parent: str, position: int, results: Iterable[tuple[Chain, Outcome]]
    ) -> list[Branch]:
        """Add chains forced at a position of a branch, as one change; select the first.

        Raises:
            PositionError: no such branch or position.
        """
        check_position(self.branch(parent).chain, position)
        return self._add(
            [Branch(self._new_id(), chain, outcome, parent, position) for chain, outcome in results]
        )

    @_locked
    def rename(self, branch_id: str, name: str) -> None:
        """Give a branch a name; "" removes it."""
        self._replace(replace(self.branch(branch_id), name=name))

    @_locked
    def overrule(self, branch_id: str, verdict: Verdict | None) -> None:
        """Record a person's verdict on a branch beside the checker's; None removes it.

        Raises:
            PositionError: no such branch.
            SessionError: a verdict other than correct or wrong.
        """
        branch = self.branch(branch_id)
        outcome = branch.outcome.overrule(verdict)
        if outcome != branch.outcome:
            self._replace(replace(branch, outcome=outcome))

    @_locked
    def select(self, branch_id: str, position: int | None = None) -> None:
        """Select a branch and a position. Not part of the undo history.

        Raises:
            PositionError: no such branch or position.
        """
        branch = self.branch(branch_id)
        if position is not None:
            check_position(branch.chain, position)
        self._state = replace(self._state, selection=Selection(branch_id, position))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone change to redo."""
        return bool(self._future)

    @_locked
    def undo(self) -> None:
        """Undo the last change, if there is one."""
        if self._past:
            self._future.append(self._state)
            self._state = self._past.pop()

    @_locked
    def redo(self) -> None:
        """Redo the last undone change, if there is one."""
        if self._future:
            self._past.append(self._state)
            self._state = self._future.pop()

    @_locked
    def dumps(self) -> str:
        """Branches, what was found and noted on them, and the selection as compact JSON text,
        without the undo history. The text of a branch, which never changes, is made once: a session
        is saved after every click."""
        before, self._texts = self._texts, {}
        for branch in self.branches:
            known, text = before.get(branch.id, (None, ""))
            if known is not branch:
                text = json_text(branch.to_json(), compact=True)
            self._texts[branch.id] = branch, text
        rest = {
            "problem": self.problem.__dict__.copy(),
            "findings": {
                branch.id: self._findings[branch.id].to_json()
                for branch in self.branches
                if branch.id in self._findings
            },
            "notes": [note.to_json() for note in self.notes],
            "selected": {
                "branch": self.selection.branch,
                "position": self.selection.position,
            },
        }
        texts = (text for _, text in self._texts.values())
        return json_with_list(rest, "branches", texts)

    @staticmethod
    def from_json(data: Any) -> ForkTree:
        """Read what `dumps` wrote, given as JSON has it.

        Raises:
            SessionError: damaged.
        """
        try:
            tree = ForkTree(problem_from_dict(data["problem"]))
            branches = tuple(Branch.from_json(branch) for branch in data["branches"])
            numbers = [int(branch.id.removeprefix("b")) for branch in branches]
            tree._made = max(numbers, default=0)
            selected = Selection(data["selected"]["branch"], data["selected"]["position"])
            chains = {branch.id: branch.chain for branch in branches}
            tree._findings = {
                branch_id: Findings.from_json(found, chains[branch_id])
                for branch_id, found in data.get("findings", {}).items()
            }
            notes = notes_from_json(data.get("notes", []))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SessionError(
                f"A tree in this file is damaged ({type(error).__name__}: {error}).",
                "Open another copy of the file.",
            ) from error
        check_family(branches)
        tree._state = _State(branches)
        try:
            tree._notes = {tree._place(each.branch, each.position): each.text for each in notes}
        except PositionError as error:
            raise damaged_notes(error.what.removesuffix(".")) from error
        if selected.branch is not None:
            try:
                tree.select(selected.branch, selected.position)
            except (PositionError, TypeError) as error:
                raise SessionError(
                    f"The selection in this file is damaged ({error})",
                    "Open another copy of the file.",
                ) from error
        return tree

    def _add(self, branches: list[Branch]) -> list[Branch]:
        if branches:
            first = branches[0]
            position = first.position if first.position is not None else None
            self._change(_State((*self.branches, *branches), Selection(first.id, position)))
        return branches

    def _replace(self, branch: Branch) -> None:
        branches = tuple(branch if b.id == branch.id else b for b in self.branches)
        self._change(replace(self._state, branches=branches))

    def _change(self, state: _State) -> None:
        self._past.append(self._state)
        self._future.clear()
        self._state = state

    def _place(self, branch_id: str, position: int | None) -> Place:
        """Where a note is kept: a shared token's at the branch that wrote the token."""
        branch = self.branch(branch_id)
        if position is None:
            return branch.id, None
        check_position(branch.chain, position)
        return self.origin(branch_id, position + 1).id, position

    def _new_id(self) -> str:
        self._made += 1
        return f"b{self._made}"
