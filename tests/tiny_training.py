"""Trains a tiny model's adapter: `accelerate launch tests/tiny_training.py FOLDER ACCUMULATION`.

The first process leaves the adapter and the log in FOLDER.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from accelerate import PartialState
from models import tiny_language_model

from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer

STEPS = 3
ROLLOUTS_A_STEP = 8


def examples() -> list[Example]:
    """Rollouts of unequal lengths and unequally many decisions, some without any."""
    rng = random.Random(0)
    found = []
    for i in range(STEPS * ROLLOUTS_A_STEP):
        prompt = tuple(rng.randrange(1, 300) for _ in range(rng.randrange(2, 6)))
        completion = tuple(rng.randrange(1, 300) for _ in range(rng.randrange(3, 12)))
        gate = tuple(rng.random() < 0.1 * (i % 5) for _ in completion)
        found.append(Example(f"p{i}", prompt, completion, gate, rng.choice([-1.5, -0.5, 1.0])))
    return found


def train(folder: Path, accumulation: int) -> None:
    """The same training, however many processes share it."""
    config = ReasonMaxxerConfig(
        str(folder / "checkpoints"),
        use_cpu=True,
        lora_rank=4,
        lora_alpha=8,
        learning_rate=1e-2,
        warmup_steps=0,
        gradient_accumulation_steps=accumulation,
        save_strategy="no",
        optim="sgd",  # whose update is the gradient, not its sign
    )
    trainer = ReasonMaxxerTrainer(tiny_language_model(), config, examples())
    trainer.train()
    if trainer.is_world_process_zero():
        trainer.model.save_pretrained(str(folder / "adapter"))
        log = {"processes": trainer.args.world_size, "history": trainer.state.log_history}
        (folder / "log.json").write_text(json.dumps(log))


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]))
    PartialState().destroy_process_group()  # else its threads may outlive what they work on
