"""Problem sets: those that come with the explorer, sets from files, and samples of them.

Unlike `core.problems.reading`, these functions reject a file with any invalid row: a set written
by the explorer must not lose a problem unnoticed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.errors import ProblemError
from core.problems.reading import read_problem_file
from core.problems.table import ProblemTable
from core.records import Problem
from core.system.durable_files import replace_file
from core.system.json_text import json_text
from core.system.person_path import person_path
from core.system.project_root import project_root

DEMO_PROBLEMS = project_root() / "sample_data" / "problems_test.jsonl"
DEMO_TRAINING_PROBLEMS = DEMO_PROBLEMS.with_name("problems_train.jsonl")
WORD_PROBLEMS = project_root() / "sample_data" / "word_problems" / "test.jsonl"
WORD_TRAINING_PROBLEMS = WORD_PROBLEMS.with_name("train.jsonl")

NAMED_SETS = {
    "demo": DEMO_PROBLEMS,
    "demo-train": DEMO_TRAINING_PROBLEMS,
    "word-problems": WORD_PROBLEMS,
    "word-problems-train": WORD_TRAINING_PROBLEMS,
}
"""The sets that come with the explorer, by the names that are taken in place of a file."""


def read_problems(path: str | Path) -> list[Problem]:
    """The problems of a file of any format, or of one of `NAMED_SETS`, in its order.

    Raises:
        ProblemError: as `read_problem_file`, or any row is invalid.
    """
    return _all_of(read_problem_file(problem_file(path)), Path(path).name)


def parse_problems(data: bytes, name: str) -> list[Problem]:
    """The problems of a file's bytes; `name` is the file's name, for ids and messages.

    Raises:
        ProblemError: as `read_problems`.
    """
    return _all_of(read_problem_file(data, name), name)


def demo_problems() -> list[Problem]:
    """The held-out problems that come with the demo model.

    Raises:
        ProblemError: as `read_problems`, where the app's sample data is missing.
    """
    return read_problems(DEMO_PROBLEMS)


def demo_training_problems() -> list[Problem]:
    """The training problems of the demo model, disjoint from `demo_problems`.

    Raises:
        ProblemError: as `read_problems`, where the app's sample data is missing.
    """
    return read_problems(DEMO_TRAINING_PROBLEMS)


def problem_file(name: str | Path) -> Path:
    """The file of one of `NAMED_SETS`, or the path itself; an existing file comes first."""
    path, named = person_path(name), NAMED_SETS.get(str(name))
    return path if named is None or path.is_file() else named


def write_problems(path: str | Path, problems: Iterable[Problem]) -> None:
    """Write problems as JSON lines that `read_problems` reads back; replaces a file atomically.

    Raises:
        ProblemError: the file can't be written.
    """
    path = person_path(path)
    lines = [json_text(_without_none(problem)) for problem in problems]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, "".join(line + "\n" for line in lines).encode("utf-8"))
    except (OSError, UnicodeEncodeError) as error:  # UnicodeEncodeError: a lone surrogate
        raise ProblemError(
            f"{path} can't be written ({error}).",
            "Choose another folder, or free space there.",
        ) from error


def sample_problems(problems: Sequence[Problem], count: int, seed: int) -> list[Problem]:
    """A random sample of `count` problems, in their original order.

    Raises:
        ProblemError: fewer problems than `count`.
    """
    if not 0 < count <= len(problems):
        raise ProblemError(
            f"{count} problems can't be drawn from {len(problems)}.",
            f"Ask for 1 to {len(problems)}." if problems else "Choose a set with problems.",
        )
    drawn = np.random.default_rng(seed).permutation(len(problems))[:count]
    return [problems[i] for i in sorted(drawn)]


def chosen_problems(
    problems: Sequence[Problem], sample: int | None, seed: int
) -> Sequence[Problem]:
    """The problems of a run: all of a set, or a random sample.

    Raises:
        ProblemError: no problems, or fewer than requested.
    """
    if not problems:
        raise ProblemError("There are no problems to run on.", "Choose a set that has some.")
    return problems if sample is None else sample_problems(problems, sample, seed)


def source_of(
    problems: Sequence[Problem], seed: int, sets: Mapping[str, Sequence[Problem]]
) -> str | None:
    """The name of the set that `chosen_problems` has taken problems from; None where it is none of
    these sets."""
    count = len(problems)
    for name, known in sets.items():
        drawn = known if count == len(known) else None
        if 0 < count < len(known):
            drawn = sample_problems(known, count, seed)
        if drawn is not None and list(drawn) == list(problems):
            return name
    return None


def find_problem(problems: Sequence[Problem], problem_id: str) -> Problem:
    """The problem with an id.

    Raises:
        ProblemError: no such problem; names the closest ids.
    """
    for problem in problems:
        if problem.id == problem_id:
            return problem
    close = difflib.get_close_matches(problem_id, [problem.id for problem in problems], n=3)
    some = close or [problem.id for problem in problems[:3]]
    raise ProblemError(
        f"The problem set has no problem with the id {problem_id!r}.",
        f"{'Close to it' if close else 'The first ids'}: {', '.join(some)}."
        if some
        else "The problem set is empty: load one with problems in it.",
    )


def _all_of(table: ProblemTable, name: str) -> list[Problem]:
    for refusal in table.refused:
        raise ProblemError(
            f"{name}, {table.noun} {refusal.row}: {refusal.reason}.",
            "Correct it there, or leave it out.",
        )
    return table.problems


def _without_none(problem: Problem) -> dict[str, str]:
    return {key: value for key, value in asdict(problem).items() if value is not None}
