"""SmolLM2-135M-Instruct, the real weights: what the conversion makes of them is what transformers
makes of the file."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file
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
ASKED = [{"role": "user", "content": "What is 3 + 4?"}]


@pytest.fixture(scope="module")
def lm(real_cache: Path) -> LanguageModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORK_EXPLORER_CACHE", str(real_cache))
        return load_language_model(ModelSpec(SMOLLM2.model, dtype="float32"))


@pytest.fixture
def plain(real_model: str, real_cache: Path) -> Plain:
    """What transformers makes of the file, which takes it a minute: kept beside the model for as
    long as the file, the texts and the libraries are the same."""
    assert SMOLLM2.package is not None
    asked = [SMOLLM2.package.member_sha256, *TEXTS, *random_texts(), json.dumps(ASKED)]
    asked += [version(name) for name in ("transformers", "tokenizers", "gguf", "torch")]
    kept = real_cache / "plain" / hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    kept.parent.mkdir(exist_ok=True)
    with FileLock(f"{kept}.lock"):
        if not (kept / "made").exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            ask_transformers(download_package(SMOLLM2.package), kept)
            (kept / "made").touch()
    logits = load_file(kept / "logits.safetensors")
    return Plain([logits[str(n)] for n in range(len(TEXTS))], **read_json(kept / "tokens.json"))


@dataclass(frozen=True)
class Plain:
    logits: list[torch.Tensor]  # of each of TEXTS, (T, V)
    ids: list[list[int]]  # of each of `random_texts`
    asked: list[int]  # of the chat ASKED
    chat_template: str


def ask_transformers(file: Path, folder: Path) -> None:
    """Write what the fields of `Plain` are made of."""
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    tokens = {
        "ids": tokenizer(random_texts()).input_ids,
        "asked": list(tokenizer.apply_chat_template(ASKED).input_ids),
        "chat_template": tokenizer.chat_template,
    }
    (folder / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")
    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    )
    with torch.no_grad():
        found = [model(torch.tensor([tokenizer(text).input_ids])).logits[0] for text in TEXTS]
    save_file({str(n): each for n, each in enumerate(found)}, folder / "logits.safetensors")


def read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def test_logits_are_those_of_the_dequantised_file(lm: LanguageModel, plain: Plain) -> None:
    for text, theirs in zip(TEXTS, plain.logits, strict=True):
        ids = torch.tensor([lm.tokenizer(text).input_ids])
        with torch.no_grad():
            difference = (lm.model(ids).logits[0] - theirs).abs().max()
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


def random_texts() -> list[str]:
    rng = random.Random(0)
    return [random_text(rng) for _ in range(1000)]


def test_token_ids_are_those_of_the_file_for_a_thousand_texts(
    lm: LanguageModel, plain: Plain
) -> None:
    assert lm.tokenizer(random_texts()).input_ids == plain.ids
    assert lm.tokenizer.chat_template == plain.chat_template
    assert lm.tokenizer.apply_chat_template(ASKED).input_ids == plain.asked


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
    code, out, err = run(
        *("generate", "--model", real_model, "--question", "What is 3 + 4?"),
        *("--max-new-tokens", 24, "--json"),
    )
    assert code == 0, err
    chain = json.loads(out)
    chain = chain[0] if isinstance(chain, list) else chain
    assert 1 <= len(chain["token_ids"]) <= 24
