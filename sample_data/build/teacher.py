"""Trains the demo's teacher with GRPO: real reinforcement learning, by TRL, no code of ours.

    pip install --constraint constraints.txt --editable ".[teacher]"
    python sample_data/build/teacher.py [--out FOLDER] [--steps N]

A group's samples of a problem are compared with each other: the reward is 1 for a right answer and
0 for another one. The step whose model solves most of the validation problems, which are held out
of the training problems, is kept. Writes a LoRA adapter and its learning curve.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback, set_seed
from trl import GRPOConfig, GRPOTrainer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.answers import default_checker  # noqa: E402
from core.evaluation.results import summarise_evaluation  # noqa: E402
from core.evaluation.sampling import evaluate  # noqa: E402
from core.evaluation.settings import EvaluationSettings  # noqa: E402
from core.models.language_model import load_language_model, wrap  # noqa: E402
from core.models.spec import DEMO, ModelSpec  # noqa: E402
from core.problems.problem_sets import demo_training_problems, sample_problems  # noqa: E402
from core.records import Problem, Verdict  # noqa: E402
from core.tokens.prompts import encode_prompt, prompt_text  # noqa: E402

OUT = ROOT / "sample_data" / "demo_teacher"
CURVE = "learning_curve.json"
SEED = 0
STEPS = 180
VALIDATION = 56  # problems
EVERY = 10  # steps between two measurements on them
PROBLEMS, GENERATIONS = 8, 8  # a step
LENGTH = 144  # tokens of a completion
CHECKING = EvaluationSettings(samples=4, temperature=0.8, top_p=0.95, max_new_tokens=200)

CARD = """---
library_name: peft
base_model: demo
tags: [lora, grpo, trl]
---

# The demo's teacher

A LoRA adapter of the teaching model in `../demo_model`, trained with GRPO (TRL) by
`../build/teacher.py`; no ReasonMaxxer code had a part in it. How it learned is in
`learning_curve.json`, what it does in `../README.md#the-teacher`. Like its base it shows how to
look, and is no evidence about real models.
"""


def main() -> None:
    """Train, keep the best step, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a model this small loses more at thread barriers than it wins
    set_seed(arguments.seed)
    started = time.monotonic()
    problems = demo_training_problems()
    held_out = sample_problems(problems, VALIDATION, arguments.seed)
    learned_from = [problem for problem in problems if problem not in held_out]
    lm = load_language_model(ModelSpec(DEMO))
    trainer = GRPOTrainer(
        model=lm.model,
        reward_funcs=right,
        args=GRPOConfig(
            output_dir=str(arguments.out / "work"),
            seed=arguments.seed,
            max_steps=arguments.steps,
            learning_rate=arguments.learning_rate,
            warmup_steps=5,
            lr_scheduler_type="linear",
            per_device_train_batch_size=PROBLEMS * GENERATIONS,
            num_generations=GENERATIONS,
            steps_per_generation=1,
            max_completion_length=LENGTH,
            temperature=1.0,
            beta=0.0,
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=asked(learned_from, lm),
        processing_class=lm.tokenizer,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
    )
    best = KeepBest(trainer, lm, held_out, arguments.out)
    trainer.add_callback(best)
    trainer.train()
    best.write(arguments.seed, time.monotonic() - started)


def asked(problems: list[Problem], lm: Any) -> Dataset:
    """The rows that TRL trains on; each prompt becomes the very token ids that the app asks with.

    Raises:
        SystemExit: TRL would tokenise a prompt otherwise.
    """
    rows = []
    for problem in problems:
        prompt = prompt_text(problem.question, lm.prompt_style)
        if lm.tokenizer(prompt).input_ids != list(
            encode_prompt(lm.tokenizer, problem.question, lm.prompt_style)
        ):
            raise SystemExit(f"{problem.id} would be asked with other tokens than in the app")
        rows.append({"prompt": prompt, "gold": problem.answer})
    return Dataset.from_list(rows)


def right(completions: list[str], gold: list[str], **_: Any) -> list[float]:
    """The reward of each completion."""
    outcomes = default_checker().judge_many(zip(completions, gold, strict=True))
    return [float(outcome.verdict is Verdict.CORRECT) for outcome in outcomes]


class KeepBest(TrainerCallback):
    """Measures on the validation problems now and then, and keeps the best adapter."""

    def __init__(self, trainer: Any, lm: Any, held_out: list[Problem], folder: Path) -> None:
        self._trainer, self._lm = trainer, lm
        self._held_out, self._folder = held_out, folder
        self._curve: list[dict[str, float]] = []
        self._logged: dict[str, float] = {}

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Called after each step."""
        self._logged = logs or {}
        names = ("reward", "completions/mean_length", "completions/clipped_ratio", "kl", "entropy")
        shown = {name: round(self._logged[name], 4) for name in names if name in self._logged}
        print(state.global_step, shown, flush=True)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The model before any step."""
        self._measure(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called by the trainer after each step."""
        if state.global_step % EVERY == 0:
            self._measure(state.global_step)

    def _measure(self, step: int) -> None:
        model = self._trainer.model
        model.eval()
        lm = wrap(ModelSpec(DEMO), model, self._lm.tokenizer)
        records = evaluate(lm, self._held_out, CHECKING)
        model.train()
        assert records is not None
        found = summarise_evaluation(records, CHECKING.seed)
        point = {
            "step": step,
            "validation_pass_at_1": found.pass_at_1.value,
            "low": found.pass_at_1.low,
            "high": found.pass_at_1.high,
            "boxed": found.boxed.value,
            "mean_length": found.mean_length.value,
        }
        if all(point["validation_pass_at_1"] > p["validation_pass_at_1"] for p in self._curve):
            model.save_pretrained(self._folder, save_embedding_layers=False)
        self._curve.append(point)
        print(point, flush=True)

    def write(self, seed: int, seconds: float) -> None:
        """The learning curve, and the base by the name that the app knows it by."""
        config = self._folder / "adapter_config.json"
        fields = json.loads(config.read_text())
        fields["base_model_name_or_path"] = DEMO
        config.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n")
        rewards = [
            {"step": log["step"], "reward": log["reward"]}
            for log in self._trainer.state.log_history
            if "reward" in log
        ]
        best = max(self._curve, key=lambda p: (p["validation_pass_at_1"], -p["step"]))
        curve = {
            "seed": seed,
            "seconds": round(seconds),
            "validation_problems": len(self._held_out),
            "samples_a_problem": CHECKING.samples,
            "kept_step": best["step"],
            "validation": self._curve,
            "reward": rewards,
        }
        (self._folder / CURVE).write_text(json.dumps(curve, indent=1) + "\n")
        (self._folder / "README.md").write_text(CARD)
        (self._folder / "adapter_model.safetensors").chmod(0o644)
        shutil.rmtree(self._folder / "work", ignore_errors=True)
        print(f"kept step {best['step']}; {seconds:.0f} s")


if __name__ == "__main__":
    main()
