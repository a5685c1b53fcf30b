"""The trainer: what it changes, what it leaves alone, and when it refuses."""

from __future__ import annotations

import hashlib
import inspect
import json
import random
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from models import byte_level_tokenizer, random_qwen3, save_tiny_model, tiny_language_model
from peft import get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import Qwen3ForCausalLM

from core.errors import ModelError, TrainingError
from core.evaluation.sampling import evaluate
from core.evaluation.settings import EvaluationSettings
from core.lora.callbacks import CompleteCheckpointCallback, last_whole_checkpoint
from core.lora.prefix_tree import separate_rows
from core.models.language_model import LanguageModel, load_language_model, wrap
from core.models.spec import ModelSpec
from core.problems.problem_sets import read_problems
from core.reasonmaxxer import trainer as trainer_module
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.selection import select_examples
from core.reasonmaxxer.settings import GateSettings, SelectionSettings
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer
from core.records import Problem, StopReason, Verdict

pytestmark = pytest.mark.training


def examples(count: int, seed: int = 0) -> list[Example]:
    """Rollouts of several lengths, right and wrong by turns, a third of the tokens gated."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        prompt = tuple(rng.randrange(1, 300) for _ in range(rng.randrange(2, 6)))
        completion = tuple(rng.randrange(1, 300) for _ in range(rng.randrange(3, 9)))
        gate = tuple(position % 3 == i % 3 for position in range(len(completion)))
        found.append(Example(f"p{i}", prompt, completion, gate, -1.0 if i % 2 else 1.0))
    return found


def tiny_trainer(
    folder: Path,
    train: Sequence[Example],
    lm: LanguageModel | None = None,
    held_out: Any = None,
    callbacks: Sequence[Any] = (),
    **recipe: Any,
) -> ReasonMaxxerTrainer:
    defaults = {
        "use_cpu": True,
        "lora_rank": 4,
        "lora_alpha": 8,
        "learning_rate": 1e-2,
        "warmup_steps": 0,
        "gradient_accumulation_steps": 2,
        "save_strategy": "no",
    }
    config = ReasonMaxxerConfig(str(folder), **{**defaults, **recipe})
    return ReasonMaxxerTrainer(lm or tiny_language_model(), config, train, held_out, callbacks)


def adapter(trainer: ReasonMaxxerTrainer) -> dict[str, torch.Tensor]:
    state = get_peft_model_state_dict(trainer.model)
    return {name: tensor.clone() for name, tensor in state.items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def losses(trainer: ReasonMaxxerTrainer, key: str = "loss") -> list[float]:
    return [entry[key] for entry in trainer.state.log_history if key in entry]


def first_step(trainer: ReasonMaxxerTrainer, batch: Sequence[Example]) -> torch.Tensor:
    """The loss of one micro-batch that is a step, through the trainer's own path."""
    trainer.model.train()  # as Trainer does before every micro-batch
    batches, counts = trainer.get_batch_samples(
        iter([trainer.data_collator(batch)]), 1, torch.device("cpu")
    )
    loss: torch.Tensor = trainer.compute_loss(trainer.model, batches[0], num_items_in_batch=counts)
    return loss


@pytest.mark.parametrize("attention_dropout", [0.0, 0.5])
def test_an_adapter_at_zero_has_an_anchor_of_exactly_zero(
    attention_dropout: float, tmp_path: Path
) -> None:
    lm = tiny_language_model()
    for layer in lm.model.model.layers:
        layer.self_attn.attention_dropout = attention_dropout
    trainer = tiny_trainer(tmp_path, examples(4), lm)
    first_step(trainer, examples(4))
    assert trainer._parts.anchor == 0.0
    assert trainer._parts.raised == trainer._parts.lowered == 0.0
    assert trainer._parts.raised_count > 0


def test_with_the_adapter_switched_off_the_base_speaks_bit_for_bit(tmp_path: Path) -> None:
    ids = torch.tensor([[5, 17, 200, 3, 88]])
    base = tiny_language_model().model(ids).logits
    trainer = tiny_trainer(tmp_path, examples(4))
    trainer.train()
    trainer.model.eval()
    assert not torch.equal(trainer.model(ids).logits, base)
    with trainer.model.disable_adapter():
        assert torch.equal(trainer.model(ids).logits, base)
    rows = separate_rows(ids.tolist(), pad_id=0)
    assert torch.equal(trainer._two.head(trainer._two.base(rows)[0]), base[0])


def test_training_leaves_every_weight_of_the_base_alone(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, examples(6))
    frozen, adapted = _digest(trainer.model, lora=False), _digest(trainer.model, lora=True)
    trainer.train()
    assert _digest(trainer.model, lora=False) == frozen
    assert _digest(trainer.model, lora=True) != adapted
    original = dict(tiny_language_model().model.named_parameters())
    for name, tensor in trainer.model.get_base_model().named_parameters():
        if "lora_" not in name:
            assert torch.equal(tensor, original[name.replace(".base_layer", "")])


def _digest(model: torch.nn.Module, *, lora: bool) -> str:
    digest = hashlib.sha256()
    for name, tensor in model.named_parameters():
        if ("lora_" in name) == lora:
            digest.update(name.encode() + tensor.detach().numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("averaging", ["token", "sequence"])
def test_four_micro_batches_of_two_equal_one_of_eight(averaging: str, tmp_path: Path) -> None:
    """Unequal lengths and gates: means of means would differ."""
    runs = []
    for batch, accumulation in ((2, 4), (8, 1), (1, 8)):
        trainer = tiny_trainer(
            tmp_path,
            examples(16),
            averaging=averaging,
            optim="sgd",  # whose update is the gradient, not its sign
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
        )
        start = adapter(trainer)
        trainer.train()
        runs.append((losses(trainer), adapter(trainer)))
        assert not same(start, runs[-1][1])
    for curve, weights in runs[1:]:
        # Parts of about 1 cancel to a small loss, and float32 rounds the parts.
        assert curve == pytest.approx(runs[0][0], rel=1e-5, abs=1e-6)
        assert len(curve) == 2
        for name, tensor in runs[0][1].items():
            torch.testing.assert_close(weights[name], tensor, rtol=1e-4, atol=1e-7)


def test_what_is_logged_is_what_the_loss_is_made_of(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, examples(8), kl_weight=0.5, logging_steps=2)
    trainer.train()
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert [entry["step"] for entry in entries] == [2, 4]
    for entry in entries:
        assert entry["loss"] == pytest.approx(entry["decision"] + 0.5 * entry["kl"], rel=1e-4)
        assert entry["kl"] > 0
        assert 0 < entry["negative_pressure"] < 1
        assert entry["floored"] == 0


def test_training_raises_right_tokens_and_lowers_wrong_ones(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, examples(2), num_train_epochs=8, lr_scheduler_type="constant")
    trainer.train()
    last = [entry for entry in trainer.state.log_history if "kl" in entry][-1]
    assert last["right_delta_logprob"] > 0.5
    assert last["wrong_delta_logprob"] < -0.5


@pytest.mark.parametrize("strategy", ["sequential", "random"])
def test_a_resumed_training_ends_with_the_same_adapter_bit_for_bit(
    strategy: str, tmp_path: Path
) -> None:
    def trained(folder: Path, checkpoint: Path | None = None) -> ReasonMaxxerTrainer:
        trainer = tiny_trainer(
            folder,
            examples(12),
            num_train_epochs=2,
            save_strategy="steps",
            save_steps=2,
            train_sampling_strategy=strategy,
        )
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        return trainer

    whole = trained(tmp_path / "whole")
    for step in (2, 8):  # in the first epoch of six steps, and in the second
        resumed = trained(tmp_path / f"{step}", tmp_path / "whole" / f"checkpoint-{step}")
        assert same(adapter(resumed), adapter(whole))
        for key in ("loss", "decision", "kl", "grad_norm"):
            assert losses(resumed, key) == losses(whole, key)
    halfway = load_file(tmp_path / "whole" / "checkpoint-2" / "adapter_model.safetensors")
    assert not same(halfway, adapter(whole))


def test_rollouts_are_seen_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    plain = ReasonMaxxerTrainer.compute_loss

    def watched(self: Any, model: Any, inputs: Any, **others: Any) -> Any:
        if (rows := inputs["rows"]) is not None:
            lengths = inputs["predicted"].sum(-1) + 1
            for places, length in zip(rows.places, lengths, strict=True):
                seen.append(tuple(rows.input_ids.flatten()[places[:length]].tolist()))
        return plain(self, model, inputs, **others)

    monkeypatch.setattr(ReasonMaxxerTrainer, "compute_loss", watched)
    train = examples(6)
    tiny_trainer(tmp_path, train, per_device_train_batch_size=2).train()
    assert seen == [each.prompt_ids + each.token_ids for each in train]


def test_rollouts_of_a_step_share_their_prompt_and_the_gradients_stay(tmp_path: Path) -> None:
    prompt = tuple(range(40, 80))
    train = [replace(each, prompt_ids=prompt) for each in examples(4)]
    trainer = tiny_trainer(tmp_path, train, gradient_accumulation_steps=4)
    trainer.model.eval()
    for name, parameter in trainer.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    found = []
    for share in (True, False):
        trainer._share = share
        trainer.model.zero_grad()
        asked = iter([[each] for each in train])
        batches, counts = trainer.get_batch_samples(asked, 4, torch.device("cpu"))
        assert len(batches) == 4, "transformers counts micro-batches"
        tokens = sum(batch["input_ids"].numel() for batch in batches)
        completions = sum(len(each.token_ids) for each in train)
        assert tokens == len(prompt) * (1 if share else 4) + completions
        for batch in batches:
            loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=counts)
            loss.backward()
        parameters = trainer.model.named_parameters()
        found.append({n: p.grad.clone() for n, p in parameters if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        other = found[1][name]
        assert (gradient - other).abs().max() <= 1e-4 * other.abs().max(), name


def test_a_micro_batch_that_is_timed_is_on_the_models_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a training, which transformers moves there before the loss."""
    trainer = tiny_trainer(tmp_path, examples(2))
    moved: list[set[str]] = []
    prepare = trainer._prepare_inputs

    def on_the_device(batch: dict[str, Any]) -> dict[str, Any]:
        moved.append({name for name, value in batch.items() if isinstance(value, torch.Tensor)})
        return {**prepare(batch), "moved": True}

    def loss(model: Any, batch: dict[str, Any], **_: Any) -> torch.Tensor:
        assert batch.pop("moved")
        return ReasonMaxxerTrainer.compute_loss(trainer, model, batch, **_)

    monkeypatch.setattr(trainer, "_prepare_inputs", on_the_device)
    monkeypatch.setattr(trainer, "compute_loss", loss)
    trainer.accumulate(examples(2))
    (names,) = moved
    assert {"predicted", "decision", "advantage"} <= names


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_what_is_no_number_never_reaches_the_adapter(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the third step; two are done, and nothing of the third."""
    plain = trainer_module.gated_loss
    before: list[dict[str, torch.Tensor]] = []

    def poisoned(*arguments: Any) -> Any:
        loss, parts = plain(*arguments)
        if trainer.state.global_step == 2:
            before.append(adapter(trainer))
            if broken == "loss":
                return loss + float("nan"), parts  # whose gradient is a number
            arguments[0].hidden.register_hook(lambda gradient: gradient * float("inf"))
        return loss, parts

    monkeypatch.setattr(trainer_module, "gated_loss", poisoned)
    trainer = tiny_trainer(tmp_path, examples(8))
    with pytest.raises(TrainingError, match="NaN or infinite at step 3"):
        trainer.train()
    assert before
    assert same(adapter(trainer), before[0])
    assert all(bool(torch.isfinite(tensor).all()) for tensor in before[0].values())


def test_layers_that_the_model_lacks_are_refused_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refused:
        tiny_trainer(tmp_path, examples(2), target_modules=("q_proj", "c_attn", "lm_head"))
    assert str(refused.value) == (
        "The model has no layers called c_attn, lm_head that can get an adapter. "
        "Choose among down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj."
    )
    with pytest.raises(ModelError, match="No layers are named"):
        tiny_trainer(tmp_path, examples(2), target_modules=())


def test_rollouts_without_any_decision_are_refused(tmp_path: Path) -> None:
    ungated = [replace(each, gate=(False,) * len(each.gate)) for each in examples(2)]
    with pytest.raises(TrainingError, match="No token of the rollouts is a decision point"):
        tiny_trainer(tmp_path, ungated)


class _OddHead(Qwen3ForCausalLM):
    """Its logits are made of more than its decoder's last hidden states."""

    def forward(self, input_ids: Any = None, **others: Any) -> Any:
        out = super().forward(input_ids=input_ids, **others)
        out.logits = out.logits + input_ids.to(out.logits.dtype)[..., None]
        out.logits[..., 0] += 1.0
        return out


class _WholeLogitsOnly(Qwen3ForCausalLM):
    """Knows no logits_to_keep."""

    def forward(
        self, input_ids: Any = None, attention_mask: Any = None, use_cache: Any = None
    ) -> Any:
        return super().forward(input_ids, attention_mask=attention_mask, use_cache=use_cache)


@pytest.mark.parametrize("kind", [_OddHead, _WholeLogitsOnly])
def test_models_that_can_not_be_cut_at_their_head_are_refused(kind: Any, tmp_path: Path) -> None:
    model = kind(random_qwen3(320).config).eval()
    lm = wrap(ModelSpec("odd"), model, byte_level_tokenizer())
    with pytest.raises(ModelError, match="Models of the kind qwen3 can't be tuned here"):
        tiny_trainer(tmp_path, examples(2), lm)


def test_the_best_held_out_adapter_is_the_one_that_is_kept(tmp_path: Path) -> None:
    """The folder may have moved since its path was noted."""
    seen: list[dict[str, torch.Tensor]] = []

    def held_out(lm: LanguageModel) -> dict[str, float]:
        assert not lm.model.training
        seen.append(adapter(trainer))
        return {"accuracy": [0.2, 0.9, 0.4][len(seen) - 1]}

    trainer = tiny_trainer(
        tmp_path,
        examples(6),
        held_out=held_out,
        save_strategy="steps",
        save_steps=1,
        eval_strategy="steps",
        eval_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        greater_is_better=True,
    )
    trainer.train()
    assert len(seen) == 3
    assert trainer.state.best_global_step == 2
    assert losses(trainer, "eval_accuracy") == [0.2, 0.9, 0.4]
    assert same(adapter(trainer), seen[1])
    assert not same(seen[1], seen[2])


def test_the_script_of_the_docstring_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word, on a tiny model: short chains, and verdicts that a random model can't earn."""

    def loaded(spec: ModelSpec) -> LanguageModel:
        assert spec == ModelSpec("Qwen/Qwen2.5-1.5B")
        return load_language_model(ModelSpec("tiny", device="cpu"))

    def judged(lm: Any, problems: Any, settings: EvaluationSettings, **others: Any) -> Any:
        assert settings == EvaluationSettings(samples=20, max_new_tokens=2048)
        short = settings.model_copy(update={"samples": 4, "max_new_tokens": 6})
        records = evaluate(lm, problems, short, **others)
        verdicts = [Verdict.CORRECT, Verdict.WRONG, Verdict.WRONG, Verdict.WRONG]
        return [
            replace(
                record,
                samples=tuple(
                    replace(sample, verdict=verdict, stop_reason=StopReason.EOS)
                    for sample, verdict in zip(record.samples, verdicts, strict=True)
                ),
            )
            for record in records or []
        ]

    documentation = inspect.getdoc(ReasonMaxxerTrainer) or ""
    script = textwrap.dedent(documentation.split("\n\n")[1])
    assert len(script.splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "tiny")
    problems = [Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(3)]
    lines = [json.dumps(asdict(problem)) for problem in problems]
    (tmp_path / "problems.jsonl").write_text("\n".join(lines), encoding="utf-8")
    names = {
        "EvaluationSettings": EvaluationSettings,
        "GateSettings": GateSettings,
        "ModelSpec": ModelSpec,
        "ReasonMaxxerConfig": partial(ReasonMaxxerConfig, use_cpu=True, warmup_steps=0),
        "ReasonMaxxerTrainer": ReasonMaxxerTrainer,
        "SelectionSettings": SelectionSettings,
        "evaluate": judged,
        "load_language_model": loaded,
        "read_problems": read_problems,
        "select_examples": select_examples,
    }
    exec(script, names)
    tuned = load_language_model(ModelSpec("tiny", adapter="adapter", device="cpu"))
    ids = torch.tensor([[5, 17, 200]])
    with torch.no_grad():
        after = tuned.model(ids).logits
        with tuned.model.disable_adapter():
            before = tuned.model(ids).logits
    assert not torch.equal(after, before)
    trained = names["trainer"].model.eval()
    torch.testing.assert_close(after, trained(ids).logits.detach())


# Checkpoints.


def test_only_a_whole_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    assert last_whole_checkpoint(tmp_path) is None
    for step in (9, 10, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    for step in (9, 10):
        _mark(tmp_path, step)
    (tmp_path / "runs").mkdir()
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-10"  # 10 comes after 9
    assert {each.name for each in tmp_path.iterdir()} == {"checkpoint-9", "checkpoint-10", "runs"}


def test_without_any_whole_checkpoint_training_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-3").mkdir()
    assert last_whole_checkpoint(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_process_marks_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-3").mkdir()
    _mark(tmp_path, 3, first=False)
    assert list((tmp_path / "checkpoint-3").iterdir()) == []


def _mark(folder: Path, step: int, *, first: bool = True) -> None:
    state = SimpleNamespace(is_world_process_zero=first, global_step=step)
    CompleteCheckpointCallback().on_save(SimpleNamespace(output_dir=str(folder)), state, None)


def test_a_checkpoint_is_marked_when_everything_of_it_is_there(tmp_path: Path) -> None:
    """Killed while a checkpoint is written: the one before it is gone on from."""

    class Killed(BaseException):
        pass

    class KilledAtTheSecond(CompleteCheckpointCallback):
        def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            found = {each.name for each in (tmp_path / f"checkpoint-{state.global_step}").iterdir()}
            assert {"adapter_model.safetensors", "optimizer.pt", "trainer_state.json"} <= found
            if state.global_step == 4:
                raise Killed
            super().on_save(args, state, control, **others)

    trainer = tiny_trainer(
        tmp_path,
        examples(12),
        callbacks=[KilledAtTheSecond()],
        save_strategy="steps",
        save_steps=2,
    )
    with pytest.raises(Killed):
        trainer.train()
    assert (tmp_path / "checkpoint-4").is_dir()
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert not (tmp_path / "checkpoint-4").exists()


def test_float16_is_refused(tmp_path: Path) -> None:
    lm = replace(tiny_language_model(), dtype="float16")
    example = Example("p", (1,), (2, 3), (True, False), 1.0)
    with pytest.raises(ModelError, match="float32 or bfloat16"):
        ReasonMaxxerTrainer(lm, ReasonMaxxerConfig(str(tmp_path), use_cpu=True), [example])
