"""NaN and infinite weights and logits end in a sentence, wherever a model is asked; a logit of -inf
is a probability of zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lookup_model import BASE, PROMPT, SO, THREE, lookup_model
from models import save_tiny_model, tiny_language_model
from safetensors.torch import load_file, save_file

from core.chains.generation import generate, look_up
from core.decoding.guidance import Guide
from core.decoding.loop import Row, decode
from core.decoding.scoring import score
from core.disagreement.token_classes import disagree
from core.entropy import entropy
from core.errors import ModelError
from core.models.finite_numbers import check_finite, check_finite_weights
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from core.records import Problem, Sampler

NAN, INF = float("nan"), float("inf")
GREEDY, SAMPLED = Sampler(max_new_tokens=8), Sampler(temperature=1.0, max_new_tokens=8)
PROBLEM = Problem("p", "How many cuts?", None)
POISON = 200  # a token id after which the model gives no numbers


def poisoned(value: float = NAN) -> LanguageModel:
    """Gives numbers until it reads one certain token: so it passes the look at loading."""
    lm = tiny_language_model(seed=1)
    lm.model.get_input_embeddings().weight.data[POISON] = value
    return lm


@pytest.mark.parametrize(
    ("row", "fine"),
    [
        ([0.0, 1.0], True),
        ([-INF, 1.0], True),
        ([NAN, 1.0], False),
        ([INF, 1.0], False),
        ([-INF, -INF], False),
    ],
)
def test_a_distribution_needs_a_finite_largest_logit(row: list[float], fine: bool) -> None:
    logits = torch.tensor([[0.0, 0.0], row])
    if fine:
        check_finite(logits, "m", "float32")
        assert entropy(logits).isfinite().all()
    else:
        with pytest.raises(ModelError, match=r"The logits of m are not finite .* in float32"):
            check_finite(logits, "m", "float32")


def test_in_float16_another_precision_is_the_remedy() -> None:
    with pytest.raises(ModelError) as caught:
        check_finite(torch.tensor([NAN]), "m", "float16")
    assert "float32 or bfloat16" in caught.value.remedy


Ask = Callable[[LanguageModel], object]
ASKS: dict[str, Ask] = {
    "greedy": lambda lm: decode(lm, [Row((5, 9, POISON))], GREEDY),
    "sampled": lambda lm: decode(lm, [Row((5, 9, POISON))], SAMPLED),
    "in a batch": lambda lm: decode(lm, [Row((5, 9)), Row((5, POISON))], SAMPLED),
    "after a forced token": lambda lm: decode(lm, [Row((5, 9), forced={2: POISON})], GREEDY),
    "scored": lambda lm: score(lm, [5, 9], [7, POISON, 8]),
    "compared": lambda lm: disagree(lm, tiny_language_model(seed=1), [5], [POISON, 8]),
    "as a teacher compared": lambda lm: disagree(tiny_language_model(seed=1), lm, [5], [POISON, 8]),
    "as a teacher that guides": lambda lm: decode(
        tiny_language_model(seed=1),
        [Row((5, POISON))],
        GREEDY,
        guide=Guide(lm, [lambda context: context.teacher_id]),
    ),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("value", [NAN, INF])
def test_wherever_it_is_asked_it_ends_in_a_sentence(ask: Ask, value: float) -> None:
    with pytest.raises(ModelError, match="logits of tiny are not finite"):
        ask(poisoned(value))


def test_a_recomputed_model_too() -> None:
    table = {**BASE, (SO, THREE): dict.fromkeys(BASE[()], NAN)}
    with pytest.raises(ModelError, match="logits of lookup are not finite"):
        decode(lookup_model(table), [Row(tuple(PROMPT))], GREEDY)


def test_looking_up_a_token_too() -> None:
    lm = poisoned()
    (chain,) = generate(tiny_language_model(seed=1), [PROBLEM], GREEDY, seeds=[0])
    lm.prefixes.clear()
    broken = (*chain.token_ids[:2], POISON, *chain.token_ids[3:])
    with pytest.raises(ModelError, match="not finite"):
        look_up(lm, replace(chain, token_ids=broken), 4, [7])


@pytest.mark.parametrize("value", [NAN, INF])
def test_a_model_that_never_gives_numbers_is_refused_at_loading(
    tmp_path: Path, value: float
) -> None:
    folder = save_tiny_model(tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="are not finite numbers"):
        load_language_model(ModelSpec(str(folder)))


WEIGHTS = ("self_attn.q_proj.weight", "self_attn.k_norm.weight", "mlp.down_proj.weight")


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_weight_without_a_number_is_refused_whatever_the_logits_show(
    name: str, value: float
) -> None:
    model = tiny_language_model(seed=1).model
    check_finite_weights(model, "m")
    weight = model.get_parameter(f"model.layers.0.{name}")
    weight.data.view(-1)[-1] = value
    with pytest.raises(ModelError, match=r"weights of m are not finite numbers .* in float32"):
        check_finite_weights(model, "m")


def test_quantised_weights_are_not_looked_at() -> None:
    model = torch.nn.Module()
    packed = torch.nn.Parameter(torch.zeros(3, dtype=torch.uint8), requires_grad=False)
    model.register_parameter("packed", packed)
    check_finite_weights(model, "m")
