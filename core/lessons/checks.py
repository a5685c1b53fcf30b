"""The checks of the lesson: each takes what a learner gave and says whether it is correct, and
why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.components.words import token_label
from core.lessons.amounts import Unit, amount
from core.records import Chain


@dataclass(frozen=True)
class Feedback:
    """The verdict on what a learner gave; `why` may have several lines."""

    correct: bool
    why: str

    @property
    def word(self) -> str:
        """ "correct" or "wrong"."""
        return "correct" if self.correct else "wrong"


@dataclass(frozen=True)
class Choice:
    """One of the options of a question."""

    text: str
    correct: bool
    why: str


@dataclass(frozen=True)
class ChoiceCheck:
    """A question with options; with `several`, all correct ones have to be ticked."""

    question: str
    choices: tuple[Choice, ...]
    several: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The texts to choose from."""
        return tuple(each.text for each in self.choices)

    @property
    def answer(self) -> str:
        """The correct options with their reasons, for the teacher."""
        form = "“{}” {}" if self.several else "{}. {}"
        return " ".join(
            form.format(each.text.rstrip("."), each.why) for each in self.choices if each.correct
        )

    def feedback(self, given: Collection[str]) -> Feedback | None:
        """The verdict; None if nothing was given, or something that is not an option."""
        if not given or not set(given) <= set(self.options):
            return None
        if not self.several:
            (chosen,) = [each for each in self.choices if each.text in given][:1]
            return Feedback(chosen.correct, chosen.why)
        correct = [each for each in self.choices if each.correct]
        wrong = [each for each in self.choices if each.text in given and not each.correct]
        left = sum(each.text not in given for each in correct)
        lines = [f"“{each.text}” {each.why}" for each in wrong]
        if left:
            lines.append(f"Not ticked yet: {left} of {len(correct)}.")
        if lines:
            return Feedback(False, "\n".join(lines))
        return Feedback(True, "\n".join(f"“{each.text}” {each.why}" for each in correct))


@dataclass(frozen=True, eq=False)
class TokenCheck:
    """A question that is answered by clicking a token of a chain."""

    question: str
    chain: Chain
    accepted: frozenset[int]  # positions
    tau: float  # nats
    unit: Unit

    @property
    def answer(self) -> str:
        """The accepted tokens with their entropies, for the teacher."""
        return " ".join(f"{self._named(each)}." for each in sorted(self.accepted))

    def feedback(self, position: int) -> Feedback | None:
        """The verdict on a token; None for a position that the chain doesn't have."""
        if not 0 <= position < len(self.chain):
            return None
        named = self._named(position)
        if position in self.accepted:
            return Feedback(True, f"{named}.")
        nats = float(self.chain.entropy[position])
        if position >= self.chain.answer_length:
            return Feedback(False, f"{named}, but it comes after the answer. Look before it.")
        if nats > self.tau:
            return Feedback(False, f"{named}: a fork, but another one is stronger. Try again.")
        return Feedback(False, f"{named}: the model was {_sure(nats, self.tau)}. Try again.")

    def _named(self, position: int) -> str:
        nats = float(self.chain.entropy[position])
        label = token_label(self.chain, position)
        return f"#{position} “{label}” has {amount(nats, self.unit)}"


def strongest_fork_check(chain: Chain, tau: float, unit: Unit) -> TokenCheck:
    """Which token has the highest entropy; equal ones are all accepted.

    Args:
        chain: with at least one token before its answer's end.
        tau: nats.
    """
    entropy = chain.entropy[: chain.answer_length]
    accepted = frozenset((entropy == entropy.max()).nonzero()[0].tolist())
    return TokenCheck("At which token was the model least certain?", chain, accepted, tau, unit)


def guess_check(chain: Chain, forks: Sequence[int], tau: float, unit: Unit) -> TokenCheck:
    """Which token is a fork; each of them is accepted.

    Args:
        forks: positions.
        tau: nats.
    """
    return TokenCheck("Which token was a fork?", chain, frozenset(map(int, forks)), tau, unit)


def _sure(nats: float, tau: float) -> str:
    return "sure here" if nats < tau / 4 else "rather sure here, below the threshold of forks"
