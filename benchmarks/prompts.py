"""Few-shot prompts for the benchmarks of real models."""

from __future__ import annotations

from core.chains.few_shot import DEFAULT_COUNT, built_in_examples
from core.models.language_model import LanguageModel
from core.models.spec import DEMO_FOLDER
from core.problems.problem_sets import read_problems
from core.tokens.prompts import FEW_SHOT, encode_prompt


def few_shot_prompts(lm: LanguageModel, count: int) -> list[tuple[int, ...]]:
    """Prompts of different test problems, each behind the built-in examples."""
    problems = read_problems(DEMO_FOLDER.parent / "word_problems" / "test.jsonl")
    step = 37  # the file is ordered by level; a stride mixes them
    chosen = [problems[i * step % len(problems)] for i in range(count)]
    shown = built_in_examples()[:DEFAULT_COUNT]
    asked = [
        encode_prompt(lm.tokenizer, each.question, FEW_SHOT, examples=shown) for each in chosen
    ]
    return [tuple(ids) for ids in asked]
