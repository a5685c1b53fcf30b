"""Measurements on a branch: the search for a fix, and the pivotality of positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.chains.fix_search import FixSearch
from core.chains.pivotality import Pivotality
from core.errors import SamplerError, SessionError
from core.records import Chain

_MOST_SAMPLES = 10_000  # per alternative; a file with more would only block the page


@dataclass
class Findings:
    """All measurements on one branch."""

    fix: FixSearch | None = None
    pivotality: dict[int, Pivotality] = field(default_factory=dict)  # by position

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        data: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
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


def _stands(chain: Chain, position: int, rank: int, token_id: int) -> bool:
    """Whether a token has this rank among the chain's alternatives at this position."""
    top_ids = chain.statistics.top_ids
    if not (0 <= position < len(chain) and 1 <= rank <= top_ids.shape[1]):
        return False
    return bool(top_ids[position, rank - 1] == token_id)


_ADAPTER = TypeAdapter(Findings)
