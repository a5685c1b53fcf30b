"""Endings of a tree counted by answer, and weighted by probability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.answers.groups import AnswerGroups
from core.chains.expansion.records import AnswerShare, Ending
from core.records import Outcome, Verdict
from core.statistics import Estimate, ratio_over_chains


def group_of(groups: AnswerGroups, outcome: Outcome) -> int | None:
    """The group of an outcome's answer; None without an answer that can be read."""
    return groups.add(outcome.answer, correct=outcome.verdict is Verdict.CORRECT)


def weights(endings: Sequence[Ending]) -> list[float]:
    """The share of probability that each ending has in its tree; the first is the chain itself.

    Sampling at temperature 1 takes, at every position where tokens were forced, either one of them,
    or the token that the chain has there, or another one. An ending's weight is the chance of its
    turns, the tokens in between taken as given:

        w = product of p(forced token) over the forced tokens on its way
            x product of p(own token) over the other positions on its way where tokens were forced

    with p the raw probability at temperature 1. The weights add up to at most 1; what is missing
    belongs to tokens that were not tried. (The path probability, which decides what is pruned and
    what grows first, is the first of the two products.)

    Returns:
        N + 1 weights, for N endings.
    """
    opened: list[dict[int, float]] = [{} for _ in range(len(endings) + 1)]
    """Of the chain and every ending: position -> probability of its own token there."""
    for each in endings:
        opened[_place(each.parent)][each.position] = each.own_probability
    start = [1.0]  # chance of everything up to the forced token
    for each in endings:
        parent = _place(each.parent)
        begun = start[parent] * each.probability
        for position, own in opened[parent].items():
            if position < each.position:
                begun *= own
        start.append(begun)
    found = []
    for begun, positions in zip(start, opened, strict=True):
        for own in positions.values():
            begun *= own
        found.append(begun)
    return found


def answer_shares(
    outcome: Outcome, endings: Sequence[Ending], groups: AnswerGroups
) -> tuple[AnswerShare, ...]:
    """The chain itself and its endings, counted by answer, most frequent first; equally frequent
    ones by probability.

    Args:
        outcome: of the chain itself.
        groups: decides which answers are the same.
    """
    outcomes = [outcome, *(each.outcome for each in endings)]
    members: dict[int | None, list[int]] = {}
    for number, each in enumerate(outcomes):
        members.setdefault(group_of(groups, each), []).append(number)
    by_number = weights(endings)
    shares = []
    for group, numbers in members.items():
        example = max(numbers, key=lambda number: by_number[number])
        spelling, _ = Counter(outcomes[number].answer for number in numbers).most_common(1)[0]
        shares.append(
            AnswerShare(
                None if group is None else spelling,
                outcomes[example].verdict,
                len(numbers),
                sum(by_number[number] for number in numbers),
                example - 1 if example else None,
            )
        )
    return tuple(sorted(shares, key=lambda each: (-each.endings, -each.probability)))


def differing_share(endings: Sequence[Ending], seed: int) -> Estimate | None:
    """Share of endings whose answer is another than that of the chain they leave; None without
    endings.

    Endings of one position are not independent, so the interval is by bootstrap over the n
    positions at which tokens were forced.
    """
    found: dict[tuple[int | None, int], list[bool]] = {}
    for each in endings:
        found.setdefault((each.parent, each.position), []).append(each.differs)
    if not found:
        return None
    parts = [sum(each) for each in found.values()]
    return ratio_over_chains(parts, [len(each) for each in found.values()], seed)


def _place(parent: int | None) -> int:
    return 0 if parent is None else parent + 1
