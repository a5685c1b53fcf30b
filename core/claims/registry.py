"""Every claim, in the order in which they are shown. A new one is a `Claim` in the file of its
family, or a new family, which is named here."""

from __future__ import annotations

from collections.abc import Sequence

from core.claims.changed_tokens import CHANGED_TOKENS
from core.claims.claim import Claim
from core.claims.distillations import DISTILLATIONS
from core.claims.divergence import DIVERGENCE
from core.claims.entropy_pattern import ENTROPY_PATTERN
from core.claims.fine_tunes import FINE_TUNES
from core.claims.papers import EIGHTY_TWENTY, REASONMAXXER, SPARSE_BUT_CRITICAL, Paper
from core.claims.teacher_tokens import TEACHER_TOKENS
from core.errors import RunError

PAPERS = [REASONMAXXER, EIGHTY_TWENTY, SPARSE_BUT_CRITICAL]
"""In the order in which they are shown."""

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for family in (
        CHANGED_TOKENS,
        TEACHER_TOKENS,
        DISTILLATIONS,
        FINE_TUNES,
        ENTROPY_PATTERN,
        DIVERGENCE,
    )
    for claim in family
}
"""By their ids."""


def claims_of(paper: Paper) -> list[Claim]:
    """The claims of a paper."""
    return [claim for claim in CLAIMS.values() if claim.paper == paper]


def chosen_claims(ids: Sequence[str] | None) -> list[Claim]:
    """Claims by their ids, in the order in which they are shown; all with None.

    Raises:
        RunError: an unknown id.
    """
    unknown = [each for each in ids or () if each not in CLAIMS]
    if unknown:
        raise RunError(f"No claim is called {unknown[0]!r}.", f"Use ids of {', '.join(CLAIMS)}.")
    shown = [claim for paper in PAPERS for claim in claims_of(paper)]
    return [claim for claim in shown if ids is None or claim.id in ids]
