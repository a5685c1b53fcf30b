"""Which rewards of a file are those of correct rollouts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite

from core.errors import RunError

_TWO = ({0.0, 1.0}, {-1.0, 1.0})
_SHOWN = 6


def are_two(rewards: Collection[float]) -> bool:
    """Whether rewards are 0 and 1, or -1 and 1, so that 1 is correct."""
    return set(rewards) in _TWO


def check_rewards(rewards: Sequence[float | None], given: float | None = None) -> float:
    """The lowest reward that is correct, as `lowest_correct`, of rollouts that may have none.

    Raises:
        RunError: none has one; or as `lowest_correct`.
    """
    found = [each for each in rewards if each is not None]
    if not found:
        raise RunError(
            f"None of the {len(rewards):,} rollouts has a reward, so none is better than another.",
            "Name the field of the reward: --fields reward=FIELD.",
        )
    return lowest_correct(found, given)


def lowest_correct(rewards: Collection[float], given: float | None = None) -> float:
    """The lowest reward that is correct: as given, else 1 where rewards are 0 and 1, or -1 and 1.
    No other rewards are guessed: the higher of two may be for an answer's form alone.

    Args:
        rewards: at least one.

    Raises:
        RunError: all on one side, other rewards without a given one, or one that isn't a number.
    """
    found = sorted(set(rewards))
    shown = ", ".join(f"{each:g}" for each in found[:_SHOWN]) + ", …" * (len(found) > _SHOWN)
    if given is not None and not isfinite(given):
        raise RunError(
            f"The lowest correct reward can't be {given:g}.", "Give a number, such as 1."
        )
    if len(found) == 1:
        raise RunError(
            f"All {len(rewards):,} rollouts have the reward {found[0]:g}, so none is better than "
            "another.",
            "Choose another field as the reward, or rollouts that differ.",
        )
    if given is None:
        if not are_two(found):
            raise RunError(
                f"The rewards have {len(found):,} values ({shown}), so which of them are correct "
                "has to be said.",
                "Give the lowest reward that is correct: --correct-from 1.",
            )
        return 1.0
    if given > found[-1] or given <= found[0]:
        side = "below" if given > found[-1] else "at or above"
        raise RunError(
            f"All rewards ({shown}) are {side} {given:g}, so none is better than another.",
            f"Give a number above {found[0]:g} and at most {found[-1]:g}.",
        )
    return given
