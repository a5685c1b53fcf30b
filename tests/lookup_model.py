r"""A language model one can check by hand: five tokens, and a table from prefix to probabilities.

The problem's right answer is 7. The base says "so \boxed{3}"; it is sure of "so" (0.45 nats) and
wavers at the next token (1.51 nats), where the right token is its second choice. The teacher
says "then \boxed{7}", and after "so" it says \boxed{7}, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec

END, SEVEN, THREE, SO, THEN = range(5)
WORDS = ("<eos>", "\\boxed{7}", "\\boxed{3}", "so", "then")
PROMPT = (SO,)  # the question is "so"

Table = Mapping[tuple[int, ...], Mapping[int, float]]
"""Completion so far -> probability of every token."""

ELSE = (-1,)  # the row for every prefix that has none of its own

BASE: Table = {
    (): {SO: 0.90, THEN: 0.04, THREE: 0.03, SEVEN: 0.02, END: 0.01},  # 0.45 nats
    (SO,): {THREE: 0.30, SEVEN: 0.28, THEN: 0.20, SO: 0.15, END: 0.07},  # 1.51 nats
    (THEN,): {THREE: 0.26, SEVEN: 0.25, SO: 0.24, THEN: 0.15, END: 0.10},  # 1.56 nats
    (SEVEN,): {THREE: 0.90, SO: 0.04, THEN: 0.03, END: 0.02, SEVEN: 0.01},  # 0.45 nats
    (SO, SEVEN): {END: 0.28, SO: 0.24, THEN: 0.22, THREE: 0.16, SEVEN: 0.10},  # 1.56 nats
    ELSE: {END: 0.90, SO: 0.04, THEN: 0.03, THREE: 0.02, SEVEN: 0.01},  # 0.45 nats
}
TEACHER: Table = {
    (): {THEN: 0.60, SO: 0.30, THREE: 0.05, SEVEN: 0.04, END: 0.01},
    (SO,): {SEVEN: 0.90, THREE: 0.04, THEN: 0.03, SO: 0.02, END: 0.01},
    (THEN,): {SEVEN: 0.90, THREE: 0.04, THEN: 0.03, SO: 0.02, END: 0.01},
    ELSE: BASE[ELSE],
}


class LookupConfig(PreTrainedConfig):
    model_type = "lookup"


class LookupModel(PreTrainedModel):
    """Reads whole rows at once: no cache, no weights."""

    config_class = LookupConfig
    _is_stateful = True  # so that rows are recomputed, not forked by cropping a cache

    def __init__(self, config: LookupConfig, table: Table) -> None:
        super().__init__(config)
        self.nothing = torch.nn.Parameter(torch.zeros(1))  # gives the model a device and a dtype
        self.table = {
            prefix: torch.tensor([row[token] for token in range(len(WORDS))]).log()
            for prefix, row in table.items()
        }

    def forward(
        self, input_ids: torch.Tensor, logits_to_keep: int = 1, **_: Any
    ) -> SimpleNamespace:
        rows = []
        for ids in input_ids.tolist():
            ends = range(len(ids) - logits_to_keep + 1, len(ids) + 1)
            found = [
                self.table.get(tuple(ids[len(PROMPT) : end]), self.table[ELSE]) for end in ends
            ]
            rows.append(torch.stack(found))
        return SimpleNamespace(logits=torch.stack(rows))

    def get_output_embeddings(self) -> None:
        return None


def lookup_model(table: Table) -> LanguageModel:
    """The model of a table; the question "so" makes the prompt `PROMPT`."""
    core = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[END])
    )
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token=WORDS[END])
    config = LookupConfig(vocab_size=len(WORDS), eos_token_id=END, prompt_style="plain")
    return wrap(ModelSpec("lookup"), LookupModel(config, table).eval(), tokenizer)
