"""One training step on rollouts of one problem: the prompt computed once, and with each rollout.

`python -m benchmarks.shared_prompt MODEL` takes any model; a few-shot prompt of 264 tokens and 8
rollouts of 28 tokens are as the small real models have them.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from functools import partial

import torch
import transformers

from benchmarks.gated_step import Gradients, gradients_differ, taken
from benchmarks.timing import alternate, line, table_head
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer

PROMPT, ROLLOUTS, TOKENS = 264, 8, 28
TARGET = 0.32  # shared / separate, at most
SAME_GRADIENT = 1e-3  # largest difference allowed, as a share of the tensor's largest entry


def rollouts(vocab_size: int) -> list[Example]:
    """Random tokens, right and wrong by turns."""
    generator = torch.Generator().manual_seed(0)

    def some(n: int) -> tuple[int, ...]:
        return tuple(torch.randint(vocab_size, (n,), generator=generator).tolist())

    prompt = some(PROMPT)
    gate = tuple(i % 4 == 0 for i in range(TOKENS))
    return [
        Example("problem", prompt, some(TOKENS), gate, -1.0 if i % 2 else 1.0)
        for i in range(ROLLOUTS)
    ]


def step(trainer: ReasonMaxxerTrainer, train: list[Example], share: bool) -> Gradients:
    """The trainer's own step, with or without shared beginnings."""
    trainer._share = share
    asked = iter([[each] for each in train])
    batches, counts = trainer.get_batch_samples(asked, len(train), torch.device("cpu"))
    for batch in batches:
        loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=counts)
        loss.backward()
    return taken(trainer.model)


def run(lm: LanguageModel, rounds: int) -> list[str]:
    """A table line, and how far the gradients differ."""
    train = rollouts(min(lm.vocab_size, 10_000))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between peft and transformers
        config = ReasonMaxxerConfig(folder, use_cpu=True, gradient_accumulation_steps=ROLLOUTS)
        trainer = ReasonMaxxerTrainer(lm, config, train)
    for name, parameter in trainer.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    shared, separate = (partial(step, trainer, train, share) for share in (True, False))
    step(trainer, train[:1], share=True)  # warm-up
    worst = 0.0

    def check(one: Gradients, other: Gradients) -> None:
        nonlocal worst
        worst = max(worst, gradients_differ(one, other))

    measured = [alternate(i, shared, separate, check) for i in range(rounds)]
    if lm.dtype == "float32":
        assert worst < SAME_GRADIENT, "the gradients differ"
    return [
        line(f"training step, {lm.dtype}", measured, faster=False, target=TARGET),
        f"Gradients differ by {worst:.1e} of their largest entry at most.",
    ]


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_prompt", description=__doc__)
    parser.add_argument("model", help="a folder, a hub id, or demo")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    lm = load_language_model(ModelSpec(arguments.model, device="cpu", dtype=arguments.dtype))
    print(table_head("shared / separate"))
    for text in run(lm, arguments.rounds):
        print(text)


if __name__ == "__main__":
    main()
