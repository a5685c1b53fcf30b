"""The heatmap's view of a chain, and of a branch of a tree.

The first view of a server shows a chain before torch is imported: what needs it is imported late.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.components.colour_scale import chain_scale
from core.components.heatmap_view import ColourScale, HeatmapView, Part
from core.records import Chain

if TYPE_CHECKING:
    from core.chains.branch import Branch
    from core.chains.pivotality import Pivotality
    from core.chains.tree import ForkTree


def chain_view(
    chain: Chain,
    chain_id: str,
    tau: float,
    unit: Literal["nats", "bits"] = "nats",
    scale: ColourScale | None = None,
) -> HeatmapView:
    """The view of a whole chain.

    Args:
        chain_id: identifies it on the page.
        tau: nats.
        unit: of the display.
        scale: of the colours; by default the chain's own.
    """
    return HeatmapView(
        chain_id=chain_id,
        tokens=chain.tokens,
        token_ids=np.array(chain.token_ids, np.int64),
        entropy=chain.entropy,
        logprob=chain.statistics.logprob,
        rank=chain.statistics.rank,
        top_ids=chain.statistics.top_ids,
        top_tokens=chain.top_tokens,
        top_logprobs=chain.statistics.top_logprobs,
        forced=chain.forced,
        run_on=chain.run_on,
        tau=tau,
        unit=unit,
        scale=chain_scale(chain) if scale is None else scale,
        parts=() if chain.thinking is None else (Part("thinking", 0, chain.thinking),),
    )


def bare_view(chain: Chain, chain_id: str) -> HeatmapView:
    """The view of a chain's text alone, for a reader who is to guess what the model found hard.

    Args:
        chain_id: identifies it on the page.
    """
    size = len(chain)
    nothing = np.zeros(size)  # (T,)
    return HeatmapView(
        chain_id=chain_id,
        tokens=chain.tokens,
        token_ids=np.zeros(size, np.int64),
        entropy=nothing,
        logprob=nothing,
        rank=np.zeros(size, np.int64),
        top_ids=np.zeros((size, 0), np.int64),
        top_tokens=[()] * size,
        top_logprobs=np.zeros((size, 0)),
        forced=[False] * size,
        run_on=chain.run_on,
        tau=math.inf,
        gated=np.zeros(size, np.bool_),
        bare=True,
    )


def with_parent(view: HeatmapView, tree: ForkTree, branch: Branch) -> HeatmapView:
    """The view of a branch, dimmed where it is its parent's chain."""
    from core.chains.branch import first_difference

    if branch.parent is None or branch.position is None:
        return view
    return replace(
        view,
        shared_prefix=branch.position,
        first_difference=first_difference(tree.branch(branch.parent).chain, branch.chain),
    )


def coloured_by_pivotality(view: HeatmapView, found: Iterable[Pivotality]) -> HeatmapView:
    """The view with the positions' measured shares of decided continuations as its colours; 0
    where it is not sure that the token decides anything."""
    from core.chains.pivotality import decisive

    measured = list(found)
    decided = np.full(len(view), np.nan)  # (T,)
    sure = decisive(measured)
    for each in measured:
        decided[each.position] = each.share_decided if each.position in sure else 0.0
    return replace(view, values=decided, values_label="pivotality")
