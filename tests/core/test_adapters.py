"""Adapters of every kind beside their base and beside each other: bit for bit what plain peft
gives with a base of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from adapter_kinds import (
    KINDS,
    MORE_TOKENS,
    RESIZED,
    logits_of,
    plain_base,
    save_adapter,
    save_base,
)
from models import byte_level_tokenizer
from peft import PeftModel
from safetensors.torch import load_file, save_file

from core.errors import ModelError
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from core.models.teacher import load_beside

ON_HEAD_OR_EMBEDDINGS = [
    kind
    for kind, config in KINDS.items()
    if {"embed_tokens", "lm_head"} & set(str(config).split("'"))
]


@dataclass(frozen=True)
class Cases:
    """A base, an adapter of every kind, and what plain peft gives with each."""

    base: Path
    adapters: dict[str, Path]
    logits: dict[str | None, torch.Tensor]  # (1, L, V); None: of the base


@pytest.fixture(scope="module", params=[True, False], ids=["tied head", "head of its own"])
def cases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    folder = tmp_path_factory.mktemp("adapters")
    base = save_base(folder / "base", request.param)
    kinds = KINDS if request.param else ["plain", *ON_HEAD_OR_EMBEDDINGS]
    adapters = {kind: save_adapter(base, folder / kind, kind) for kind in kinds}
    logits: dict[str | None, torch.Tensor] = {None: logits_of(plain_base(base))}
    for kind, adapter in adapters.items():
        plain = PeftModel.from_pretrained(plain_base(base, kind), str(adapter)).eval()
        logits[kind] = logits_of(plain)
        width = logits[None].shape[-1]
        assert not torch.equal(logits[kind][..., :width], logits[None]), "it changes something"
    return Cases(base, adapters, logits)


def spec_of(cases: Cases, kind: str | None) -> ModelSpec:
    return ModelSpec(str(cases.base), None if kind is None else str(cases.adapters[kind]))


def assert_says(lm: LanguageModel, cases: Cases, kind: str | None) -> None:
    assert torch.equal(logits_of(lm.model), cases.logits[kind]), lm.spec
    assert lm.vocab_size == cases.logits[kind].shape[-1]


BESIDE = (0, 1, 2, 5)
"""How many kinds further on those stand that are loaded beside each kind."""


def test_two_models_on_one_base_are_two_models_loaded_apart(cases: Cases) -> None:
    """Every kind, loaded as the first one, gives its base back, and has itself and others beside
    it: every kind is several times the first and several times the second."""
    kinds = list(cases.logits)
    for number, first in enumerate(kinds):
        one = load_language_model(spec_of(cases, first))
        assert_says(one, cases, first)
        others = [kinds[(number + further) % len(kinds)] for further in BESIDE]
        for second in dict.fromkeys([None, *others]):
            other = load_beside(one, spec_of(cases, second))
            assert_says(other, cases, second)
            assert_says(one, cases, first)


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "in reverse"])
def test_all_kinds_stand_on_one_base_at_once(cases: Cases, order: int) -> None:
    """Whichever of two came first: none changes what another one says."""
    base = load_language_model(spec_of(cases, None))
    beside = {kind: load_beside(base, spec_of(cases, kind)) for kind in list(cases.logits)[::order]}
    for kind, lm in beside.items():
        assert_says(lm, cases, kind)
    assert_says(base, cases, None)


def test_what_an_adapter_does_not_replace_is_in_memory_once(cases: Cases) -> None:
    base = load_language_model(spec_of(cases, None))
    own = {tensor.data_ptr() for tensor in base.model.parameters()}

    def shared(kind: str) -> int:
        model = load_beside(base, spec_of(cases, kind)).model
        return len({tensor.data_ptr() for tensor in model.parameters()} & own)

    assert shared("plain") == len(own)
    assert shared("own head") == len(own)  # the base's head stays in peft's wrapper
    if "stray tensors" in cases.adapters:
        assert shared("bias of its own layers") == len(own) - 2 * 2  # q_proj, v_proj of two layers
        assert shared("stray tensors") == len(own) - 2


def test_an_adapter_leaves_the_gradient_flags_of_its_base_alone(cases: Cases) -> None:
    base = load_language_model(spec_of(cases, None))
    before = [parameter.requires_grad for parameter in base.model.parameters()]
    for kind in cases.adapters:
        load_beside(base, spec_of(cases, kind))
    assert [parameter.requires_grad for parameter in base.model.parameters()] == before


Change = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
Q0 = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda w: w | {f"{Q0}.lora_A.weight": torch.zeros(4, 31)},
            r"size mismatch for .*layers\.0\.self_attn\.q_proj\.lora_A.*\[4, 31\].*\[4, 32\]",
        ),
        (
            lambda w: {k: v for k, v in w.items() if "layers.1.self_attn.v_proj" not in k},
            r"no weights for this model's layers .*layers\.1\.self_attn\.v_proj\.lora_A",
        ),
        (
            lambda w: w | {"base_model.model.model.extra.weight": torch.zeros(2)},
            r"weights that match no layer .*model\.extra\.weight",
        ),
        (
            lambda w: w | {"base_model.model.model.norm.weight": torch.zeros(31)},
            r"size mismatch for .*norm\.weight.*\[31\].*\[32\]",
        ),
    ],
    ids=["another shape", "a layer lacks", "a layer too many", "a stray tensor of another shape"],
)
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(
    cases: Cases, tmp_path: Path, change: Change, says: str
) -> None:
    adapter = save_adapter(cases.base, tmp_path / "adapter", "plain")
    weights = adapter / "adapter_model.safetensors"
    save_file(change(load_file(weights)), weights, metadata={"format": "pt"})
    base = load_language_model(spec_of(cases, None))
    with pytest.raises(ModelError, match=says) as caught:
        load_beside(base, ModelSpec(str(cases.base), str(adapter)))
    assert "another version of" in caught.value.remedy  # it names this very base
    assert_says(base, cases, None)


def test_all_faults_of_an_adapter_are_counted(cases: Cases, tmp_path: Path) -> None:
    adapter = save_adapter(cases.base, tmp_path / "adapter", "plain")
    weights = adapter / "adapter_model.safetensors"
    bad = {k: torch.zeros(4, 31) if "lora_A" in k else v for k, v in load_file(weights).items()}
    save_file(bad, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load_language_model(ModelSpec(str(cases.base), str(adapter)))
    assert caught.value.what.count("size mismatch for") == 3
    assert "..." in caught.value.what, "and there are more"
    assert "\n" not in str(caught.value)


def test_a_vocabulary_resized_in_part_is_refused_with_its_size(
    cases: Cases, tmp_path: Path
) -> None:
    """Of the rows that the file doesn't have, no number is known."""
    adapter = save_adapter(cases.base, tmp_path / "adapter", RESIZED)
    weights = adapter / "adapter_model.safetensors"
    kept = {k: v for k, v in load_file(weights).items() if "lm_head" not in k}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"does not fit this model \("):
        load_language_model(ModelSpec(str(cases.base), str(adapter)))


def test_a_resized_vocabulary_takes_the_tokenizer_that_came_with_it(
    cases: Cases, tmp_path: Path
) -> None:
    adapter = save_adapter(cases.base, tmp_path / "adapter", RESIZED)
    tokenizer = byte_level_tokenizer()
    tokenizer.add_tokens([f"<new{i}>" for i in range(MORE_TOKENS)])
    tokenizer.save_pretrained(adapter)
    tuned = load_language_model(ModelSpec(str(cases.base), str(adapter)))
    first_new = cases.logits[None].shape[-1]
    assert tuned.tokenizer.convert_ids_to_tokens(first_new) == "<new0>"
    again = load_beside(tuned, spec_of(cases, "plain"))
    assert "<new0>" not in again.tokenizer.get_vocab(), "another adapter gets the base's"


def test_an_adapter_that_wakes_at_certain_tokens_is_refused(cases: Cases, tmp_path: Path) -> None:
    adapter = save_adapter(cases.base, tmp_path / "adapter", "plain")
    config = adapter / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"alora_invocation_tokens": [5]}))
    with pytest.raises(ModelError, match="activated LoRA"):
        load_language_model(ModelSpec(str(cases.base), str(adapter)))


def test_an_adapter_that_the_model_can_not_run_with_is_refused(
    cases: Cases, tmp_path: Path
) -> None:
    """peft repeats the layers, and transformers finds no more of them in the config."""
    adapter = save_adapter(cases.base, tmp_path / "adapter", "plain")
    config = adapter / "adapter_config.json"
    repeated = {"layer_replication": [[0, 2], [1, 2]], "layers_to_transform": [0, 1]}
    config.write_text(
        json.dumps(json.loads(config.read_text()) | repeated | {"layers_pattern": "layers"})
    )
    with pytest.raises(ModelError, match="can't read a text"):
        load_language_model(ModelSpec(str(cases.base), str(adapter)))


def test_the_remedy_names_the_base_an_adapter_was_trained_on(cases: Cases, tmp_path: Path) -> None:
    adapter = save_adapter(cases.base, tmp_path / "adapter", "plain")
    config = adapter / "adapter_config.json"
    facts = json.loads(config.read_text())
    config.write_text(json.dumps(facts | {"base_model_name_or_path": "somebody/else-7B", "r": 3}))
    with pytest.raises(ModelError) as caught:
        load_language_model(ModelSpec(str(cases.base), str(adapter)))
    assert "somebody/else-7B: load that model" in caught.value.remedy
