"""Checks of answers that need mathematics, against plain math-verify.

Ours parses all of an answer, compares both ways and does so in a process that can be killed; theirs
is `verify(parse(gold), parse(answer))`. `python -m benchmarks.answers` prints this table alone.
"""

from __future__ import annotations

import logging
from functools import partial

from math_verify import parse, verify

from benchmarks.timing import alternate, line, table_head
from core.answers import AnswerChecker
from core.records import Verdict

CHECKS = 100  # a round
TARGET = 2.0  # ours / theirs, at most

Pair = tuple[str, str]
"""A chain's text and a gold answer."""


def run(rounds: int) -> str:
    """Other sums every round, since ours remembers what it has parsed; a table line."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # theirs goes without time limits
    chosen = [
        (f"so it is \\boxed{{x + {n} + {n % 7}}}", f"x + {n + n % 5}")
        for n in range(rounds * CHECKS + 1)
    ]
    batches = [chosen[1 + i * CHECKS :][:CHECKS] for i in range(rounds)]
    with AnswerChecker() as checker:
        _check(_ours(checker, chosen[:1]), _theirs(chosen[:1]))  # warm-up: starts the worker
        measured = [
            alternate(i, partial(_ours, checker, batch), partial(_theirs, batch), _check)
            for i, batch in enumerate(batches)
        ]
    return line(f"{CHECKS} sums with a letter", measured, faster=False, target=TARGET)


def _ours(checker: AnswerChecker, pairs: list[Pair]) -> list[bool]:
    return [outcome.verdict is Verdict.CORRECT for outcome in checker.judge_many(pairs)]


def _theirs(pairs: list[Pair]) -> list[bool]:
    return [
        bool(verify(parse(f"${gold}$", parsing_timeout=None), parse(text, parsing_timeout=None),
                    timeout_seconds=None))
        for text, gold in pairs
    ]  # fmt: skip


def _check(ours: list[bool], theirs: list[bool]) -> None:
    assert ours == theirs


def main() -> None:
    """Print the table."""
    print(table_head("ours / theirs"))
    print(run(rounds=9))


if __name__ == "__main__":
    main()
