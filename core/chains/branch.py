"""One chain of a tree: a root, or a branch that left its parent where tokens were forced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.chain_json import chain_from_json, chain_to_json
from core.errors import SessionError
from core.records import Chain, Outcome
from core.system.in_notebook import InNotebook


@dataclass(frozen=True)
class Branch(InNotebook):
    """A chain in the tree. A root has no parent; other branches left theirs at `position`."""

    id: str
    chain: Chain
    outcome: Outcome
    parent: str | None = None
    position: int | None = None
    name: str = ""

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The tokens forced at `position`, one or those of a phrase; empty for a root.

        A later fork makes a branch of its own, so the tokens marked as forced that follow each
        other from `position` on are those of this branch.
        """
        if self.position is None:
            return ()
        end = self.position
        while end < len(self.chain) and self.chain.forced[end]:
            end += 1
        return self.chain.token_ids[self.position : max(end, self.position + 1)]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "id": self.id,
            "parent": self.parent,
            "position": self.position,
            "name": self.name,
            "chain": chain_to_json(self.chain, self.outcome),
        }

    @staticmethod
    def from_json(data: Any) -> Branch:
        """Read what `to_json` wrote.

        Raises:
            SessionError: not a branch.
        """
        try:
            chain, outcome = chain_from_json(data["chain"])
            if outcome is None:
                raise KeyError("verdict")
            branch = Branch(
                id=data["id"],
                chain=chain,
                outcome=outcome,
                parent=data["parent"],
                position=data["position"],
                name=data["name"],
            )
            for text in (branch.id, branch.name, branch.parent, outcome.answer):
                if text is not None:
                    text.encode("utf-8")  # a lone surrogate could not be saved again
            return branch
        except (KeyError, TypeError, AttributeError, UnicodeEncodeError) as error:
            raise SessionError(
                f"A branch in this file is damaged ({type(error).__name__}: {error}).",
                "Open another copy of the file.",
            ) from error


def first_difference(a: Chain, b: Chain) -> int | None:
    """The first position where two chains differ; None if they are equal."""
    for position, (x, y) in enumerate(zip(a.token_ids, b.token_ids, strict=False)):
        if x != y:
            return position
    return None if len(a) == len(b) else min(len(a), len(b))


def check_family(branches: tuple[Branch, ...]) -> None:
    """Reject a tree with duplicate ids, or with a branch that comes before its parent.

    Raises:
        SessionError: it is such a tree.
    """
    seen: dict[str, Branch] = {}
    for branch in branches:
        orphan = branch.parent is not None and branch.parent not in seen
        if branch.id in seen or orphan or (branch.parent is None) != (branch.position is None):
            raise SessionError(
                f"The branch {branch.id} in this file does not fit into the tree.",
                "Open another copy of the file.",
            )
        if branch.parent is not None:
            parent = seen[branch.parent].chain
            own = len(branch.chain)
            if not isinstance(branch.position, int) or not (
                0 <= branch.position < min(len(parent), own)
            ):
                raise SessionError(
                    f"The branch {branch.id} in this file leaves its parent outside the chain.",
                    "Open another copy of the file.",
                )
        seen[branch.id] = branch
