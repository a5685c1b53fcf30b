"""The options of a command that give a run's settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_type_hints

import typer
from pydantic import BaseModel

from core.cli.option_groups import SettingOptions
from core.runs.run import Run
from core.system.json_text import json_text
from core.system.setting import setting, setting_names, typed_lines, typed_values


def setting_options(run: Run, start: BaseModel, decided: set[str] | None = None) -> Iterator[str]:
    """The settings that differ from those that the command starts from.

    Args:
        start: the defaults, or a preset.
        decided: names of settings, or of groups of them, that must not be given.
    """
    from core.reasonmaxxer.results import recipe_settings
    from core.runs.settings import checked_settings

    group = _group(run.config.task)
    own = checked_settings(type(start), recipe_settings(run))
    parameters = {name: parameter for parameter, name in group.dotted_names().items()}
    for name in setting_names(own):
        if name == "preset" or {name, name.partition(".")[0]} & (decided or set()):
            continue
        value = _value(own, name)
        if value != _value(start, name) and not _follows(own, name):
            yield from _given(run.config.task, own, name, value, parameters.get(name))


def _value(settings: BaseModel, name: str) -> Any:
    """The value of a setting as JSON has it."""
    found: Any = settings.model_dump(mode="json")
    for part in name.split("."):
        found = found[part]
    return found


def _follows(settings: BaseModel, name: str) -> bool:
    """Whether a value is what the others lead to: the examples of the style few_shot."""
    if name != "examples":
        return False
    from core.chains.prompting import PromptSettings

    style = getattr(settings, "prompt_style", None)
    return bool(
        PromptSettings(prompt_style=style).model_dump(mode="json")["examples"]
        == _value(settings, name)
    )


def _given(
    task: str, settings: BaseModel, name: str, value: Any, parameter: str | None
) -> Iterator[str]:
    """One setting as its own option, else by --set."""
    found = setting(settings, name)
    option = None if parameter is None else options_of(task)[parameter]
    if name == "examples":
        value = _examples(value)
        option = option if isinstance(value, str) else None
    if option is None or value is None:
        yield from ("--set", f"{name}={_by_name(found.by_line, value)}")
    elif found.by_line:
        for line in typed_lines(tuple(value)).split("\n"):
            yield from (option, line)
    elif found.kind is tuple and not isinstance(value, str):
        yield from (option, ",".join(typed_values(value)))
    elif found.kind is bool:
        yield option if value else _negated(task, parameter or "")
    else:
        yield from (option, str(value))


def _by_name(by_line: bool, value: Any) -> str:
    """A value as --set reads it: JSON, which keeps every text as it is."""
    if by_line and value is not None:
        return json_text(typed_lines(tuple(value)))
    return json_text(value)


def _examples(value: Any) -> Any:
    """Built-in worked examples as their number."""
    from core.chains.few_shot import built_in_examples

    known = [{"question": each.question, "solution": each.solution} for each in built_in_examples()]
    return str(len(value)) if value == known[: len(value or ())] else value


@cache
def _command(task: str) -> Any:
    from core.cli import app

    return typer.main.get_command(app).commands[task]  # type: ignore[attr-defined]


def options_of(task: str) -> Mapping[str, str]:
    """The longest form of every option by its parameter."""
    return {each.name: _longest(each.opts) for each in _command(task).params}


def _negated(task: str, parameter: str) -> str:
    (found,) = (each for each in _command(task).params if each.name == parameter)
    return _longest(found.secondary_opts)


def _longest(names: Sequence[str]) -> str:
    return max(names, key=len)


def _group(task: str) -> SettingOptions:
    """The options of a command's settings."""
    hints = get_type_hints(inspect.unwrap(_command(task).callback), include_extras=True)
    (group,) = (
        each
        for hint in hints.values()
        for each in get_args(hint)[1:]
        if isinstance(each, SettingOptions)
    )
    return group
