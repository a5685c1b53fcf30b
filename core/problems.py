"""Problem sets: read and write JSONL, one problem a line.

Every reader turns bytes into `list[Problem]` and says in a ProblemError which file, which line,
what is wrong there and what to do. Readers of other shapes stand beside `parse_problems`.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ProblemError
from core.records import Problem

MAX_BYTES = 50 * 1024**2
"""A larger problem file is refused before it is read."""

DEMO_PROBLEMS = Path(__file__).parent.parent / "sample_data" / "problems_test.jsonl"
DEMO_TRAINING_PROBLEMS = DEMO_PROBLEMS.with_name("problems_train.jsonl")

_FORMAT = 'Write one JSON object a line: {"question": "...", "answer": "..."}.'


class _Number(str):
    """A JSON number as it was written: 72.50 stays "72.50", and no digits are lost."""


def read_problems(path: str | Path) -> list[Problem]:
    """The problems of a JSONL file, in its order; keys as in `parse_problems`.

    Raises:
        ProblemError: the file isn't there, can't be read, is too large, or as `parse_problems`.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise ProblemError(f"{path} is a folder.", "Give a JSONL file inside it.")
        _check_size(path.stat().st_size, path.name)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # a pipe or a growing file has no size beforehand
    except FileNotFoundError as error:
        raise ProblemError(f"There is no file {path}.", "Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ProblemError(
            f"{path} can't be read ({error}).", "Check the path and your right to read it."
        ) from error
    return parse_problems(data, path.name)


def parse_problems(data: bytes, name: str) -> list[Problem]:
    """The problems of a JSONL file's bytes; `name` is the file's, for ids and messages.

    Keys of a line: question (or problem); and, if present, id ("<stem>-<line>" otherwise), answer
    (text or a number), source, family. Other keys are ignored. A byte-order mark, blank lines and
    Windows line ends are accepted.

    Raises:
        ProblemError: with the line and the reason; also for a file without problems, of over
            50 MB, or that is not UTF-8.
    """
    _check_size(len(data), name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProblemError(
            f"{name}, line {line}: this is not UTF-8 text.", "Save the file as UTF-8."
        ) from error
    problems: list[Problem] = []
    lines: dict[str, int] = {}  # id -> the line it stands on
    # Not splitlines(): it also splits at characters that may stand inside a JSON string.
    for number, line_text in enumerate(text.split("\n"), start=1):
        if not line_text.strip():
            continue
        where = f"{name}, line {number}"
        problem = _problem(_json_object(line_text, where), f"{Path(name).stem}-{number}", where)
        if problem.id in lines:
            raise ProblemError(
                f"{where}: the id {problem.id!r} stands on line {lines[problem.id]} already.",
                "Give every problem an id of its own, or none.",
            )
        lines[problem.id] = number
        problems.append(problem)
    if not problems:
        raise ProblemError(f"{name} has no problems in it.", _FORMAT)
    return problems


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


def write_problems(path: str | Path, problems: Iterable[Problem]) -> None:
    """Write problems as JSONL that `read_problems` reads back; a file there is replaced whole.

    Raises:
        ProblemError: the file can't be written.
    """
    path = Path(path)
    lines = [json.dumps(_without_none(problem), ensure_ascii=False) for problem in problems]
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes("".join(line + "\n" for line in lines).encode("utf-8"))
        partial.replace(path)
    except (OSError, UnicodeEncodeError) as error:  # the latter: a lone surrogate in a text
        with contextlib.suppress(OSError):
            partial.unlink()
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


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise ProblemError(
            f"{name} has {size / 1024**2:.1f} MB, and a problem file may have "
            f"{MAX_BYTES / 1024**2:.0f}.",
            "Split it into smaller files.",
        )


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(
            line, parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise ProblemError(
            f"{where}: the JSON is broken at column {error.colno} ({error.msg}).", _FORMAT
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ProblemError(f"{where}: the JSON can't be read ({reason}).", _FORMAT) from error
    if not isinstance(row, dict):
        raise ProblemError(f"{where}: this is not a JSON object.", _FORMAT)
    return row


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _problem(row: dict[str, Any], default_id: str, where: str) -> Problem:
    question = _text(row, "question" if row.get("question") is not None else "problem", where)
    if question is None:
        raise ProblemError(
            f"{where}: there is no question.", 'Give the line a "question" (or "problem") key.'
        )
    if isinstance(question, _Number) or not question.strip():
        raise ProblemError(f"{where}: the question is empty or no text.", "Write the question.")
    answer = _text(row, "answer", where)
    return Problem(
        id=str(_text(row, "id", where) or default_id),
        question=question,
        answer=None if answer is None else str(answer),
        source=str(_text(row, "source", where) or ""),
        family=str(_text(row, "family", where) or ""),
    )


def _text(row: dict[str, Any], key: str, where: str) -> str | None:
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ProblemError(
            f"{where}: the {key} is neither text nor a number.", f'Write "{key}": "...".'
        )
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ProblemError(
            f"{where}: the {key} has half a character in it (a lone surrogate).",
            f"Write the {key} again.",
        )
    return value


def _without_none(problem: Problem) -> dict[str, str]:
    return {key: value for key, value in asdict(problem).items() if value is not None}
