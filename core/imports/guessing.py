"""Guess the roles of fields by their names and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.imports.records import FieldMapping
from core.problems.column_names import plain_name
from core.problems.messages import is_chat, roles_of

FieldRows = Sequence[dict[str, Any]]
"""The first rows of a file."""

_NAMES = {
    "prompt_ids": "promptids prompttokenids inputtokenids prompttokens inputids",
    "answer_ids": "completionids completiontokenids responseids responsetokenids outputids "
    "outputtokenids answerids tokenids responsetokens completiontokens tokens",
    "mask": "lossmask responsemask completionmask actionmask mask",
    "answer_length": "responselength completionlength answerlength",
    "entropy": "entropy entropies entropynats tokenentropy tokenentropies meanentropy",
    "prompt": "prompt prompts messages conversations conversation input inputs question problem "
    "query instruction",
    "answer": "completion completions response responses output outputs generation generations "
    "generatedtext modeloutput modelresponse prediction rollout solution answer text",
    "reward": "reward rewards totalreward score scores correct iscorrect accuracy acc exactmatch "
    "passed",
    "gold": "gold groundtruth gts gt target label reference expectedanswer referenceanswer "
    "goldanswer answer",
    "group": "groupid groupindex group promptid promptindex problemid questionid exampleid taskid "
    "docid uid",
    "id": "id rolloutid sampleid sampleindex customid requestid uniqueid index idx",
    "step": "step globalstep trainingstep iteration",
    "stop": "finishreason stopreason status truncated",
    "model": "model modelname modelid",
    "temperature": "temperature",
}


def guess(columns: Sequence[str], rows: FieldRows) -> FieldMapping:
    """The most likely roles; a role with no fitting field stays None."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(plain_name(column), column)
    found: dict[str, str] = {}
    for role, names in _NAMES.items():
        for name in names.split():
            field = by_name.get(name)
            if field is not None and field not in found.values() and _fits(rows, field, _IS[role]):
                found[role] = field
                break
    if "answer_ids" not in found:
        for role in ("mask", "answer_length"):
            found.pop(role, None)
    if "group" not in found and "id" in found and _repeats(rows, found["id"]):
        found["group"] = found.pop("id")
    return FieldMapping(**found)


def _fits(rows: FieldRows, column: str, fits: Callable[[Any], bool]) -> bool:
    """Whether most values that are there are of the kind, and there is one."""
    values = [row[column] for row in rows if row.get(column) is not None]
    return bool(values) and 2 * sum(map(fits, values)) > len(values)


def _repeats(rows: FieldRows, column: str) -> bool:
    values = [str(row.get(column)) for row in rows]
    return len(set(values)) < len(values)


def is_number(value: Any) -> bool:
    """Whether a value is a number, true or false."""
    return isinstance(value, int | float)


def is_ids(value: Any) -> bool:
    """Whether a value looks like token ids, by its beginning."""
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value[:9])


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(
        each is None or isinstance(each, int | float) for each in value[:9]
    )


def _is_prompt(value: Any) -> bool:
    return isinstance(value, str) or is_chat(value)


def _is_answer(value: Any) -> bool:
    if isinstance(value, list) and not is_chat(value):
        return bool(value) and all(isinstance(each, str) or is_chat(each) for each in value)
    return isinstance(value, str) or is_chat(value)


def _is_label(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_gold(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def ends_with_answer(value: Any) -> bool:
    """Whether a value is a chat whose last message is the assistant's."""
    return roles_of(value)[-1:] == ["assistant"]


_IS: dict[str, Callable[[Any], bool]] = {
    "prompt_ids": is_ids,
    "answer_ids": is_ids,
    "mask": _is_numbers,
    "answer_length": lambda value: type(value) is int,
    "entropy": lambda value: is_number(value) or _is_numbers(value),
    "prompt": _is_prompt,
    "answer": _is_answer,
    "reward": lambda value: is_number(value) or _is_numbers(value),
    "gold": _is_gold,
    "group": _is_label,
    "id": _is_label,
    "step": lambda value: type(value) is int,
    "stop": lambda value: isinstance(value, str | bool | dict),
    "model": lambda value: isinstance(value, str),
    "temperature": is_number,
}
