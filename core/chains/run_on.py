"""Where a completion runs on: a base model that has answered writes the next problem itself.

What introduces the question in the prompt ("Question:"), on a new line of the completion, ends the
answer. What follows is not the model's answer to this problem: its forks decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.chains.prompting import RunPromptSettings
from core.decoding.loop import Decoded, Row, decode
from core.records import Sampler, StopReason
from core.tokens.prompts import PROMPT_STYLES, introduction
from core.tokens.stop_strings import run_on

if TYPE_CHECKING:
    from core.engines.engine import Engine
    from core.models.language_model import LanguageModel


def answer_ends(
    lm: LanguageModel,
    prompt_ids: Sequence[int],
    question: str,
    prompt_style: str,
    stop: Sequence[str] = (),
) -> tuple[str, ...]:
    """The strings that end an answer of a chain, whose prompt is known and its template may not be:
    stop strings, and what introduces the next problem.

    Chat models end their turn by a token, and may well write "Problem:" themselves: for them only
    the stop strings count.
    """
    if prompt_style in PROMPT_STYLES and PROMPT_STYLES[prompt_style].chat:
        return tuple(stop)
    with_question = str(lm.tokenizer.decode(list(prompt_ids), skip_special_tokens=True))
    begin = with_question.rfind(question) if question else -1
    label = introduction(with_question[:begin]) if begin >= 0 else None
    return tuple(stop) if label is None else tuple(dict.fromkeys((*stop, label)))


def find_run_on(
    lm: LanguageModel, prompt_ids: Sequence[int], token_ids: Sequence[int], ends: Sequence[str]
) -> int | None:
    """The first token after the answer.

    Args:
        token_ids: (T,) the completion.
        ends: as of `answer_ends`.

    Returns:
        A position from 0 to T - 1; None where nothing follows the answer.
    """
    whole = lm.text.decode(token_ids)
    if not any(end in whole for end in ends):
        return None
    return run_on(lm.text.pieces(token_ids, prompt_ids), ends)


def decode_answers(
    lm: LanguageModel,
    rows: Sequence[Row],
    settings: RunPromptSettings,
    sampler: Sampler,
    *,
    batch_size: int,
    on_row: Callable[[int, Decoded], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
    engine: Engine | None = None,
) -> list[Decoded] | None:
    """Chains of a run over a problem set, each up to the end of its answer.

    Args:
        rows: N prompts that `settings` made.
        settings: of the prompts; they say what ends an answer.
        sampler: how tokens are drawn; its stop strings are those of the settings.
        batch_size, on_row, cancel: as of `decode`.
        engine: a server that samples; its chains have no statistics.

    Returns:
        N results, in order; None when cancelled.

    Raises:
        ModelError, ResourceError: as `decode`.
        EngineError: as `Engine.sample`.
    """
    stopping = replace(sampler, stop=settings.stop_strings(lm.prompt_style))
    if engine is not None:
        found = engine.sample(rows, stopping, at_once=batch_size, on_row=on_row, cancel=cancel)
        if found is None:
            return None
        return without_run_on(lm, rows, found, settings.answer_ends(lm.prompt_style))
    decoded = decode(lm, rows, stopping, k=1, batch_size=batch_size, on_row=on_row, cancel=cancel)
    if any(each.stop_reason is StopReason.CANCELLED for each in decoded):
        return None
    return without_run_on(lm, rows, decoded, settings.answer_ends(lm.prompt_style))


def without_run_on(
    lm: LanguageModel,
    rows: Sequence[Row],
    decoded: Sequence[Decoded],
    ends: Sequence[str],
) -> list[Decoded]:
    """Decoded rows, each up to the end of its answer; those that are cut have the stop reason
    "stop".

    Args:
        rows: N rows, with the tokens that were kept.
        decoded: N results.
        ends: what ends an answer, such as `RunPromptSettings.answer_ends`; without any, nothing is
            cut.
    """
    return [_answer(lm, row, each, ends) for row, each in zip(rows, decoded, strict=True)]


def _answer(lm: LanguageModel, row: Row, decoded: Decoded, ends: Sequence[str]) -> Decoded:
    whole = (*row.completion_ids, *decoded.token_ids)
    end = find_run_on(lm, row.prompt_ids, whole, ends)
    if end is None:
        return decoded
    answer = slice(max(end - decoded.start, 0))
    return replace(
        decoded,
        token_ids=decoded.token_ids[answer],
        statistics=decoded.statistics[answer],
        forced=decoded.forced[answer],
        stop_reason=StopReason.STOP,
        replaced={at: token_id for at, token_id in decoded.replaced.items() if at < end},
    )
