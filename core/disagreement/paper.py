"""The papers' figures for base and RL-trained models."""

from __future__ import annotations

# arXiv:2605.06241, section 3: Qwen2.5, Qwen3 and Mistral models on MATH-500.
UNSHIFTED = (0.959, 0.990)  # share of positions: 1 less the reranked ones
RERANKED = (0.010, 0.041)  # share of positions
SHIFTED = (0.0, 0.0)  # share of positions, in its text
SHIFTED_IN_TABLE_2 = (0.0001, 0.0012)  # as a reader noted it down from its Table 2
MEAN_BASE_RANK = (2.14, 2.39)  # of the teacher's token at reranked positions
ENTROPY_RATIO = (5.0, 12.0)  # base entropy at reranked positions over that at unshifted ones

# arXiv:2603.22446:
WITHIN_TOP_3 = (0.80, 0.90)  # share of RL's first choices that are among the base's top three
