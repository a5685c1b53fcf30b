"""Measurements on a branch: the search for a fix, the pivotality of positions, grown trees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.chains.expansion.records import Ending, Expansion, Growth
from core.chains.fix_search import FixSearch
from core.chains.pivotality import Pivotality
from core.errors import SamplerError, SessionError
from core.records import Chain

_MOST_SAMPLES = 10_000  # per alternative; a file with more would only block the page
MOST_ENDINGS, MOST_TOKENS = 1_000, 50_000
"""Endings of a tree that are written to a file, and tokens of them."""


@dataclass
class Findings:
    """All measurements on one branch."""

    fix: FixSearch | None = None
    pivotality: dict[int, Pivotality] = field(default_factory=dict)  # by position
    growth: Growth | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict. Of a large tree, only the endings that grew first are in it."""
        kept = self
        if self.growth is not None:
            forks, random = map(_bounded, (self.growth.forks, self.growth.random))
            kept = replace(self, growth=Growth(forks, random))
        data: dict[str, Any] = _ADAPTER.dump_python(kept, mode="json")
        return data

    @staticmethod
    def from_json(data: Any, chain: Chain) -> Findings:
        """Read what `to_json` wrote for a branch with this chain.

        Raises:
            SessionError: damaged, or positions and tokens that don't match the chain.
        """
        try:
            found = _ADAPTER.validate_python(data)
        except (ValidationError, SamplerError) as error:
            raise SessionError(
                f"The measurements in this file are damaged ({type(error).__name__}).",
                "Open another copy of the file.",
            ) from error
        fits = found.fix is None or _fix_fits(found.fix, chain)
        if found.growth is not None:
            trees = (found.growth.forks, found.growth.random)
            fits = fits and all(each is None or _tree_fits(each, chain) for each in trees)
        for position, each in found.pivotality.items():
            fits = fits and position == each.position and _pivotality_fits(each, chain)
        if not fits:
            raise SessionError(
                "The measurements in this file belong to another chain.",
                "Open another copy of the file.",
            )
        return found


def _fix_fits(fix: FixSearch, chain: Chain) -> bool:
    return (
        fix.seed >= 0
        and fix.positions >= 1
        and all(
            _stands(chain, each.attempt.position, each.attempt.rank, each.attempt.token_id)
            and each.length > each.attempt.position
            for each in (*fix.attempts, *fix.control)
        )
    )


def _pivotality_fits(found: Pivotality, chain: Chain) -> bool:
    return (
        found.seed >= 0
        and len(found.alternatives) > 0
        and all(
            _stands(chain, found.position, each.rank, each.token_id)
            and 0 < each.probability <= 1.001
            and 0 <= each.correct <= each.samples == sum(count for _, count in each.answers)
            and 0 < each.samples <= _MOST_SAMPLES
            and all(count > 0 for _, count in each.answers)
            for each in found.alternatives
        )
    )


def _bounded(tree: Expansion | None) -> Expansion | None:
    if tree is None:
        return None
    tokens = accumulate(len(each.token_ids) for each in tree.endings[:MOST_ENDINGS])
    return replace(tree, endings=tree.endings[: sum(each <= MOST_TOKENS for each in tokens)])


def _tree_fits(tree: Expansion, chain: Chain) -> bool:
    for number, each in enumerate(tree.endings):
        if each.parent is None:
            first, length = 0, len(chain)
        elif 0 <= each.parent < number:
            parent = tree.endings[each.parent]
            first, length = parent.position + 1, parent.position + len(parent.token_ids)
        else:
            return False
        if not (first <= each.position < length and _ending_fits(each)):
            return False
    return (
        len(tree.endings) <= tree.grown <= tree.tokens
        and tree.pruned >= 0
        and 0 <= tree.explored <= 1.001
        and 0 <= tree.differing_endings <= tree.grown
        and (tree.differing is None) == (tree.grown == 0)
        and sum(each.endings for each in tree.answers) == tree.grown + 1
        and all(
            each.endings > 0
            and 0 <= each.probability <= 1.001
            and (each.example is None or 0 <= each.example < tree.grown)
            for each in tree.answers
        )
    )


def _ending_fits(ending: Ending) -> bool:
    chances = (ending.probability, ending.own_probability, ending.path_probability)
    return (
        ending.rank >= 1
        and len(ending.token_ids) > 0
        and ending.token_ids[0] == ending.token_id
        and min(ending.token_ids) >= 0
        and all(0 <= each <= 1.001 for each in chances)
    )


def _stands(chain: Chain, position: int, rank: int, token_id: int) -> bool:
    """Whether a token has this rank among the chain's alternatives at this position."""
    top_ids = chain.statistics.top_ids
    if not (0 <= position < len(chain) and 1 <= rank <= top_ids.shape[1]):
        return False
    return bool(top_ids[position, rank - 1] == token_id)


_ADAPTER = TypeAdapter(Findings)
