"""`python -m benchmarks.cost_model`: what a fine-tune by the paper's recipe, and an evaluation,
would take for larger models on given GPUs. Computed from sizes and data sheets, not measured.

A step of decoding reads all weights, and the keys and values of every row, once (so does the step
of a server with continuous batching); or it is bound by its products, 2 N a token, where N are the
parameters. Scoring is 2 N a token, training 6 N: forward, backward through activations (the weights
of LoRA are few), and the base's forward for the KL term. Each comes to a part of what the data
sheet says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.reasonmaxxer.recipe import Recipe, recipe_of

BANDWIDTH_USED, FLOPS_USED = 0.6, 0.4  # of the data sheet's; assumed
MEMORY_USED = 0.9  # of the card's
MOST_ROWS = 256
BYTES = 2  # bfloat16
PROMPT, COMPLETION = 150, 600  # tokens of a problem and of a mean chain; assumed
TEST_PROBLEMS = 500


@dataclass(frozen=True)
class Size:
    """A model.

    Args:
        parameters: in all.
        layers, kv_heads, head: of its attention, for the keys and values of a token.
    """

    name: str
    parameters: float
    layers: int
    kv_heads: int
    head: int

    @property
    def token_bytes(self) -> int:
        """Keys and values of a token, in bytes."""
        return 2 * self.layers * self.kv_heads * self.head * BYTES


@dataclass(frozen=True)
class Gpu:
    """A card, by its data sheet, and an example of what it costs.

    Args:
        memory: GB.
        bandwidth: GB/s.
        flops: dense, in bfloat16, in 10^12 a second.
        usd_per_hour: one card. Offers differ by more than a factor of two.
    """

    name: str
    memory: float
    bandwidth: float
    flops: float
    usd_per_hour: float


SIZES = (
    Size("Qwen2.5-1.5B", 1.54e9, 28, 2, 128),
    Size("Qwen2.5-7B", 7.62e9, 28, 4, 128),
    Size("Qwen2.5-32B", 32.8e9, 64, 8, 128),
)
GPUS = (
    Gpu("L4", 24, 300, 121, 0.8),
    Gpu("A100 80 GB", 80, 2039, 312, 1.89),
    Gpu("H100 SXM", 80, 3350, 989, 3.0),
)


@dataclass(frozen=True)
class Work:
    """Tokens of a run.

    Args:
        chains: sampled, of `COMPLETION` tokens each.
        scored, trained: tokens, prompts included.
    """

    chains: int
    scored: int
    trained: int

    @property
    def sampled(self) -> int:
        """Tokens."""
        return self.chains * COMPLETION


def evaluation() -> Work:
    """One chain a problem, without entropies."""
    return Work(TEST_PROBLEMS, 0, 0)


def fine_tune(recipe: Recipe) -> Work:
    """Rollouts, all scored; training; held-out problems; accuracy before and after.

    Raises:
        ValueError: the recipe doesn't say how many problems.
    """
    problems, selected = recipe.problems, recipe.selection.max_problems
    if problems is None or selected is None:
        raise ValueError("The recipe takes all problems, however many.")
    rollouts = problems * recipe.rollouts.samples
    chosen = selected * recipe.rollouts.samples
    kept = round(chosen * (1 - recipe.selection.drop_longest)) * recipe.training.epochs
    steps = math.ceil(kept / (recipe.training.batch_size * recipe.training.accumulation))
    looks = steps // recipe.held_out.every if recipe.held_out.problems else 0
    held_out = looks * recipe.held_out.problems * recipe.held_out.sampling.samples
    tested = 2 * TEST_PROBLEMS * recipe.evaluation.samples
    length = PROMPT + COMPLETION
    return Work(rollouts + held_out + tested, rollouts * length, round(kept * length))


def cards(size: Size, gpu: Gpu) -> int:
    """The fewest cards, a power of two, on which weights and 16 rows fit."""
    needed = size.parameters * BYTES + 16 * size.token_bytes * (PROMPT + COMPLETION)
    number = 1
    while needed > number * gpu.memory * 1e9 * MEMORY_USED:
        number *= 2
    return number


def tokens_per_second(size: Size, gpu: Gpu) -> float:
    """Of decoding on `cards`, all of which work on every step."""
    number, context = cards(size, gpu), PROMPT + COMPLETION / 2
    weights = size.parameters * BYTES
    room = number * gpu.memory * 1e9 * MEMORY_USED - weights
    rows = min(MOST_ROWS, int(room / (size.token_bytes * (PROMPT + COMPLETION))))
    read = weights + rows * size.token_bytes * context
    by_memory = read / (number * gpu.bandwidth * 1e9 * BANDWIDTH_USED)
    by_products = 2 * size.parameters * rows / (number * gpu.flops * 1e12 * FLOPS_USED)
    return rows / max(by_memory, by_products)


def seconds(work: Work, size: Size, gpu: Gpu) -> float:
    """Of a run on `cards`."""
    products = cards(size, gpu) * gpu.flops * 1e12 * FLOPS_USED
    prompts = work.chains * PROMPT
    read = 2 * size.parameters * (prompts + work.scored)
    trained = 6 * size.parameters * work.trained
    return work.sampled / tokens_per_second(size, gpu) + (read + trained) / products


def table() -> str:
    """The runs on every card, in Markdown."""
    tuned, tested = fine_tune(recipe_of("paper")), evaluation()
    lines = [
        "| model | cards | decoding, tokens/s | evaluation of 500 problems | fine-tune |",
        "|---|---|---|---|---|",
    ]
    for size in SIZES:
        for gpu in GPUS:
            number = cards(size, gpu)
            costs = []
            for work in (tested, tuned):
                took = seconds(work, size, gpu)
                usd = took / 3600 * number * gpu.usd_per_hour
                costs.append(f"{took / 60:.1f} min, ${usd:.2f}")
            speed = f"{tokens_per_second(size, gpu):,.0f}"
            lines.append(f"| {size.name} | {number} x {gpu.name} | {speed} | {' | '.join(costs)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tokens and the table."""
    work = fine_tune(recipe_of("paper"))
    print(f"fine-tune: {work.chains:,} chains, {work.sampled:,} tokens sampled, ", end="")
    print(f"{work.scored:,} scored, {work.trained:,} trained")
    print(table())


if __name__ == "__main__":
    main()
