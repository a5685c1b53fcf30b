"""A table of rollouts: their numbers, filtered, sorted, and put together by problem."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import FileError
from core.imports.records import Rollout
from core.imports.scoring import NotScored, ScoredRollout
from core.records import Verdict


@dataclass(frozen=True)
class Line:
    """One rollout of the table. Columns whose name begins with `their` are of the file; `entropy`,
    `share` and `verdict` are this explorer's, and None where the rollout isn't scored."""

    rollout: Rollout
    problem: str
    reward: float | None
    tokens: int | None
    characters: int
    entropy: float | None = None  # mean, nats
    share: float | None = None  # of tokens above tau
    their_entropy: float | None = None  # mean, nats
    their_share: float | None = None  # of tokens above tau
    verdict: Verdict | None = None
    scored: ScoredRollout | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict of the numbers."""
        names = ("reward", "tokens", "entropy", "share", "their_entropy", "their_share")
        scored = self.scored
        return {
            "row": self.rollout.row,
            "id": self.rollout.id,
            "problem": self.problem,
            "step": self.rollout.step,
            **{name: getattr(self, name) for name in names},
            "characters": self.characters,
            "verdict": None if self.verdict is None else str(self.verdict),
            "ids": None if scored is None else str(scored.encoded.ids),
        }


COLUMNS = ("row", "step", "reward", "tokens", "characters", "entropy", "share", "their_entropy",
           "their_share")  # fmt: skip
"""Columns by which rollouts can be filtered and sorted; shares are percent there."""


@dataclass(frozen=True)
class Group:
    """The rollouts of a problem together; means over those that have the number."""

    problem: str
    question: str
    count: int
    reward: float | None
    rewards: tuple[float, float] | None  # lowest and highest
    tokens: float | None
    entropy: float | None
    their_entropy: float | None
    share: float | None


def lines(items: Iterable[Rollout | ScoredRollout | NotScored], tau: float) -> list[Line]:
    """The lines of rollouts, scored or not.

    Args:
        tau: threshold of forks, nats.
    """
    return [_line(item, tau) for item in items]


def _line(item: Rollout | ScoredRollout | NotScored, tau: float) -> Line:
    rollout = item if isinstance(item, Rollout) else item.rollout
    theirs = rollout.entropy
    known = None if theirs is None else theirs[np.isfinite(theirs)]
    found: dict[str, Any] = {
        "rollout": rollout,
        "problem": rollout.group,
        "reward": rollout.reward,
        "tokens": rollout.length,
        "characters": len(rollout.answer or ""),
        "their_entropy": rollout.mean_entropy,
        "their_share": None if known is None or not len(known) else float((known > tau).mean()),
    }
    if isinstance(item, ScoredRollout):
        entropy = item.chain.entropy
        found |= {
            "tokens": len(item.chain),
            "characters": len(item.chain.text) if rollout.answer is None else len(rollout.answer),
            "entropy": float(entropy.astype(np.float64).mean()),
            "share": float((entropy > tau).mean()),
            "verdict": item.outcome.verdict,
            "scored": item,
        }
    return Line(**found)


_CONDITION = re.compile(r"\s*([a-z_]+)\s*(<=|>=|!=|==|=|<|>)\s*(\S.*?)\s*")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


def condition(text: str) -> Callable[[Line], bool]:
    """A filter: "reward < 1", "tokens >= 200", "share > 5" (percent), "problem = 7" or
    "verdict = wrong". A line without the number is left out.

    Raises:
        FileError: not a condition.
    """
    match = _CONDITION.fullmatch(text)
    column, sign, value = match.groups() if match else ("", "", "")
    if column in ("problem", "verdict", "id") and sign in ("=", "==", "!="):
        equal = sign != "!="
        return lambda line: (_word(line, column) == value) is equal
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if column not in COLUMNS or math.isnan(limit):
        raise FileError(
            f"{text!r} is not a condition.",
            f'Write such as "reward < 1", with one of {", ".join(COLUMNS)}; or "problem = 7" or '
            '"verdict = wrong".',
        )

    def holds(line: Line) -> bool:
        number = value_of(line, column)
        return number is not None and _SIGNS[sign](number, limit)

    return holds


def value_of(line: Line, column: str) -> float | None:
    """A number of a line; shares in percent.

    Raises:
        FileError: no such column.
    """
    check_column(column)
    found = getattr(line.rollout if column in ("row", "step") else line, column)
    if found is not None and column in ("share", "their_share"):
        return 100 * float(found)
    return None if found is None else float(found)


def check_column(column: str) -> None:
    """Raise unless there is such a column.

    Raises:
        FileError: there isn't.
    """
    if column not in COLUMNS:
        raise FileError(f"There is no column {column!r}.", f"Give one of {', '.join(COLUMNS)}.")


def ordered(found: Sequence[Line], by: str) -> list[Line]:
    """Lines sorted by a column, "-reward" from the highest; those without the number come last.

    Raises:
        FileError: no such column.
    """
    column, sign = by.removeprefix("-"), -1 if by.startswith("-") else 1
    check_column(column)

    def key(line: Line) -> tuple[bool, float]:
        number = value_of(line, column)
        return number is None, 0 if number is None else sign * number

    return sorted(found, key=key)


def by_problem(found: Sequence[Line]) -> list[Group]:
    """The problems of the lines, in order of their first."""
    groups: dict[str, list[Line]] = {}
    for line in found:
        groups.setdefault(line.problem, []).append(line)
    return [_group(problem, lines) for problem, lines in groups.items()]


def _group(problem: str, found: Sequence[Line]) -> Group:
    def numbers(name: str) -> list[float]:
        return [value for line in found if (value := getattr(line, name)) is not None]

    def mean(name: str) -> float | None:
        values = numbers(name)
        return float(np.mean(values)) if values else None

    rewards = numbers("reward")
    return Group(
        problem,
        found[0].rollout.question,
        len(found),
        mean("reward"),
        (min(rewards), max(rewards)) if rewards else None,
        mean("tokens"),
        mean("entropy"),
        mean("their_entropy"),
        mean("share"),
    )


def _word(line: Line, column: str) -> str:
    if column == "verdict":
        return "" if line.verdict is None else str(line.verdict)
    return line.problem if column == "problem" else line.rollout.id
