"""Score rollouts of other programs with a model of ours, by teacher forcing.

Token ids are the truth, so those of the file are used where they are this model's: where they
decode to the file's own text. Text alone is tokenised once; its tokens may differ from those that
were sampled, and every scored rollout says which it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.chains.assembly import scored_chain
from core.chains.judging import judge
from core.errors import PromptError
from core.imports.records import Messages, Rollout
from core.models.prefix_store import PrefixStore
from core.records import (
    DEFAULT_ALTERNATIVES,
    Chain,
    Outcome,
    Problem,
    Sampler,
    StopReason,
)
from core.tokens.prompts import chat_ids

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


class Ids(StrEnum):
    """Where the token ids of a scored rollout are from."""

    OF_FILE = "ids of the file, which decode to its text"
    UNCHECKED = "ids of the file, which has no text to check them against"
    ANSWER_OF_FILE = "ids of the file for the answer; the prompt's text tokenised once"
    OF_TEXT = "text tokenised once"


@dataclass(frozen=True)
class Encoded:
    """A rollout's token ids in a model's vocabulary."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]  # (T,)
    ids: Ids
    doubt: str = ""
    """Why the ids of the file were not taken, or what its prompt lacks; "" where all is well."""


@dataclass(frozen=True)
class ScoredRollout:
    """A rollout with its chain; `unlikely`: the model finds its tokens less likely than chance, so
    they are probably those of another tokenizer or a very different model."""

    rollout: Rollout
    chain: Chain
    outcome: Outcome
    encoded: Encoded
    unlikely: bool


@dataclass(frozen=True)
class NotScored:
    """A rollout that the model can't read, and why."""

    rollout: Rollout
    reason: str


def score_rollouts(
    lm: LanguageModel,
    rollouts: Iterable[Rollout],
    source: str = "",
    k: int = DEFAULT_ALTERNATIVES,
    from_text: bool = False,
) -> Iterator[ScoredRollout | NotScored]:
    """Score rollouts one by one, in order, and check their answers.

    Args:
        source: name of the file, kept as the problems' source.
        k: alternatives stored per position.
        from_text: tokenise the text even where the file has ids.

    Raises:
        ModelError: the model's logits are not finite.
        ResourceError: out of memory, or the answer checker doesn't start.
    """
    store = PrefixStore()  # rollouts of a problem share its prompt, few-shot ones most of it
    for rollout in rollouts:
        try:
            encoded = encode(lm, rollout, from_text)
            chain = _chain(lm, rollout, encoded, source, k, store)
        except PromptError as error:  # empty, or longer than the context
            yield NotScored(rollout, error.what)
            continue
        (outcome,) = judge(lm, [chain])
        mean = float(chain.statistics.logprob.mean())
        yield ScoredRollout(rollout, chain, outcome, encoded, mean < -math.log(lm.vocab_size))


def score_one(lm: LanguageModel, rollout: Rollout, source: str = "") -> ScoredRollout:
    """Score a rollout by itself.

    Raises:
        PromptError: the model can't read it.
        ModelError, ResourceError: as `score_rollouts`.
    """
    (found,) = score_rollouts(lm, [rollout], source)
    if isinstance(found, NotScored):
        raise PromptError(
            f"{lm.name} can't read this rollout: {found.reason}",
            "Choose the model whose tokenizer made its ids.",
        )
    return found


def encode(lm: LanguageModel, rollout: Rollout, from_text: bool = False) -> Encoded:
    """A rollout's prompt and answer as ids of a model's vocabulary.

    Args:
        from_text: as for `score_rollouts`.

    Raises:
        PromptError: its ids are not this model's and it has no text, or it is empty.
    """
    why_not = "" if from_text else None
    if not from_text and rollout.answer_ids is not None:
        why_not = _mismatch(lm, rollout)
    if why_not is None and rollout.answer_ids is not None:
        answer_ids = tuple(map(int, rollout.answer_ids))
        if rollout.prompt_ids is not None and len(rollout.prompt_ids):
            how = Ids.UNCHECKED if rollout.answer is None else Ids.OF_FILE
            return Encoded(tuple(map(int, rollout.prompt_ids)), answer_ids, how)
        prompt_ids, doubt = _prompt_ids(lm, rollout.prompt)
        return Encoded(prompt_ids, answer_ids, Ids.ANSWER_OF_FILE, doubt)
    if rollout.answer is None or not rollout.prompt:
        raise PromptError(
            why_not or "The file has no text of this rollout's prompt or answer.",
            "Give the model whose tokenizer made the ids.",
        )
    prompt_ids, doubt = _prompt_ids(lm, rollout.prompt)
    answer_ids = tuple(lm.text.tokenise(rollout.answer))
    if not answer_ids:
        raise PromptError("The answer is empty.", "Leave it out.")
    doubts = " ".join(filter(None, (why_not, doubt)))
    return Encoded(prompt_ids, answer_ids, Ids.OF_TEXT, doubts)


def _mismatch(lm: LanguageModel, rollout: Rollout) -> str | None:
    """Why the ids of the file can't be this model's; None where they can."""
    answer_ids = [] if rollout.answer_ids is None else rollout.answer_ids.tolist()
    prompt_ids = [] if rollout.prompt_ids is None else rollout.prompt_ids.tolist()
    for token_id in (*prompt_ids, *answer_ids):
        if token_id >= lm.vocab_size or not lm.text.exists(token_id):
            return f"The file's token id {token_id} isn't in this model's vocabulary."
    if rollout.answer is None:
        return None
    bare = lm.tokenizer.decode(answer_ids, skip_special_tokens=True)
    if rollout.answer.strip() in (lm.text.decode(answer_ids).strip(), str(bare).strip()):
        return None
    return "The file's token ids decode to another text with this model's tokenizer."


def _prompt_ids(lm: LanguageModel, prompt: str | Messages | None) -> tuple[tuple[int, ...], str]:
    """A prompt's ids, and a doubt about them: of messages by the model's chat template, of a text
    with the special tokens that are written in it."""
    if not prompt:
        raise PromptError("The file has no prompt for this rollout.", "Name its field.")
    if isinstance(prompt, list) and lm.tokenizer.chat_template:
        return tuple(chat_ids(lm.tokenizer, prompt, None)), ""
    doubt = ""
    if isinstance(prompt, list):
        prompt = "\n\n".join(each["content"] for each in prompt) + "\n\n"
        doubt = "The model has no chat template, so the messages are joined by blank lines."
    with lm.text.lock:
        ids = _as_template_wrote(lm.tokenizer, prompt)
    if not ids:
        raise PromptError("The prompt has no tokens.", "Leave the rollout out.")
    return ids, doubt


def _as_template_wrote(tokenizer: Any, text: str) -> tuple[int, ...]:
    """A prompt's text as ids: names of special tokens in it are these, and the first one, if it is
    there, isn't put before it again."""
    bos = tokenizer.bos_token
    ids = list(tokenizer(text, add_special_tokens=not (bos and text.startswith(bos)))["input_ids"])
    if ids and ids[-1] == tokenizer.eos_token_id and not text.endswith(str(tokenizer.eos_token)):
        ids.pop()  # added by the tokenizer, and the prompt goes on
    return tuple(map(int, ids))


def _chain(
    lm: LanguageModel,
    rollout: Rollout,
    encoded: Encoded,
    source: str,
    k: int,
    store: PrefixStore,
) -> Chain:
    question = rollout.question or lm.text.decode(encoded.prompt_ids)
    stop = rollout.stop_reason or StopReason.EOS
    return scored_chain(
        lm,
        Problem(rollout.group, question, rollout.gold, source=source),
        encoded.prompt_ids,
        encoded.answer_ids,
        forced=(),
        sampler=Sampler(max_new_tokens=max(len(encoded.answer_ids), Sampler.max_new_tokens)),
        stop_reason=stop,
        k=k,
        store=store,
    )
