"""Scored rollouts as chain files and as a session that Explore opens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.chain_json import chain_to_json
from core.chains.session import Session
from core.imports.records import Rollout
from core.imports.scoring import ScoredRollout
from core.records import floats


def chain_record(scored: ScoredRollout, source: str) -> dict[str, Any]:
    """A chain file of a scored rollout, with what its own file says under "imported", entropies
    included: those of the chain are the model's."""
    rollout, encoded = scored.rollout, scored.encoded
    theirs = rollout.entropy
    return {
        **chain_to_json(scored.chain, scored.outcome),
        "imported": {
            "file": source,
            "row": rollout.row,
            "id": rollout.id,
            "step": rollout.step,
            "reward": rollout.reward,
            "ids": str(encoded.ids),
            "doubt": encoded.doubt,
            "their_entropy_nats": None
            if theirs is None
            else [None if np.isnan(value) else value for value in floats(theirs)],
            "their_mean_entropy_nats": rollout.mean_entropy,
        },
    }


def session_of(scored: Iterable[ScoredRollout]) -> Session:
    """A session with the rollouts of a problem side by side in its tree, named by row and reward;
    the first one is selected."""
    session = Session()
    first: tuple[str, str] | None = None
    for each in scored:
        tree = session.open_problem(each.chain.problem)
        branch = tree.add_root(each.chain, each.outcome)
        tree.rename(branch.id, branch_name(each.rollout))
        if first is None and session.current is not None:
            first = session.current, branch.id
    if first is not None:
        session.current = first[0]
        session.trees[first[0]].select(first[1])
    return session


def branch_name(rollout: Rollout) -> str:
    """ "row 7, reward 0.5"."""
    reward = "" if rollout.reward is None else f", reward {rollout.reward:g}"
    return f"row {rollout.row}{reward}"
