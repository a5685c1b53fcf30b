"""Judge chains: check the answer, without special tokens, against the gold answer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from core.answers import default_checker
from core.errors import ProblemError, examples
from core.records import Chain, Explanation, Outcome, Problem, Verdict
from core.tokens.thinking import thinking_length

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

VERDICTS = (Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSEABLE, Verdict.TIMED_OUT)
"""Verdicts that a chain can get if its problem has a gold answer."""


def judge(lm: LanguageModel, chains: Sequence[Chain]) -> list[Outcome]:
    """The outcome of every chain, in order, with the positions of the answer in its explanation.

    Raises:
        ResourceError: the answer checker doesn't start.
    """
    answers = [chain.token_ids[: chain.answer_length] for chain in chains]
    texts = _texts(lm, answers, [chain.prompt_ids for chain in chains])
    golds = [chain.problem.answer for chain in chains]
    outcomes = default_checker().judge_many(
        (text, gold) for (text, _), gold in zip(texts, golds, strict=True)
    )
    special = frozenset(lm.tokenizer.all_special_ids)
    return [
        replace(outcome, explanation=_located(outcome, chain, text, start, special))
        for outcome, chain, (text, start) in zip(outcomes, chains, texts, strict=True)
    ]


def judge_completions(
    lm: LanguageModel,
    completions: Sequence[Sequence[int]],
    golds: Sequence[str | None],
    prompts: Sequence[Sequence[int]],
) -> list[Outcome]:
    """The outcome of every completion, given as token ids, against its gold answer.

    The answer is searched after the thinking part; a chain that never ends its thinking has none.

    Args:
        prompts: the ids before each completion, which may have opened its thinking part.
    """
    texts = [text for text, _ in _texts(lm, completions, prompts)]
    return default_checker().judge_many(zip(texts, golds, strict=True))


def _texts(
    lm: LanguageModel, completions: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]]
) -> list[tuple[str, int]]:
    """The text to judge of each completion, and the position where it starts."""
    starts = [
        thinking_length(lm.text, prompt, ids) or 0
        for prompt, ids in zip(prompts, completions, strict=True)
    ]
    return [
        (lm.tokenizer.decode(list(ids[start:]), skip_special_tokens=True), start)
        for ids, start in zip(completions, starts, strict=True)
    ]


def _located(
    outcome: Outcome, chain: Chain, judged: str, start: int, special: frozenset[int]
) -> Explanation | None:
    """The explanation with the answer's span and positions in the whole chain, including its
    thinking part and special tokens."""
    why = outcome.explanation
    if why is None or why.span is None or not outcome.answer:
        return why
    pieces = chain.tokens[start:]
    ids = chain.token_ids[start:]
    kept = ["" if i in special else piece for i, piece in zip(ids, pieces, strict=True)]
    text = "".join(kept)
    begin = text.find(judged)
    at = begin + why.span[0] if begin >= 0 else text.rfind(outcome.answer)
    if at < 0:
        return replace(why, span=None)
    last = at + len(outcome.answer) - 1
    ends = list(accumulate(map(len, kept)))
    tokens = bisect_right(ends, at), bisect_right(ends, last)
    shown = [sum(map(len, chain.tokens[: start + token])) - ends[token] + len(kept[token])
             for token in tokens]  # fmt: skip
    span = at + shown[0], last + shown[1] + 1
    return replace(why, span=span, tokens=(start + tokens[0], start + tokens[1]))


def check_golds(problems: Sequence[Problem]) -> None:
    """Reject problems whose chains could not be judged.

    Raises:
        ProblemError: no problems, or some without a readable gold answer.
        ResourceError: the answer checker doesn't start.
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
            "Add gold answers, or leave these problems out.",
        )
