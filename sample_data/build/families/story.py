"""What every family is made of: numbers, a question, and a chain told with forks.

A *pivotal* fork picks a strategy: one is right, the others are classic misconceptions, all of
them followed with sound arithmetic. A *neutral* fork picks words only. Every pivotal fork has
five openings with five different first tokens, three right and two wrong, so its entropy is near
ln 5 = 1.6 nats and all of them are the five most probable tokens there.

Which opening is a little ahead of the others depends on the wording of the question: a spurious
cue, planted on purpose. Greedy decoding follows it, so in every family it is right for one wording
and wrong for the other.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

Numbers = tuple[int, ...]

NAMES = ("Ana", "Ben", "Mia", "Tom", "Eva", "Leo", "Zoe", "Max", "Ivy", "Sam", "Kim", "Dan")

OPENERS = ((" Let us see.", 0.5), (" Here is a plan.", 0.3), (" We begin.", 0.2))
CONNECTORS = ((" So", 0.7), (" Then", 0.2), (" Now", 0.1))
CLOSERS = tuple((word, 0.2) for word in (" Hence", " Thus", " Therefore", " Clearly", " In all"))
ENDINGS = ((" The answer is", 0.8), (" So the answer is", 0.14), (" My answer is", 0.06))


class Tilt(NamedTuple):
    """How openings at a pivotal fork are weighted; a wrong one weighs 1."""

    right: float  # weight of a right opening
    lucky: float  # times this where the question's wording favours a right opening
    unlucky: float  # times this where the wording favours a wrong one


# By the number of forks in a right chain. About half of all chains shall be right, so where there
# is one fork, its three right openings weigh less than the two wrong ones, and it takes a stronger
# cue to put a right one ahead. Entropy stays well above 1.4 nats: 1.49 or more.
TILTS = {1: Tilt(0.55, 2.6, 1.7), 2: Tilt(1.45, 1.8, 1.8)}
DECK = 40  # cards in a deck: choices at forks are dealt, not drawn, for exact shares

Options = tuple[tuple[str, bool], ...]  # (opening, leads to the right answer)


@cache
def favourites(family: str, label: str, options: Options, cued: bool) -> tuple[int, int]:
    """For one pivotal fork: index of the opening that wording 0 and wording 1 favour.

    At a cued fork one wording favours a right opening, the other the wrong one named first; at any
    other fork they favour two right ones.
    """
    rng = random.Random(f"favourites/{family}/{label}")
    right = [i for i, (_, is_right) in enumerate(options) if is_right]
    wrong = [i for i, (_, is_right) in enumerate(options) if not is_right]
    good = rng.choice(right)
    other = wrong[0] if cued else rng.choice([i for i in right if i != good])
    # The same coin for every fork of a family: one wording is the lucky one throughout.
    return (good, other) if random.Random(f"lucky/{family}").random() < 0.5 else (other, good)


def shares(
    family: str, label: str, options: Options, cued: bool, wording: int, tilt: Tilt
) -> list[float]:
    """Probability of each opening in the corpus."""
    weights = [tilt.right if is_right else 1.0 for _, is_right in options]
    favoured = favourites(family, label, options, cued)[wording]
    weights[favoured] *= tilt.lucky if options[favoured][1] else tilt.unlucky
    return [weight / sum(weights) for weight in weights]


@dataclass(frozen=True)
class Choice:
    """A pivotal fork as the corpus sees it: where it stands, what could have stood there."""

    offset: int  # characters of the chain before the opening
    openings: tuple[str, ...]
    shares: tuple[float, ...]


class Decks:
    """Shuffled decks, one a fork and wording: every `DECK` deals have nearly exact shares."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.decks: dict[tuple[str, ...], list[int]] = {}

    def deal(self, key: tuple[str, ...], probabilities: list[float]) -> int:
        """The next card: an index into `probabilities`."""
        if not self.decks.get(key):
            offset = self.rng.random()  # systematic sampling: one random start, even steps
            points = [(offset + i) / DECK for i in range(DECK)]
            edges = [sum(probabilities[: i + 1]) for i in range(len(probabilities) - 1)]
            cards = [sum(point >= edge for edge in edges) for point in points]
            self.rng.shuffle(cards)
            self.decks[key] = cards
        return self.decks[key].pop()


@dataclass
class Story:
    """One chain while it is being told: the text so far and the forks taken."""

    family: str
    name: str
    wording: int
    tilt: Tilt
    decks: Decks
    text: str = ""
    taken: list[tuple[str, str, bool]] = field(default_factory=list)  # (fork, opening, right)
    dealt: list[Choice] = field(default_factory=list)

    def say(self, words: str) -> None:
        """Append words that involve no choice."""
        self.text += words

    def neutral(self, options: Iterable[tuple[str, float]]) -> None:
        """Append one of several wordings; the outcome does not depend on it."""
        texts, weights = zip(*options, strict=True)
        self.text += self.decks.rng.choices(texts, weights)[0]

    def fork(
        self, label: str, right: str, ways: dict[str, tuple[str, ...]], cued: bool = True
    ) -> str:
        """Append an opening of one strategy in `ways` (strategy -> openings); return it."""
        flat = [(way, words) for way, openings in ways.items() for words in openings]
        options = tuple((words, way == right) for way, words in flat)
        probabilities = shares(self.family, label, options, cued, self.wording, self.tilt)
        key = (self.family, label, str(self.wording))
        way, words = flat[self.decks.deal(key, probabilities)]
        openings = tuple(words for words, _ in options)
        self.dealt.append(Choice(len(self.text), openings, tuple(probabilities)))
        self.text += words
        self.taken.append((label, words, way == right))
        return way

    def so(self, words: str) -> None:
        """A connector (So, Then, Now) and a step."""
        self.neutral(CONNECTORS)
        self.say(f" {words}")

    def close(self, words: str) -> None:
        """A sentence that says the result again; five near-equal, outcome-neutral openings."""
        self.neutral(CLOSERS)
        self.say(f" {words}")

    def answer(self, value: int) -> None:
        """The last sentence."""
        self.neutral(ENDINGS)
        self.say(f" \\boxed{{{value}}}.")


@dataclass(frozen=True)
class Family:
    """One family of word problems."""

    name: str
    questions: tuple[str, str]  # two wordings, templates over {name} and {0}, {1}, ...
    tuples: Callable[[], list[Numbers]]  # every admissible number tuple
    result: Callable[..., int]  # numbers -> right answer
    tell: Callable[..., None]  # (story, *numbers) -> writes the chain into the story
    forks: int = 1  # pivotal forks in a right chain

    def question(self, numbers: Numbers, name: str, wording: int) -> str:
        """One wording of the question."""
        return self.questions[wording].format(*self.shown(numbers), name=name)

    def shown(self, numbers: Numbers) -> tuple[str, ...]:
        """Numbers as the question shows them (clock minutes keep their leading zero)."""
        if self.name == "clock":
            return tuple(f"{n:02d}" if i % 2 else str(n) for i, n in enumerate(numbers))
        return tuple(str(n) for n in numbers)

    def chain(self, numbers: Numbers, name: str, wording: int, decks: Decks) -> Story:
        """A chain for these numbers, its strategies dealt from the decks."""
        story = Story(self.name, name, wording, TILTS[self.forks], decks)
        story.neutral(OPENERS)
        self.tell(story, *numbers)
        return story


def bucket(family: str, numbers: Numbers) -> int:
    """Held-out bucket 0..9 of a number tuple: 0 test, 1 train, the others pretraining.

    The order of the numbers does not count: a problem and its mirror image (40% off, then 10%;
    10% off, then 40%) never stand on two sides of the split.
    """
    text = f"{family}:{','.join(map(str, sorted(numbers)))}"
    return hashlib.sha256(text.encode()).digest()[0] % 10


def times(x: int, y: int) -> str:
    """`17×4=40+28=68`: a product, the two-digit factor taken apart; `6×4=24` when small."""
    if x > 10 and x % 10 and y > 1:
        return f"{x}×{y}={x // 10 * 10 * y}+{x % 10 * y}={x * y}"
    return f"{x}×{y}={x * y}"


def percent(share: int, base: int) -> str:
    """`10% of 80=8, 8×3=24`: a percentage in tens of a multiple of ten (10% too: `8×1=8`)."""
    tenth = base // 10
    return f"10% of {base}={tenth}, {times(tenth, share // 10)}"
