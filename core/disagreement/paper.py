"""The paper's figures for base and RL-trained models (arXiv:2605.06241, section 3)."""

from __future__ import annotations

UNSHIFTED = (0.959, 0.990)  # share of positions: 1 less the reranked ones
RERANKED = (0.010, 0.041)  # share of positions
SHIFTED = (0.0, 0.0)  # share of positions
MEAN_BASE_RANK = (2.14, 2.39)  # of the teacher's token at reranked positions
ENTROPY_RATIO = (5.0, 12.0)  # base entropy at reranked positions over that at unshifted ones
