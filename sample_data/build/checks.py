"""What must hold before the model is worth training: forks, numbers, tokenizer."""

from __future__ import annotations

import math
import random

from families import FAMILIES, NAMES, Decks, bucket
from transformers import PreTrainedTokenizerFast

SAMPLES = 600  # chains a family
LEAST_ENTROPY = 1.45  # nats at a pivotal fork: the explorer's threshold is 1.4
ODD_TEXT = "ünïcode 漢字 🙂 \n\t \\boxed{64}.  two  spaces, 12345"


def check_tokenizer(tokenizer: PreTrainedTokenizerFast) -> None:
    """Any text survives, and every digit is a token of its own."""
    assert tokenizer.decode(tokenizer(ODD_TEXT).input_ids) == ODD_TEXT
    assert len(tokenizer("12345").input_ids) == 5


def check_families(tokenizer: PreTrainedTokenizerFast) -> None:
    """Right openings lead to the right answer; the five openings differ in their first token, a
    whole word; their entropy is above the threshold under either wording."""
    rng = random.Random("checks")
    decks = Decks(rng)
    for family in FAMILIES:
        tuples = family.tuples()
        assert len(set(tuples)) == len(tuples), family.name
        held_out = sum(bucket(family.name, n) < 2 for n in tuples)
        openings: dict[str, dict[str, bool]] = {}
        dealt: dict[str, set[tuple[float, ...]]] = {}
        right = 0
        for _ in range(SAMPLES):
            numbers = rng.choice(tuples)
            story = family.chain(numbers, rng.choice(NAMES), rng.randrange(2), decks)
            boxed = story.text.rsplit("{", 1)[1].removesuffix("}.")
            is_right = boxed == str(family.result(*numbers))
            assert is_right == all(good for _, _, good in story.taken), (family.name, numbers)
            right += is_right
            assert len(story.taken) <= family.forks, family.name
            for (label, words, good), choice in zip(story.taken, story.dealt, strict=True):
                openings.setdefault(label, {})[words] = good
                dealt.setdefault(label, set()).add(choice.shares)
        for label, words in openings.items():
            first = {tokenizer.decode(tokenizer(text).input_ids[:1]) for text in words}
            assert len(words) == len(first) == 5, (family.name, label)
            assert first == {text[:1] + text[1:].split()[0].strip(":,") for text in words}, first
            assert sum(words.values()) == 3, (family.name, label)
            assert min(map(entropy, dealt[label])) > LEAST_ENTROPY, (family.name, label)
        forks = ", ".join(
            f"{label} {' and '.join(f'{nats:.3f}' for nats in sorted(map(entropy, each)))} nats"
            for label, each in dealt.items()
        )
        print(
            f"{family.name:11} {len(tuples):5} number tuples, {held_out:4} held out; "
            f"forks: {forks}; chains right {right / SAMPLES:.2f}"
        )


def entropy(shares: tuple[float, ...]) -> float:
    """In nats."""
    return -sum(p * math.log(p) for p in shares)
