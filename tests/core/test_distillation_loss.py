"""The distillation loss against its formula, written out plainly in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import byte_level_tokenizer, random_qwen3, tiny_language_model
from transformers import PreTrainedModel, Starcoder2Config, Starcoder2ForCausalLM

from core.distillation.examples import DistillationExample, TopK
from core.distillation.loss import distillation_loss
from core.distillation.teacher_top_k import teacher_examples, top_k
from core.distillation.trainer import DistillationConfig, DistillationTrainer
from core.errors import TrainingError
from core.evaluation.records import ProblemSamples, Sample
from core.lora import chunked_loss
from core.models.language_model import wrap
from core.models.spec import ModelSpec
from core.records import StopReason, Verdict

VOCABULARY = 23
K = 6


def exact_model(seed: int) -> PreTrainedModel:
    """Float64 throughout: layer norms keep it, where RMS norms round to float32."""
    torch.manual_seed(seed)
    config = Starcoder2Config(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    return Starcoder2ForCausalLM(config).double().eval()


@cache
def tokenizer() -> Any:
    """Ids are all that matters here, but a LanguageModel has one."""
    return byte_level_tokenizer()


def rollout(prompt: str, completion: str) -> DistillationExample:
    """Letters are token ids; the teacher is another random model."""
    ids = [tuple(ord(letter) - ord("a") for letter in text) for text in (prompt, completion)]
    teacher = wrap(ModelSpec("teacher"), exact_model(7), tokenizer())
    return DistillationExample("p", ids[0], ids[1], top_k(teacher, ids[0], ids[1], K, VOCABULARY))


LONG, SHORT, MIDDLE = rollout("abcde", "fghijkla"), rollout("b", "cda"), rollout("tuvw", "abab")


def plain_loss(logits: torch.Tensor, ids: Any, logprobs: Any) -> torch.Tensor:
    """Mean of sum_v q (log q - log p), one position at a time; q renormalised."""
    terms = []
    for row, own_ids, own_logprobs in zip(logits, ids, logprobs, strict=True):
        total = math.fsum(math.exp(each) for each in own_logprobs)
        p = torch.log_softmax(row, -1)
        for token_id, logprob in zip(own_ids, own_logprobs, strict=True):
            q = math.exp(logprob) / total
            if q > 0:
                terms.append(q * (math.log(q) - p[int(token_id)]))
    return torch.stack(terms).sum() / len(logits)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    """By parameter; only the adapter's may have one."""
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert found
    assert all("lora_" in name for name in found)
    return found


def trainer_of(examples: Sequence[DistillationExample], folder: Path) -> DistillationTrainer:
    """A trainer in float64 whose adapter is no longer at zero."""
    trainer = DistillationTrainer(
        wrap(ModelSpec("tiny"), exact_model(1), tokenizer()),
        DistillationConfig(str(folder), use_cpu=True, lora_rank=4, lora_alpha=8),
        examples,
    )
    torch.manual_seed(2)
    for name, parameter in trainer.model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    trainer.model.to(torch.float64)
    return trainer


@pytest.mark.parametrize("chunk", [1, 4, 1000])
@pytest.mark.parametrize(
    "micro_batches",
    [[[LONG, SHORT, MIDDLE]], [[LONG, SHORT], [MIDDLE]], [[SHORT]]],
    ids=["padded", "two micro-batches are one step", "one"],
)
def test_loss_and_adapter_gradients_are_the_plain_ones(
    micro_batches: list[list[DistillationExample]],
    chunk: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole logits, autograd, no padding, on the other side."""
    monkeypatch.setattr(chunked_loss, "_LOGITS_BYTES", chunk * 4 * VOCABULARY)
    examples = [each for batch in micro_batches for each in batch]
    trainer = trainer_of(examples, tmp_path)
    batches = iter([trainer.data_collator(each) for each in micro_batches])
    collected, count = trainer.get_batch_samples(batches, len(micro_batches), torch.device("cpu"))
    assert count.tolist() == [sum(len(each.token_ids) for each in examples)]
    value = 0.0
    for batch in collected:
        loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=count)
        loss.backward()
        value += loss.item()
    found = gradients(trainer.model)

    trainer.model.zero_grad()
    rows = []
    for each in examples:
        ids = torch.tensor([[*each.prompt_ids, *each.token_ids]])
        logits = trainer.model(ids, use_cache=False).logits[0]
        rows.append(logits[len(each.prompt_ids) - 1 : -1])
    expected = plain_loss(
        torch.cat(rows),
        np.concatenate([each.teacher.ids for each in examples]),
        np.concatenate([each.teacher.logprobs for each in examples]),
    )
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-6)
    plain = gradients(trainer.model)
    assert plain.keys() == found.keys()
    for name, gradient in plain.items():
        size = float(gradient.abs().max())
        torch.testing.assert_close(found[name], gradient, rtol=1e-6, atol=1e-6 * size)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    n=st.integers(1, 12),
    k=st.integers(1, VOCABULARY),
    chunk=st.integers(1, 8),
    left_out=st.booleans(),
)
def test_random_distributions_at_the_hidden_states(
    seed: int, n: int, k: int, chunk: int, left_out: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, 5, generator=generator, dtype=torch.float64).requires_grad_()
    weight = torch.randn(VOCABULARY, 5, generator=generator, dtype=torch.float64)
    teacher = torch.log_softmax(3 * torch.randn(n, VOCABULARY, generator=generator), -1)
    logprobs, ids = teacher.topk(k, dim=-1)
    if left_out and k > 1:
        logprobs[:, k // 2], ids[:, k // 2] = -torch.inf, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked_loss, "_LOGITS_BYTES", chunk * 4 * VOCABULARY)
        loss = distillation_loss(hidden, ids, logprobs, lambda x: x @ weight.T, VOCABULARY, n)
    (found,) = torch.autograd.grad(loss, hidden)
    expected = plain_loss(hidden @ weight.T, ids.tolist(), logprobs.double().tolist())
    (plain,) = torch.autograd.grad(expected, hidden)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(found, plain, rtol=1e-6, atol=1e-6 * float(plain.abs().max()))


def test_one_position_by_hand() -> None:
    """q = (0.6, 0.2) of (0.6, 0.2, 0.2) is (3/4, 1/4); p = (1/2, 1/4, 1/4): KL and p - q."""
    logits = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64).log().requires_grad_()
    kept = torch.tensor([[0.6, 0.2]], dtype=torch.float64).log()
    loss = distillation_loss(logits, torch.tensor([[0, 1]]), kept, lambda x: x, 3, 1)
    assert loss.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(1.0))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[0].tolist() == pytest.approx([0.5 - 0.75, 0.25 - 0.25, 0.25])


def test_a_student_that_is_its_teacher_has_no_loss(tmp_path: Path) -> None:
    """All of a small vocabulary is kept, and an adapter starts at zero."""
    lm = tiny_language_model()
    record = ProblemSamples(
        "p", None, (5, 6, 7), tuple(sample(ids) for ids in ((8, 9, 10, 11), (12, 3)))
    )
    examples = teacher_examples(lm, [record], k=1000, vocab_size=lm.vocab_size)
    assert examples[0].teacher.ids.shape == (4, lm.vocab_size)
    assert np.concatenate([each.teacher.mass for each in examples]) == pytest.approx(1, abs=1e-5)
    trainer = DistillationTrainer(lm, DistillationConfig(str(tmp_path), use_cpu=True), examples)
    batches, count = trainer.get_batch_samples(
        iter([trainer.data_collator(examples)]), 1, torch.device("cpu")
    )
    loss = trainer.compute_loss(trainer.model, batches[0], num_items_in_batch=count)
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_the_teacher_s_top_k_are_those_of_its_whole_distribution() -> None:
    lm = tiny_language_model(seed=3)
    prompt, completion = (5, 6, 7), (8, 9, 10, 11)
    found = top_k(lm, prompt, completion, 64, lm.vocab_size)
    with torch.no_grad():
        logits = lm.model(torch.tensor([[*prompt, *completion]])).logits[0, 2:-1]
    expected = torch.log_softmax(logits.double(), -1).topk(64, dim=-1)
    assert found.ids.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(found.logprobs, expected.values.numpy(), atol=1e-5)


def test_a_token_that_the_student_lacks_is_left_out() -> None:
    """Padding of a wider teacher: of no student's vocabulary."""
    model = random_qwen3(331, seed=4)
    model.get_output_embeddings().weight.data[325] = 50 * model.get_output_embeddings().weight[9]
    wide = wrap(ModelSpec("wide"), model, tokenizer())
    found = top_k(wide, (5, 6), (9, 8, 7), 331, 320)
    assert found.ids.max() < 320
    assert (np.isneginf(found.logprobs).sum(axis=-1) == 11).all()
    assert (found.mass < 1).all()


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to learn"):
        DistillationTrainer(
            tiny_language_model(), DistillationConfig(str(tmp_path), use_cpu=True), []
        )


@pytest.mark.training
def test_training_moves_the_student_to_its_teacher_and_nothing_else(tmp_path: Path) -> None:
    teacher, lm = tiny_language_model(seed=9), tiny_language_model(seed=8)
    before = {name: p.clone() for name, p in lm.model.named_parameters()}
    record = ProblemSamples(
        "p", None, (5, 6), tuple(sample((i, i + 1, i + 2)) for i in range(20, 60))
    )
    examples = teacher_examples(teacher, [record], 64, lm.vocab_size)
    config = DistillationConfig(
        str(tmp_path), use_cpu=True, learning_rate=2e-2, save_strategy="no", num_train_epochs=8
    )
    trainer = DistillationTrainer(lm, config, examples)
    trainer.train()
    losses = [each["loss"] for each in trainer.state.log_history if "loss" in each]
    assert len(losses) == 8 * 3  # 40 rollouts, 16 a step
    assert losses[-1] < 0.7 * losses[0]
    for name, parameter in trainer.model.named_parameters():
        if "lora_" not in name:
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            assert torch.equal(parameter, before[plain])


def sample(ids: Sequence[int]) -> Sample:
    return Sample(tuple(ids), None, Verdict.WRONG, False, StopReason.LENGTH)


def test_a_batch_holds_the_teacher_s_positions_example_by_example(tmp_path: Path) -> None:
    trainer = trainer_of([LONG, SHORT], tmp_path)
    batch = trainer.collator(share=False)([LONG, SHORT])
    assert batch["completion"].sum(-1).tolist() == [8, 3]
    assert batch["completion"][1].nonzero().flatten().tolist() == [0, 1, 2]
    assert batch["top_ids"].shape == batch["top_logprobs"].shape == (11, K)
    assert batch["top_ids"][8:].tolist() == SHORT.teacher.ids.tolist()
    assert isinstance(SHORT.teacher, TopK)
