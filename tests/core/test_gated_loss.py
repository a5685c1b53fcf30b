"""The gated loss against the paper's formulas, written out plainly in float64."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_reasonmaxxer import (
    Distributions,
    assert_gradients_close,
    plain_loss,
    plain_step,
    rollout,
    step,
    tiny_trainer,
)
from transformers import (
    Cohere2Config,
    Cohere2ForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
    Starcoder2Config,
    Starcoder2ForCausalLM,
)

from core.lora import chunked_loss
from core.lora.prefix_tree import separate_rows
from core.lora.two_models import TwoModels
from core.reasonmaxxer import loss as gated_loss_file
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.loss import (
    LossParts,
    LossSettings,
    Positions,
    Totals,
    gated_loss,
    position_weights,
)
from core.reasonmaxxer.selection import advantages

VOCABULARY = 23
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "initializer_range": 0.4,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
}


# At the adapter of a model: the trainer's own path, padding and accumulation included.


def exact_model(*, tied: bool = False) -> PreTrainedModel:
    """Float64 throughout: layer norms keep it, where RMS norms round to float32."""
    torch.manual_seed(1)
    config = Starcoder2Config(**SMALL, tie_word_embeddings=tied)
    return Starcoder2ForCausalLM(config).double().eval()


LONG = rollout("abcde", "fghijkla", [0, 3, 7], -1.5)
SHORT = rollout("b", "cda", [1], 0.75)
MIDDLE = rollout("tuvw", "abab", [2, 3], -0.5)
UNGATED = rollout("klm", "nopqa", [], -2.0)
ONE_IN_TWENTY = advantages([True] + [False] * 19)  # sqrt(19) is clipped to 2.5
CLIPPED = rollout("qr", "stua", [0, 2], ONE_IN_TWENTY[0])
UNCLIPPED = rollout("qr", "sva", [1], ONE_IN_TWENTY[1])

STEPS = {
    "unequal prompts in one padded micro-batch": [[LONG, SHORT, MIDDLE]],
    "a sequence without decisions": [[UNGATED, SHORT]],
    "a micro-batch without decisions": [[LONG, SHORT], [UNGATED], [MIDDLE]],
    "right rollouts only": [[SHORT, replace(LONG, advantage=1.5)]],
    "a clipped advantage": [[CLIPPED, UNCLIPPED]],
    "every token a decision": [[replace(MIDDLE, prompt_ids=(1,), gate=(True,) * 4)]],
}


def test_the_advantage_of_one_right_rollout_in_twenty_is_clipped() -> None:
    assert ONE_IN_TWENTY[0] == 2.5
    assert ONE_IN_TWENTY[1] == pytest.approx(-1 / math.sqrt(19))


@pytest.mark.parametrize("averaging", ["token", "sequence"])
@pytest.mark.parametrize("name", STEPS)
def test_loss_and_adapter_gradients_are_the_plain_ones(
    name: str, averaging: Any, tmp_path: Path
) -> None:
    _check_step(STEPS[name], LossSettings(averaging=averaging), tmp_path)


@pytest.mark.parametrize("floors", [(0.03, 0.0), (0.0, 0.9), (0.01, 1.0)])
def test_floors_hold_at_the_adapter_too(floors: tuple[float, float], tmp_path: Path) -> None:
    chosen = LossSettings(probability_floor=floors[0], relative_probability_floor=floors[1])
    parts = _check_step([[LONG, SHORT], [MIDDLE, UNCLIPPED]], chosen, tmp_path)
    assert 0 < parts.floored < parts.lowered_count


def test_tied_embeddings_give_the_plain_gradient(tmp_path: Path) -> None:
    _check_step([[LONG, SHORT]], LossSettings(), tmp_path, exact_model(tied=True))


def test_gradient_checkpointing_changes_no_gradient(tmp_path: Path) -> None:
    trainer = tiny_trainer(exact_model(), [LONG], tmp_path, LossSettings())
    loss, expected = step(trainer, [[LONG, SHORT]])
    trainer.args.gradient_checkpointing = True
    trainer.model.gradient_checkpointing_enable({"use_reentrant": False})
    again, found = step(trainer, [[LONG, SHORT]])
    assert again == loss
    assert_gradients_close(found, expected)


def _check_step(
    micro_batches: Sequence[Sequence[Example]],
    chosen: LossSettings,
    folder: Path,
    model: PreTrainedModel | None = None,
) -> LossParts:
    model = model or exact_model()
    base = copy.deepcopy(model)
    trainer = tiny_trainer(model, [LONG], folder, chosen)
    examples = [each for batch in micro_batches for each in batch]
    expected, plain = plain_step(trainer.model, base, examples, chosen)
    loss, found = step(trainer, micro_batches)
    assert loss == pytest.approx(expected, rel=1e-6)
    assert_gradients_close(found, plain)
    return trainer._parts


# At the hidden states: random cases, chunks, and floors by hand.


def random_positions(
    seed: int, lengths: Sequence[int], share: float, averaging: Any, dtype: torch.dtype
) -> tuple[Positions, torch.Tensor]:
    """Sequences of random hidden states, and the head's weights (V, H)."""
    torch.manual_seed(seed)
    width = max(lengths)
    predicted = torch.arange(width) < torch.tensor(lengths)[:, None]
    decision = (torch.rand(len(lengths), width) < share) & predicted
    advantage = (torch.randn(len(lengths), 1) * 1.5).expand_as(predicted)
    totals = Totals(int(decision.sum()), int((predicted & ~decision).sum()), len(lengths))
    decision_weight, anchor_weight = position_weights(decision, predicted, totals, averaging)
    n = int(predicted.sum())
    positions = Positions(
        hidden=torch.randn(n, 6, dtype=dtype, requires_grad=True),
        base_hidden=torch.randn(n, 6, dtype=dtype),
        token_ids=torch.randint(VOCABULARY, (n,)),
        decision=decision[predicted],
        advantage=advantage[predicted],
        decision_weight=decision_weight[predicted],
        anchor_weight=anchor_weight[predicted],
    )
    return positions, torch.randn(VOCABULARY, 6, dtype=dtype)


def linear(weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda hidden: hidden @ weight.T


def as_sequences(
    positions: Positions, weight: torch.Tensor, lengths: Sequence[int]
) -> list[Distributions]:
    """The same numbers as `plain_loss` wants them."""
    found, start = [], 0
    for length in lengths:
        part = slice(start, start + length)
        start += length
        logprobs, base_logprobs = (
            torch.log_softmax(hidden[part] @ weight.T, -1)
            for hidden in (positions.hidden, positions.base_hidden)
        )
        token_ids = tuple(positions.token_ids[part].tolist())
        gate = tuple(positions.decision[part].tolist())
        example = Example("problem", (0,), token_ids, gate, float(positions.advantage[part][0]))
        found.append(Distributions(logprobs, base_logprobs, example))
    return found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    chunk=st.integers(1, 9),
    block=st.integers(1, 9),
    chosen=st.builds(
        LossSettings,
        kl_weight=st.sampled_from([0.0, 0.2, 3.0]),
        averaging=st.sampled_from(["token", "sequence"]),
        probability_floor=st.sampled_from([0.0, 1e-4, 0.05]),
        relative_probability_floor=st.sampled_from([0.0, 0.5, 1.0]),
    ),
)
def test_random_cases_at_the_hidden_states(
    seed: int, lengths: list[int], share: float, chunk: int, block: int, chosen: LossSettings
) -> None:
    positions, weight = random_positions(seed, lengths, share, chosen.averaging, torch.float64)
    expected = plain_loss(as_sequences(positions, weight, lengths), chosen)
    expected = expected + 0 * positions.hidden.sum()  # where every token is floored, a constant
    (plain,) = torch.autograd.grad(expected, positions.hidden)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked_loss, "_LOGITS_BYTES", chunk * 4 * VOCABULARY)
        patch.setattr(gated_loss_file, "_BLOCK_BYTES", block * 4 * VOCABULARY)
        loss, _ = gated_loss(positions, linear(weight), VOCABULARY, chosen)
    (found,) = torch.autograd.grad(loss, positions.hidden)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(found, plain, rtol=1e-6, atol=1e-6 * float(plain.abs().max()))


@pytest.mark.parametrize("chunk", [1, 2, 7, 19, 20])
def test_the_head_sees_no_more_positions_at_once_than_a_chunk_holds(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, weight = random_positions(0, [20], 0.3, "token", torch.float64)
    whole, parts = gated_loss(positions, linear(weight), VOCABULARY, LossSettings())
    seen = []

    def head(hidden: torch.Tensor) -> torch.Tensor:
        seen.append(len(hidden))
        return hidden @ weight.T

    monkeypatch.setattr(chunked_loss, "_LOGITS_BYTES", chunk * 4 * VOCABULARY)
    chunked, chunked_parts = gated_loss(positions, head, VOCABULARY, LossSettings())
    assert max(seen) == chunk
    assert sum(seen) == 2 * 20  # of both models
    torch.testing.assert_close(chunked, whole)
    assert vars(chunked_parts) == pytest.approx(vars(parts), rel=1e-10)


def one_decision(advantage: float, p: float, q: float = 0.5) -> Positions:
    """One decision for token 0 of two, which has probability p, and q under the base; with
    the identity as head the hidden states are the log-probabilities."""

    def logprobs(share: float) -> torch.Tensor:
        return torch.tensor([[share, 1 - share]], dtype=torch.float64).log()

    return Positions(
        hidden=logprobs(p).requires_grad_(),
        base_hidden=logprobs(q),
        token_ids=torch.tensor([0]),
        decision=torch.tensor([True]),
        advantage=torch.tensor([advantage]),
        decision_weight=torch.ones(1),
        anchor_weight=torch.zeros(1),
    )


def at_one_decision(
    positions: Positions, chosen: LossSettings
) -> tuple[float, list[float], LossParts]:
    """Loss, gradient at both logits, and parts."""
    loss, parts = gated_loss(positions, lambda hidden: hidden, 2, chosen)
    (gradient,) = torch.autograd.grad(loss, positions.hidden)
    return loss.item(), gradient[0].tolist(), parts


def test_a_decision_by_hand() -> None:
    """A = -2 at p = 0.25: -2 * ln 4; gradient -2 * (p - 1, 1 - p)."""
    loss, gradient, parts = at_one_decision(one_decision(-2.0, 0.25), LossSettings())
    assert loss == pytest.approx(-2 * math.log(4))
    assert gradient == pytest.approx([1.5, -1.5])
    assert (parts.lowered_count, parts.raised_count, parts.floored) == (1, 0, 0)
    assert parts.lowered == pytest.approx(math.log(0.25 / 0.5))
    assert parts.push_down == pytest.approx(1.5)  # 2 * (1 - 0.25)
    assert parts.push_up == 0


def test_the_anchor_by_hand() -> None:
    """q = (0.5, 0.5), p = (0.25, 0.75): KL(q || p) = ln 0.5 - (ln 0.25 + ln 0.75) / 2."""
    positions = replace(
        one_decision(-2.0, 0.25),
        decision=torch.tensor([False]),
        decision_weight=torch.zeros(1),
        anchor_weight=torch.ones(1),
    )
    loss, gradient, parts = at_one_decision(positions, LossSettings(kl_weight=0.2))
    divergence = math.log(0.5) - (math.log(0.25) + math.log(0.75)) / 2
    assert parts.anchor == pytest.approx(divergence)
    assert loss == pytest.approx(0.2 * divergence)
    assert gradient == pytest.approx([0.2 * (0.25 - 0.5), 0.2 * (0.75 - 0.5)])


@pytest.mark.parametrize(
    ("chosen", "floor"),
    [
        (LossSettings(probability_floor=0.1), 0.1),
        (LossSettings(relative_probability_floor=0.4), 0.2),  # q is 0.5
        (LossSettings(probability_floor=0.1, relative_probability_floor=0.4), 0.2),  # the larger
    ],
)
def test_below_a_floor_a_wrong_token_is_pushed_no_further(
    chosen: LossSettings, floor: float
) -> None:
    for p in (floor / 2, floor / 1000):  # the value stays, wherever the token stands
        loss, gradient, parts = at_one_decision(one_decision(-2.0, p), chosen)
        assert loss == pytest.approx(2 * math.log(floor))
        assert gradient == [0, 0]
        assert (parts.floored, parts.push_down) == (1, 0)
    loss, gradient, parts = at_one_decision(one_decision(-2.0, floor * 1.01), chosen)
    assert loss == pytest.approx(2 * math.log(floor * 1.01))
    assert gradient == pytest.approx([2 * (1 - floor * 1.01), -2 * (1 - floor * 1.01)])
    assert parts.floored == 0


def test_a_floor_never_holds_a_right_token_back() -> None:
    chosen = LossSettings(probability_floor=0.5)
    loss, gradient, parts = at_one_decision(one_decision(1.0, 0.25), chosen)
    assert loss == pytest.approx(math.log(4))
    assert gradient == pytest.approx([-0.75, 0.75])
    assert (parts.floored, parts.push_up) == (0, pytest.approx(0.75))


def test_a_token_of_probability_zero_in_both_models_gives_no_nan() -> None:
    """As where a model masks ids out of its logits."""
    positions, weight = random_positions(3, [6], 0.4, "token", torch.float32)
    positions = replace(positions, token_ids=positions.token_ids % (VOCABULARY - 1))

    def head(hidden: torch.Tensor) -> torch.Tensor:
        logits = hidden @ weight.T
        return torch.cat([logits[:, :-1], torch.full_like(logits[:, -1:], -torch.inf)], -1)

    loss, _ = gated_loss(positions, head, VOCABULARY, LossSettings())
    (gradient,) = torch.autograd.grad(loss, positions.hidden)
    without, _ = gated_loss(positions, linear(weight[:-1]), VOCABULARY - 1, LossSettings())
    (expected,) = torch.autograd.grad(without, positions.hidden)
    torch.testing.assert_close(loss, without)
    torch.testing.assert_close(gradient, expected)


def test_weights_of_each_mean_add_up_over_the_step() -> None:
    predicted = torch.tensor([[True, True, True, True], [True, True, False, False]])
    decision = torch.tensor([[True, True, False, False], [False, False, False, False]])
    by_token = position_weights(decision, predicted, Totals(2, 4, 2), "token")
    assert by_token[0].tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0, 0]]
    assert by_token[1].tolist() == [[0, 0, 0.25, 0.25], [0.25, 0.25, 0, 0]]
    by_sequence = position_weights(decision, predicted, Totals(2, 4, 2), "sequence")
    assert by_sequence[0].tolist() == [[0.25, 0.25, 0, 0], [0, 0, 0, 0]]  # the second adds 0
    assert by_sequence[1].tolist() == [[0, 0, 0.25, 0.25], [0.25, 0.25, 0, 0]]


# The head of models that do something to their logits.


def kinds_of_head() -> dict[str, PreTrainedModel]:
    torch.manual_seed(4)
    return {
        "untied": Qwen3ForCausalLM(Qwen3Config(**SMALL, tie_word_embeddings=False)),
        "tied": Qwen3ForCausalLM(Qwen3Config(**SMALL, tie_word_embeddings=True)),
        "capped": Gemma2ForCausalLM(Gemma2Config(**SMALL, final_logit_softcapping=3.0)),
        "divided": GraniteForCausalLM(GraniteConfig(**SMALL, logits_scaling=4.0)),
        "multiplied": Cohere2ForCausalLM(Cohere2Config(**SMALL, logit_scale=0.25)),
    }


@pytest.mark.parametrize("kind", ["untied", "tied", "capped", "divided", "multiplied"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_head_gives_the_models_own_logits_bit_for_bit(
    kind: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    model = kinds_of_head()[kind].to(dtype).eval()
    original = copy.deepcopy(model)
    peft = tiny_trainer(model, [LONG], tmp_path, LossSettings()).model
    two = TwoModels(peft)
    ids = torch.tensor([[1, 5, 9, 2, 7, 3]])
    rows = separate_rows(ids.tolist(), pad_id=0)
    with torch.no_grad():
        tuned = peft(ids, use_cache=False).logits[0]
        base = original(ids, use_cache=False).logits[0]
        hidden = two.tuned(peft, rows)[0]
        assert torch.equal(two.head(hidden), tuned)
        assert torch.equal(two.head(two.base(rows)[0]), base)
        assert not torch.equal(tuned, base)
        projected = model.get_output_embeddings()(hidden)
        assert torch.equal(projected, tuned) == (kind in ("untied", "tied"))


@pytest.mark.parametrize("kind", ["capped", "divided", "multiplied"])
def test_gradients_go_through_caps_and_scales(kind: str, tmp_path: Path) -> None:
    _check_step([[LONG], [SHORT]], LossSettings(), tmp_path, kinds_of_head()[kind].double().eval())


def test_the_head_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    trainer = tiny_trainer(exact_model(), [LONG], tmp_path, LossSettings())
    ids = torch.tensor([[1, 2, 3]])
    before = trainer.model(ids).logits
    TwoModels(trainer.model).head(torch.zeros(2, 16, dtype=torch.float64))
    assert torch.equal(trainer.model(ids).logits, before)
