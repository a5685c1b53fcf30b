"""Problem sets: those that come with the explorer, those of files, and samples of them.

Files of every kind are read by `core.problems.reading`. What is read here is read whole or not at
all: a set that the explorer wrote itself must not lose a problem unnoticed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
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
    """The problems of a file of any kind that `read_problem_file` reads, in its order; or of one
    of `NAMED_SETS` by its name.

    Raises:
        ProblemError: as `read_problem_file`, and where any row is no problem.
    """
    return _all_of(read_problem_file(problem_file(path)), Path(path).name)


def parse_problems(data: bytes, name: str) -> list[Problem]:
    """The problems of a file's bytes; `name` is the file's, for ids and messages.

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
    """The problems that the demo model may be tuned on; none is among `demo_problems`.

    Raises:
        ProblemError: as `read_problems`, where the app's sample data is missing.
    """
    return read_problems(DEMO_TRAINING_PROBLEMS)


def problem_file(name: str | Path) -> Path:
    """The file of one of `NAMED_SETS`, or the path itself; an existing file comes first."""
    path, named = person_path(name), NAMED_SETS.get(str(name))
    return path if named is None or path.is_file() else named


def write_problems(path: str | Path, problems: Iterable[Problem]) -> None:
    """Write problems as JSONL that `read_problems` reads back; a file there is replaced whole.

    Raises:
        ProblemError: the file can't be written.
    """
    path = person_path(path)
    lines = [json_text(_without_none(problem)) for problem in problems]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, "".join(line + "\n" for line in lines).encode("utf-8"))
    except (OSError, UnicodeEncodeError) as error:  # the latter: a lone surrogate in a text
        raise ProblemError(
            f"{path} can't be written ({error}).",
            "Choose another place, or make room there.",
        ) from error


def sample_problems(problems: Sequence[Problem], count: int, seed: int) -> list[Problem]:
    """So many of the problems, drawn by the seed, in the order in which they stand.

    Raises:
        ProblemError: more are asked for than there are.
    """
    if not 0 < count <= len(problems):
        raise ProblemError(
            f"{count} problems can't be drawn from {len(problems)}.",
            f"Ask for 1 to {len(problems)}." if problems else "Choose a set that has some.",
        )
    drawn = np.random.default_rng(seed).permutation(len(problems))[:count]
    return [problems[i] for i in sorted(drawn)]


def chosen_problems(
    problems: Sequence[Problem], sample: int | None, seed: int
) -> Sequence[Problem]:
    """What a run works on: all of a set, or so many drawn by the seed.

    Raises:
        ProblemError: there are none, or fewer than are asked for.
    """
    if not problems:
        raise ProblemError("There are no problems to run on.", "Choose a set that has some.")
    return problems if sample is None else sample_problems(problems, sample, seed)


def find_problem(problems: Sequence[Problem], problem_id: str) -> Problem:
    """The problem of that id.

    Raises:
        ProblemError: there is none; names the closest ids.
    """
    for problem in problems:
        if problem.id == problem_id:
            return problem
    close = difflib.get_close_matches(problem_id, [problem.id for problem in problems], n=3)
    some = close or [problem.id for problem in problems[:3]]
    raise ProblemError(
        f"There is no problem with the id {problem_id!r}.",
        f"{'Close to it' if close else 'The first ids'}: {', '.join(some)}."
        if some
        else "The problem set is empty: load one with problems in it.",
    )


def _all_of(table: ProblemTable, name: str) -> list[Problem]:
    for refusal in table.refused:
        raise ProblemError(
            f"{name}, {table.noun} {refusal.row}: {refusal.reason}.",
            "Mend it there, or leave it out.",
        )
    return table.problems


def _without_none(problem: Problem) -> dict[str, str]:
    return {key: value for key, value in asdict(problem).items() if value is not None}
