"""A checkpoint loads only if its weights are exactly those that its config asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from models import save_tiny_model
from safetensors.torch import load_file, save_file

from core.errors import ModelError
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec

Weights = dict[str, torch.Tensor]


def changed(
    folder: Path, weights: Callable[[Weights], Weights] = lambda w: w, **config: object
) -> ModelSpec:
    """The tiny model with other weights or another config."""
    save_tiny_model(folder)
    path = folder / "model.safetensors"
    save_file(weights(load_file(path)), path, metadata={"format": "pt"})
    facts = json.loads((folder / "config.json").read_text()) | config
    facts = {key: value for key, value in facts.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(facts))
    return ModelSpec(str(folder))


def without(*parts: str) -> Callable[[Weights], Weights]:
    return lambda w: {k: v for k, v in w.items() if not any(part in k for part in parts)}


@pytest.mark.parametrize(
    ("weights", "config", "says"),
    [
        (without("lm_head"), {}, r"1 missing \(lm_head\.weight\)"),
        (without("layers.1."), {}, r"11 missing \(model\.layers\.1\.input_layernorm\.weight, "),
        (
            lambda w: w,
            {"num_hidden_layers": 3, "layer_types": None},
            r"11 missing \(model\.layers\.2\.",
        ),
        (
            lambda w: w,
            {"num_hidden_layers": 1, "layer_types": None},
            r"11 that match no layer \(model\.layers\.1\.",
        ),
        (
            lambda w: {k.replace("model.", "other."): v for k, v in w.items()},
            {},
            r"24 missing \(.*24 that match no layer \(other\.embed_tokens\.weight",
        ),
        (
            lambda w: w | {"model.norm.weight": torch.ones(31)},
            {},
            r"1 of another shape \(model\.norm\.weight 31 instead of 32\)",
        ),
        (
            lambda w: w,
            {"intermediate_size": 65},
            r"6 of another shape \(model\.layers\.0\.mlp\.down_proj\.weight 32x64 instead of 32x65",
        ),
    ],
    ids=[
        "no head",
        "a lost layer",
        "a layer too few",
        "a layer too many",
        "renamed",
        "another shape",
        "another size in the config",
    ],
)
def test_weights_that_lack_are_surplus_or_misshapen_are_refused_by_name(
    tmp_path: Path, weights: Callable[[Weights], Weights], config: dict[str, object], says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        load_language_model(changed(tmp_path, weights, **config))
    assert "config.json" in caught.value.what


def test_tied_weights_are_not_missing(tmp_path: Path) -> None:
    spec = changed(tmp_path, without("lm_head"), tie_word_embeddings=True)
    model = load_language_model(spec).model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_the_rotary_buffers_of_old_checkpoints_are_not_surplus(tmp_path: Path) -> None:
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    load_language_model(changed(tmp_path, lambda w: w | old))
