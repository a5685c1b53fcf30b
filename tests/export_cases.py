"""Made-up chains, trees and pairs to export, exact in every number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.chains.fix_search import AttemptResult, FixSearch
from core.chains.session import Session
from core.chains.sweep import Attempt
from core.chains.tree import ForkTree
from core.disagreement.reading import ReadChain
from core.disagreement.token_classes import Disagreement
from core.records import Chain, Outcome, Problem, Sampler, StopReason, TokenStatistics, Verdict

WORDS = (" To", " start", ",", " there", " are", " 9", " pieces", ".", " Every", " cut")
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "&amp;",
    "<!--",
    "]]>",
    " مرحبا",
    "\u202e",
    "\x07",
    "\u2028",
    "\n",
    "🧮",
    "",
    "' onclick='alert(3)",
    "\\boxed{72}",
    "| a | b |",
    "<eos>",
)
PROBLEM = Problem("saw-1", "How many minutes?", "64", "demo", "saw")
WRONG = Outcome("72", Verdict.WRONG, True)
CORRECT = Outcome("64", Verdict.CORRECT, True)


def chain_of(tokens: Sequence[str], k: int = 5, **changes: Any) -> Chain:
    """A chain whose token i has id 10 i, entropy i % 4 / 2 nats, rank 1, and k alternatives."""
    size = len(tokens)
    at = np.arange(size)
    top_ids = 10 * at[:, None] + np.arange(k)
    share = np.array([0.5 / 2**j for j in range(k)])
    fields: dict[str, Any] = {
        "prompt_ids": (1, 2),
        "token_ids": tuple(int(i) for i in 10 * at),
        "tokens": tuple(tokens),
        "top_tokens": tuple((text, *(f" alt{j}" for j in range(1, k))) for text in tokens),
        "statistics": TokenStatistics(
            (at % 4 / 2).astype(np.float32),
            np.full(size, np.log(0.5), np.float32),
            np.ones(size, np.int32),
            top_ids.astype(np.int32),
            np.tile(np.log(share), (size, 1)).astype(np.float32),
        ),
        "forced": (False,) * size,
        "stop_reason": StopReason.EOS,
        "model": "smollm2",
        "seed": 7,
        "sampler": Sampler(temperature=0.6, top_p=0.9, max_new_tokens=80),
        "problem": PROBLEM,
        "prompt_style": "few_shot",
        "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
        "revision": "abc123",
    }
    return Chain(**{**fields, **changes})


def tree_of() -> ForkTree:
    """A wrong chain, a branch that is correct, a branch of that, and a search for a fix."""
    tree = ForkTree(PROBLEM)
    tree.add_root(chain_of(WORDS), WRONG)
    other = list(WORDS)
    other[3] = " were"
    forced = tuple(i == 3 for i in range(len(WORDS)))
    ids = tuple(31 if i == 3 else 10 * i for i in range(len(WORDS)))
    second = chain_of(other, forced=forced, token_ids=ids)
    (branch,) = tree.add_branches("b1", 3, [(second, CORRECT)])
    tree.rename(branch.id, "<b>mine</b>")
    tree.add_branches("b2", 7, [(chain_of([*other[:7], *HOSTILE]), WRONG)])
    turned = AttemptResult(Attempt(3, 31, 2), CORRECT, 10, True)
    same = AttemptResult(Attempt(7, 71, 2), WRONG, 10, False)
    tree.findings("b1").fix = FixSearch(2, Sampler(), 0, (turned, same), (same,))
    tree.select("b1", 3)
    return tree


def session_of(*trees: ForkTree) -> Session:
    """A session with these trees, by default `tree_of()`; the last one is the current one."""
    session = Session()
    for tree in trees or (tree_of(),):
        session.open_problem(tree.problem)
        assert session.current is not None
        session.trees[session.current] = tree
    return session


def pair_of() -> ReadChain:
    """A chain whose fourth token a teacher would rerank and whose eighth it would shift."""
    chain = chain_of(WORDS)
    size = len(chain)
    argmax = np.array(chain.token_ids, np.int32)
    theirs = argmax.copy()
    theirs[3], theirs[7] = 31, 999
    rank = np.ones(size, np.int32)
    rank[3], rank[7] = 2, 40
    found = Disagreement(
        chain.statistics, chain.statistics, argmax, theirs, rank, np.zeros(size, np.float32)
    )
    top = [list(row) for row in chain.top_tokens]
    top[3][0], top[7][0] = " were", "<b>!</b>"
    chosen = np.where(rank == 1, 0, -1)
    return ReadChain(chain, found, tuple(map(tuple, top)), chosen)
