"""Worked examples for few-shot prompts: built-in ones, or those of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from core.errors import PromptError
from core.system.json_text import json_text
from core.system.person_path import person_path
from core.system.project_root import project_root
from core.tokens.prompts import FEW_SHOT, WorkedExample

BUILT_IN = project_root() / "sample_data" / "word_problems" / "few_shot.jsonl"
"""Eight word problems of one and two steps, none of them in a problem set of ours."""

DEFAULT_COUNT = 4
"""Built-in examples of the prompt style few_shot."""

MAX_EXAMPLES = 64

_REMEDY = 'Write one JSON object a line: {"question": "...", "solution": "..."}.'
_ROW = TypeAdapter(WorkedExample)


@cache
def built_in_examples() -> tuple[WorkedExample, ...]:
    """All built-in examples, in their order."""
    return read_examples(BUILT_IN)


def examples_of(
    style: str | None, given: Sequence[WorkedExample] | None = None
) -> tuple[WorkedExample, ...]:
    """The worked examples of a prompt: those given, or else what the prompt style brings, which is
    four built-in ones for the style few_shot and none for the others.

    Args:
        style: a name of `PROMPT_STYLES`; None: the model's own, which brings none.
        given: an empty sequence is none at all.
    """
    if given is not None:
        return tuple(given)
    return built_in_examples()[:DEFAULT_COUNT] if style == FEW_SHOT else ()


def read_examples(path: str | Path) -> tuple[WorkedExample, ...]:
    """The examples of a file of JSON lines, each with `question` and `solution`; other fields are
    ignored.

    Raises:
        PromptError: the file can't be read, or a line is not an example.
    """
    file = person_path(path)
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"The examples in {file} can't be read ({type(error).__name__}).", "Give another file."
        ) from error
    examples = []
    for number, line in enumerate(lines, 1):
        try:
            row: dict[str, Any] = json.loads(line)
            fields = {name: row[name] for name in ("question", "solution")}
            example = _ROW.validate_json(json_text(fields), strict=True)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            what = f"Line {number} of {file} is not a worked example."
            raise PromptError(what, _REMEDY) from error
        if not example.question.strip() or not example.solution.strip():
            raise PromptError(f"Line {number} of {file} has an empty text.", _REMEDY)
        examples.append(example)
    if not 0 < len(examples) <= MAX_EXAMPLES:
        raise PromptError(
            f"{file} has {len(examples)} examples.", f"Use a file of 1 to {MAX_EXAMPLES}."
        )
    return tuple(examples)


def typed_examples(text: str) -> tuple[WorkedExample, ...] | None:
    """Examples as a person names them: a number of built-in ones, a file, or a number of those in
    a file ("4", "mine.jsonl", "mine.jsonl:4"); nothing typed is None.

    Raises:
        PromptError: more than there are, or as `read_examples`.
    """
    text = text.strip()
    if not text:
        return None
    named, _, count = text.rpartition(":")
    if not re.fullmatch(r"\d+", count):
        named, count = text, ""
    known = read_examples(named) if named else built_in_examples()
    wanted = int(count) if count else len(known)
    if wanted > len(known):
        raise PromptError(
            f"There are {len(known)} {'' if named else 'built-in '}examples, not {wanted}.",
            "Ask for fewer, or give a file with more.",
        )
    return known[:wanted]


def _by_name(value: Any) -> Any:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return value
    try:
        return typed_examples(str(value))
    except PromptError as error:
        raise ValueError(str(error)) from error


Examples = Annotated[tuple[WorkedExample, ...] | None, BeforeValidator(_by_name)]
"""Worked examples; also as `typed_examples` takes them."""
