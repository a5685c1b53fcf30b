"""The cost model by hand, and that the documented table is what it computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cost_model import (
    COMPLETION,
    PROMPT,
    Gpu,
    Size,
    Work,
    cards,
    fine_tune,
    seconds,
    table,
    tokens_per_second,
)
from core.reasonmaxxer.recipe import recipe_of

SCALE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
TINY = Size("tiny", 1e9, 10, 1, 100)  # 2 GB; 4,000 bytes a token
SLOW = Gpu("slow", 10, 100, 1, 1.0)
QUICK = Gpu("quick", 10, 100, 1000, 1.0)


def test_decoding_is_bound_by_products_or_by_memory() -> None:
    # 256 rows of 450 tokens: 2 GB of weights and .4608 GB of keys and values, at 60 GB/s.
    assert tokens_per_second(TINY, QUICK) == pytest.approx(256 / (2.4608 / 60))
    assert tokens_per_second(TINY, SLOW) == pytest.approx(0.4e12 / 2e9)


def test_a_run_is_sampling_reading_and_training() -> None:
    work = Work(chains=10, scored=7500, trained=3000)
    sampled = 10 * COMPLETION / (0.4e12 / 2e9)
    read = 2e9 * (10 * PROMPT + 7500) / 0.4e12
    assert seconds(work, TINY, SLOW) == pytest.approx(sampled + read + 6e9 * 3000 / 0.4e12)


def test_a_model_that_does_not_fit_takes_more_cards() -> None:
    assert cards(TINY, SLOW) == 1
    assert cards(Size("large", 20e9, 10, 1, 100), SLOW) == 8  # 40 GB, of which 9 fit on one


def test_the_tokens_of_the_paper_s_recipe() -> None:
    work = fine_tune(recipe_of("paper"))
    # 200 x 20 rollouts, 4 looks at 50 held-out problems, 500 problems before and after.
    assert work.chains == 4000 + 4 * 50 + 2 * 500
    assert work.scored == 4000 * (PROMPT + COMPLETION)
    assert work.trained == 50 * 20 * 0.8 * (PROMPT + COMPLETION)


def test_the_documented_table_is_the_computed_one() -> None:
    assert table() in SCALE.read_text("utf-8")
