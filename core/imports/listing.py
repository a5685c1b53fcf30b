"""A table of rollouts: their numbers, filtered, sorted, and put together by problem."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FileError
from core.imports.records import Rollout
from core.imports.scores import RolloutScore
from core.imports.scoring import NotScored, ScoredRollout
from core.records import Verdict
from core.statistics import Estimate, ratio_over_chains


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


Listed = Rollout | ScoredRollout | NotScored | tuple[Rollout, RolloutScore | None]
"""A rollout, or what scoring made of it: its chain, why it has none, or the numbers that were
kept."""


def lines(items: Iterable[Listed], tau: float) -> list[Line]:
    """The lines of rollouts, scored or not.

    Args:
        tau: threshold of forks, nats.
    """
    return [_line(item, tau) for item in items]


def _line(item: Listed, tau: float) -> Line:
    rollout, kept = item if isinstance(item, tuple) else (_rollout(item), None)
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
        found |= _numbers(item.chain.entropy, tau)
        found |= {"verdict": item.outcome.verdict, "scored": item}
        if rollout.answer is None:
            found["characters"] = len(item.chain.text)
    if kept is not None and len(kept.entropy):
        found |= _numbers(kept.entropy, tau) | {"verdict": kept.verdict}
    return Line(**found)


def _rollout(item: Rollout | ScoredRollout | NotScored) -> Rollout:
    return item if isinstance(item, Rollout) else item.rollout


def _numbers(entropy: NDArray[np.float32], tau: float) -> dict[str, Any]:
    return {
        "tokens": len(entropy),
        "entropy": float(entropy.astype(np.float64).mean()),
        "share": float((entropy > tau).mean()),
    }


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
        raise FileError(f"No column is called {column!r}.", f"Give one of {', '.join(COLUMNS)}.")


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


def above_tau(found: Sequence[Line]) -> Estimate:
    """Share of the tokens of scored rollouts that are above tau, with a 95 % interval over
    problems, since rollouts of one problem are not independent."""
    scored = [line for line in found if line.share is not None and line.tokens]
    return _over_problems(
        scored, [round((line.share or 0) * (line.tokens or 0)) for line in scored],
        [line.tokens or 0 for line in scored],
    )  # fmt: skip


def checked_correct(found: Sequence[Line]) -> Estimate | None:
    """Share of the scored rollouts with a known correct answer that give it, with a 95 % interval
    over problems; None where there is none."""
    checked = [line for line in found if line.verdict not in (None, Verdict.NO_GOLD)]
    if not checked:
        return None
    correct = [int(line.verdict is Verdict.CORRECT) for line in checked]
    return _over_problems(checked, correct, [1] * len(checked))


def _over_problems(found: Sequence[Line], parts: Sequence[int], wholes: Sequence[int]) -> Estimate:
    sums: dict[str, tuple[int, int]] = {}
    for line, part, whole in zip(found, parts, wholes, strict=True):
        before = sums.get(line.problem, (0, 0))
        sums[line.problem] = before[0] + part, before[1] + whole
    return ratio_over_chains(
        [each[0] for each in sums.values()], [each[1] for each in sums.values()]
    )


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
