"""The verdict on a chain: its answer's text without special tokens, against the gold answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.answers import default_checker
from core.errors import ProblemError, examples
from core.records import Chain, Outcome, Problem, Verdict
from core.thinking import thinking_length

if TYPE_CHECKING:
    from core.language_model import LanguageModel

VERDICTS = (Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSEABLE, Verdict.TIMED_OUT)
"""What can be said of a chain whose problem has a gold answer."""


def judge(lm: LanguageModel, chains: Sequence[Chain]) -> list[Outcome]:
    """One outcome a chain, in order."""
    return judge_completions(
        lm,
        [chain.token_ids for chain in chains],
        [chain.problem.answer for chain in chains],
        [chain.prompt_ids for chain in chains],
    )


def judge_completions(
    lm: LanguageModel,
    completions: Sequence[Sequence[int]],
    golds: Sequence[str | None],
    prompts: Sequence[Sequence[int]],
) -> list[Outcome]:
    """One outcome a completion, given as token ids, against its gold answer.

    The answer is looked for after the thinking part; a chain that never ends its thinking has
    none.

    Args:
        prompts: the ids before each completion, which may have opened its thinking.
    """
    texts = [
        lm.tokenizer.decode(
            list(ids[thinking_length(lm.text, prompt, ids) or 0 :]), skip_special_tokens=True
        )
        for prompt, ids in zip(prompts, completions, strict=True)
    ]
    return default_checker().judge_many(zip(texts, golds, strict=True))


def check_golds(problems: Sequence[Problem]) -> None:
    """Refuse problems whose chains could not be judged.

    Raises:
        ProblemError: no problems, or some without a gold answer that can be read.
        ResourceError: as the answer checker.
    """
    if not problems:
        raise ProblemError("There are no problems to run on.", "Choose a set that has some.")
    golds = [problem.answer for problem in problems]
    verdicts = default_checker().check_many(zip(golds, golds, strict=True))
    lacking = [p.id for p, v in zip(problems, verdicts, strict=True) if v is Verdict.NO_GOLD]
    if lacking:
        some = "" if len(lacking) == len(problems) else f" ({examples(lacking)})"
        raise ProblemError(
            "Problems without a gold answer that can be read: "
            f"{len(lacking)} of {len(problems)}{some}.",
            "Give them one, or leave them out.",
        )
