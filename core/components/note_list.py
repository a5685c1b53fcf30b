"""The notes of a session as a list: what each is on, in words, and search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.chains.branch import Branch
from core.chains.notes import Note
from core.chains.session import Session
from core.chains.tree import ForkTree
from core.components.words import token_label
from core.records import Problem


@dataclass(frozen=True, eq=False)
class ListedNote:
    """A note with what it is on.

    Attributes:
        tree: key of its tree in `Session.trees`; "" for a tree by itself.
        place: "b1 · #4 ␣Cuts", or "b1 · the chain".
    """

    tree: str
    problem: Problem
    branch: Branch
    note: Note
    place: str


def notes_of_tree(tree: ForkTree, key: str = "") -> list[ListedNote]:
    """The notes of one problem's chains, in the order of its branches."""
    listed = []
    for note in tree.notes:
        branch = tree.branch(note.branch)
        listed.append(ListedNote(key, tree.problem, branch, note, _place(branch, note.position)))
    return listed


def notes_of_session(session: Session) -> list[ListedNote]:
    """The notes of all problems' chains."""
    return [each for key, tree in list(session.trees.items()) for each in notes_of_tree(tree, key)]


def found_notes(notes: Iterable[ListedNote], query: str) -> Sequence[ListedNote]:
    """The notes that have every word of a query: in the text, the token, the branch's name, or the
    problem's id and question."""
    return [each for each in notes if has_words(_searched(each), query)]


def has_words(text: str, query: str) -> bool:
    """Whether every word of a query occurs in a text, in whatever case; true for no words."""
    lower = text.casefold()
    return all(word in lower for word in query.casefold().split())


def _place(branch: Branch, position: int | None) -> str:
    if position is None:
        return f"{branch.id} · the chain"
    return f"{branch.id} · #{position} {token_label(branch.chain, position)}"


def _searched(listed: ListedNote) -> str:
    problem = listed.problem
    said = (listed.note.text, listed.place, listed.branch.name, problem.id, problem.question)
    return "\n".join(said)
