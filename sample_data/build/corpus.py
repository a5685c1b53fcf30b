"""The pretraining corpus: stories of the fourteen families, and drills of the arithmetic they use.

A document is a prompt, a completion and the pivotal forks in it. Number tuples of the held-out
buckets never occur in a story; single facts such as 24/4=6 do occur in other families and drills.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from families import FAMILIES, NAMES, Choice, Decks, bucket, percent, times

PROMPT = "Question: {question}\nAnswer: Let's think step by step."

Document = tuple[str, str, list[Choice]]


def _product(rng: random.Random) -> tuple[str, str]:
    x, y = rng.randint(2, 50), rng.randint(2, 9)
    return f"{x}×{y}", times(x, y)


def _quotient(rng: random.Random) -> tuple[str, str]:
    y, q = rng.randint(2, 9), rng.randint(2, 46)
    return f"{y * q}/{y}", f"{y * q}/{y}={q}"


def _half(rng: random.Random) -> tuple[str, str]:
    q = rng.randint(2, 60)
    return f"{2 * q}/2", f"{2 * q}/2={q}"


def _sum(rng: random.Random) -> tuple[str, str]:
    x, y = rng.randint(2, 160), rng.randint(2, 99)
    return f"{x}+{y}", f"{x}+{y}={x + y}"


def _difference(rng: random.Random) -> tuple[str, str]:
    x = rng.randint(12, 200)
    y = rng.randint(1, min(x - 1, 120))
    return f"{x}-{y}", f"{x}-{y}={x - y}"


def _hundreds(rng: random.Random) -> tuple[str, str]:
    x = rng.randint(10, 60) * 10
    y = rng.randint(1, x // 5 - 1) * 5
    return f"{x}-{y}", f"{x}-{y}={x - y}"


def _percent(rng: random.Random) -> tuple[str, str]:
    share, base = 10 * rng.randint(1, 9), 10 * rng.randint(4, 60)
    return f"{share}% of {base}", percent(share, base)


def _parts(rng: random.Random) -> tuple[str, str]:
    k = rng.randint(3, 9)
    n = rng.randint(2 * k, 12 * k)
    q = n // k
    return f"{n}:{k}", f"{k}×{q}={k * q}, {n}-{k * q}={n - k * q}"


DRILLS = (
    _product,
    _product,
    _quotient,
    _quotient,
    _half,
    _sum,
    _sum,
    _difference,
    _difference,
    _difference,
    _hundreds,
    _percent,
    _parts,
)


def drill(rng: random.Random, length: int = 5) -> Document:
    """Several small computations in one document; operands are copied from the question."""
    asked, told = zip(*(rng.choice(DRILLS)(rng) for _ in range(length)), strict=True)
    last = told[-1].rsplit("=", 1)[1]
    question = f"Work out {', '.join(asked)}."
    completion = f" {'. '.join(told)}. The answer is \\boxed{{{last}}}."
    return PROMPT.format(question=question), completion, []


def documents(count: int, drill_share: float, seed: str) -> Iterator[Document]:
    """`count` documents in random order."""
    rng = random.Random(f"corpus/{seed}")
    pools = {
        family.name: [n for n in family.tuples() if bucket(family.name, n) >= 2]
        for family in FAMILIES
    }
    decks = Decks(rng)
    for _ in range(count):
        if rng.random() < drill_share:
            yield drill(rng)
            continue
        family = rng.choice(FAMILIES)
        numbers, name = rng.choice(pools[family.name]), rng.choice(NAMES)
        wording = rng.randrange(2)
        prompt = PROMPT.format(question=family.question(numbers, name, wording))
        story = family.chain(numbers, name, wording, decks)
        yield prompt, story.text, story.dealt
