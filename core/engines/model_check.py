"""Whether a server's model is the one in hand: the same ids of a text, the same probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.scoring import score
from core.engines.protocol import Answer
from core.entropy import entropy_interval
from core.errors import EngineError, ModelError

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

TOP = 5
"""Most probable tokens that are compared after each text."""

EXACT, MOST = 1e-3, 0.05
"""Largest difference of a probability where both compute in one precision, and in two."""

TEXTS = (
    "Tom has 3 apples and buys 4 more. How many apples does he have now?",
    "Question: What is 17 * 23?\nAnswer:",
    "Let's think step by step. First, we",
    "The capital of France is",
    "\\frac{1}{2} + \\sqrt{3} = \\boxed{",
    "def add(a, b):\n    return",
    "1, 1, 2, 3, 5, 8, 13,",
    "A train travels 60 miles in 1.5 hours. Its speed is",
    "If x + 5 = 12, then x =",
    "There are 1,000 grams in a kilogram, so 2.5 kg are",
    "Ein größerer Baum wächst über den",
    "La réponse est",
    "答案是",
    "Она сказала, что",
    "🙂 means that",
    "    indented twice,\n\tand by a tab:",
    '{"name": "Ann", "age":',
    "<b>bold</b> &amp; plain",
    "Wait, that can't be so. Let me",
    "Therefore, the final answer is",
)
"""Of questions, code and scripts: tokenizers differ where a text is unusual."""


@dataclass(frozen=True)
class Expected:
    """What the model in hand says to a text."""

    text: str
    ids: tuple[int, ...]
    top_ids: tuple[int, ...]  # (k,) most probable first
    top_logprobs: tuple[float, ...]  # (k,) nats
    entropy: float  # nats


def expected(lm: LanguageModel) -> list[Expected]:
    """What a model says to `TEXTS`; those that its tokenizer can't write are left out.

    Raises:
        ModelError: its logits are not finite, or it can write none of them.
    """
    found = []
    for text in TEXTS:
        ids = tuple(lm.text.tokenise(text))
        if not ids or lm.text.decode(ids).strip() != text.strip():
            continue
        after = score(lm, ids, ids[:1], TOP)  # the distribution at the first new token
        found.append(
            Expected(
                text,
                ids,
                tuple(after.top_ids[0].tolist()),
                tuple(after.top_logprobs[0].tolist()),
                float(after.entropy[0]),
            )
        )
    if not found:
        raise ModelError(
            "The model's tokenizer writes none of the texts by which a server's model is known.",
            "Leave the engine out.",
        )
    return found


@dataclass(frozen=True)
class TextCheck:
    """How a server and the model in hand compare at the first token after a text."""

    text: str
    difference: float  # largest of a probability among the most probable tokens
    entropy: float  # nats, of the model in hand
    low: float  # nats, least entropy that the server's most probable tokens leave open
    high: float  # nats, the greatest one


def compared(one: Expected, answer: Answer, vocab_size: int) -> TextCheck:
    """Compare a server's answer with what the model in hand says.

    Args:
        one: what the model in hand says to a text.
        answer: the server's greedy one to the text.
        vocab_size: of the model.

    Raises:
        EngineError: other ids, no probabilities, or other ones.
    """
    if answer.prompt_ids is not None and answer.prompt_ids != one.ids:
        raise _other(f"its tokens of {_shown(one.text)} are {_few(answer.prompt_ids)}, "
                     f"not {_few(one.ids)}")  # fmt: skip
    theirs = answer.top_logprobs[: len(one.top_logprobs)]
    if len(theirs) < len(one.top_logprobs) or not answer.token_ids:
        raise EngineError(
            "The server gives no log-probabilities of the most probable tokens, so its model can't "
            f"be checked ({len(theirs)} of {len(one.top_logprobs)}).",
            "Start it so that requests may ask for 5 logprobs (vLLM: --max-logprobs).",
        )
    ours = one.top_logprobs
    apart = max(abs(math.exp(a) - math.exp(b)) for a, b in zip(ours, theirs, strict=True))
    chosen = answer.token_ids[0]
    if chosen not in one.top_ids:
        raise _other(f"after {_shown(one.text)} it takes the token {chosen}, which is not among "
                     f"the {len(ours)} most probable ones")  # fmt: skip
    lost = math.exp(ours[0]) - math.exp(ours[one.top_ids.index(chosen)])
    if max(apart, lost) > MOST:
        raise _other(f"after {_shown(one.text)} its probabilities differ by {max(apart, lost):.2g}")
    low, high = entropy_interval(np.array([theirs], np.float32), vocab_size)
    return TextCheck(one.text, max(apart, lost), one.entropy, float(low[0]), float(high[0]))


def _other(how: str) -> EngineError:
    return EngineError(
        f"The server's model is not the one in hand: {how}.",
        "Serve the model (and adapter) that the run names, or name the one that is served: "
        "--model, --adapter and --engine-model belong together.",
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else f"{text[:29]}…")


def _few(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:6]))
    return f"[{shown}{', ...' if len(ids) > 6 else ''}]"
