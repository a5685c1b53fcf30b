"""Groups of options: a command names a group as one parameter, and its options are in its help.

A group is a dataclass of `Annotated[..., typer.Option(...)]` fields, or the settings of a pydantic
model: `Annotated[GivenSettings, SettingOptions(EvaluationSettings)]`. `grouped` turns them into
the flat parameters that typer reads, and puts them together again when the command is called.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from functools import wraps
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_type_hints

import typer
from pydantic import BaseModel

from core.decoding.top_share import TopShare
from core.errors import RunError
from core.runs.settings import changed
from core.system.setting import Setting, Typed, setting, setting_names

_Settings = TypeVar("_Settings", bound=BaseModel)

SET = "settings"
"""The parameter of --set."""


class Group(Protocol):
    """What `grouped` needs of a group."""

    def parameters(self) -> Iterator[inspect.Parameter]:
        """Its options, annotated as typer reads them."""

    def value(self, given: dict[str, Any], was_given: Callable[[str], bool]) -> Any:
        """What the command gets; `was_given` says whether a person gave a parameter."""


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of its groups in place of the groups."""
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command).parameters
    groups = {name: group for name in own if (group := _group(hints[name])) is not None}
    flat = [inspect.Parameter(_CONTEXT, _KEYWORD, annotation=typer.Context)]
    for name, parameter in own.items():
        if name in groups:
            flat += groups[name].parameters()
        elif hints[name] is not typer.Context:
            flat.append(parameter.replace(kind=_KEYWORD, annotation=hints[name]))

    @wraps(command)
    def flattened(**given: Any) -> None:
        context = given.pop(_CONTEXT)

        def value(name: str) -> Any:
            if name in groups:
                mine = {each.name: given[each.name] for each in groups[name].parameters()}
                return groups[name].value(mine, lambda each: was_given(context, each))
            return context if hints[name] is typer.Context else given[name]

        command(**{name: value(name) for name in own})

    flattened.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    flattened.__annotations__ = {each.name: each.annotation for each in flat}
    return flattened


def was_given(context: typer.Context, parameter: str) -> bool:
    """Whether a person gave an option, by its parameter's name."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


@dataclass(frozen=True)
class GivenSettings:
    """Settings that a person gave, by their dotted names."""

    values: Mapping[str, Any]

    @property
    def shares(self) -> Mapping[str, TopShare]:
        """Thresholds that were given as a share of the model's tokens. They have to be measured
        first, and replaced by nats with `replaced` (`core.cli.thresholds.plan_with_shares`)."""
        return {name: each for name, each in self.values.items() if isinstance(each, TopShare)}

    def without_shares(self) -> GivenSettings:
        """All other settings."""
        shares = self.shares
        return GivenSettings({n: each for n, each in self.values.items() if n not in shares})

    def replaced(self, values: Mapping[str, Any]) -> GivenSettings:
        """These settings with some others in their place."""
        return GivenSettings({**self.values, **values})

    def changed(self, start: _Settings) -> _Settings:
        """Settings with what was given.

        Raises:
            RunError: an unknown name, or a value out of its range.
        """
        return changed(start, self.values)


@dataclass(frozen=True)
class SettingOptions:
    """Options for the fields of a settings model, and --set NAME=VALUE for all of them.

    Attributes:
        model: the settings.
        names: dotted names of fields by their options' parameters; without it, all fields that
            are not in a group of their own.
        flags: of parameters whose option isn't only the parameter's name.
        preset: whether what is not given is a preset's; otherwise it is the model's default.
        by_name: whether --set is an option.
    """

    model: type[BaseModel]
    names: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    preset: bool = False
    by_name: bool = True

    def parameters(self) -> Iterator[inspect.Parameter]:
        """One option a field, and --set."""
        for parameter, name in self.dotted_names().items():
            found = setting(self.model, name)
            default = None if self.preset or found.kind is tuple else found.default
            kind = str if found.kind is tuple else found.kind
            if found.by_line:
                kind = list[str]
            option: Any = typer.Option(
                *self.flags.get(parameter, ()),
                help=_help(found),
                show_default="the preset's" if self.preset else True,
                **(_PARSED.get(kind, {}) if found.typed is None else _parsed(found.typed)),
            )
            annotation = kind if default is not None else kind | None
            yield _parameter(parameter, Annotated[annotation, option], default)
        if self.by_name:
            yield _parameter(SET, _SET, None)

    def value(self, given: dict[str, Any], was_given: Callable[[str], bool]) -> GivenSettings:
        """What was given, by dotted names; --set counts where both are given.

        Raises:
            RunError: a --set without a value, or with one that can't be read.
        """
        names = self.dotted_names()
        values = {name: given[each] for each, name in names.items() if was_given(each)}
        for name, value in values.items():
            if setting(self.model, name).by_line:
                values[name] = "\n".join(value)
        for text in given.get(SET) or []:
            name, sign, value = text.partition("=")
            if not sign:
                raise RunError(f"--set {text} has no value.", "Write --set NAME=VALUE.")
            name = name.strip()
            try:
                values[name] = json.loads(value)
            except ValueError:
                values[name] = value  # plain words need no quotes
            values[name] = self._as_typed(name, values[name])
        return GivenSettings(values)

    def _as_typed(self, name: str, value: Any) -> Any:
        """What a text means for a number that may be typed otherwise."""
        try:
            typed = setting(self.model, name).typed
        except KeyError:  # said when the settings are made
            return value
        if typed is None or not isinstance(value, str):
            return value
        try:
            return typed.parse(value)
        except ValueError as error:
            raise RunError(f"A setting can't be used ({name}: {error}).", "Change it.") from error

    def dotted_names(self) -> Mapping[str, str]:
        """The settings' dotted names by their options' parameters."""
        return self.names or {each: each for each in setting_names(self.model) if "." not in each}


@dataclass(frozen=True)
class _DataclassGroup:
    kind: type

    def parameters(self) -> Iterator[inspect.Parameter]:
        hints = get_type_hints(self.kind, include_extras=True)
        for each in fields(self.kind):
            default = inspect.Parameter.empty if each.default is MISSING else each.default
            yield _parameter(each.name, hints[each.name], default)

    def value(self, given: dict[str, Any], was_given: Callable[[str], bool]) -> Any:
        return self.kind(**given)


_CONTEXT = "command_context"
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_SET = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting by its name, such as training.learning_rate=1e-4; may be repeated.",
    ),
]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-03-01.") from error


_PARSED: dict[type, dict[str, Any]] = {date: {"parser": _day, "metavar": "YYYY-MM-DD"}}


def _parsed(typed: Typed) -> dict[str, Any]:
    """How typer reads a number that may be typed otherwise."""

    def parse(value: str | float) -> Any:
        try:
            return typed.parse(value)
        except ValueError as error:
            raise typer.BadParameter(f"{error}.") from error

    return {"parser": parse, "metavar": typed.metavar}


def _group(hint: Any) -> Group | None:
    for each in get_args(hint)[1:]:
        if isinstance(each, SettingOptions):
            return each
    return _DataclassGroup(hint) if isinstance(hint, type) and is_dataclass(hint) else None


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, _KEYWORD, annotation=annotation, default=default)


def _help(found: Setting) -> str:
    """What a setting is, its choices and its bounds, in one sentence."""
    about = found.help[:1].lower() + found.help[1:]
    parts = [": ".join(filter(None, [found.label, about]))]
    if found.choices:
        parts.append(f"one of {', '.join(found.choices)}")
    return "; ".join([*parts, *filter(None, [found.range])]) + "."
