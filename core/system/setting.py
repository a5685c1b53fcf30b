"""One field of a settings model, as a command line or a form needs it.

A settings model (pydantic) is the only place of a setting's default, bounds, title, help and unit;
options and form fields are made from what `setting` reads there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


@dataclass(frozen=True)
class Unit:
    """Marks the unit of a field's value: `Annotated[float, Unit("nats")]`."""

    name: str


@dataclass(frozen=True)
class KeyOf:
    """Marks a string that is a key of a table: `Annotated[str, KeyOf(GATES)]`. Its choices are the
    keys at the time when they are asked for."""

    table: Mapping[str, object]


@dataclass(frozen=True)
class Typed:
    """Marks a number in place of which a person may type something else on the command line, such
    as a share of tokens for a threshold. It has to be turned into a number before the setting is
    made.

    Attributes:
        parse: what a text or number means; raises ValueError, saying what may be typed.
        metavar: what may be typed, for the help of the option.
    """

    parse: Callable[[str | float], Any]
    metavar: str


def by_comma(words: Any) -> Any:
    """The words of a text with commas; anything else as it is."""
    if isinstance(words, str):
        return tuple(word.strip() for word in words.split(",") if word.strip())
    return words


def _by_line(text: Any) -> Any:
    """Lines as people type them: a line break inside one is written \\n, a backslash \\\\."""
    if not isinstance(text, str):
        return text
    if text.strip() == NO_LINES:
        return ()
    return tuple(_ESCAPE.sub(_escaped, line) for line in text.split("\n") if line) or None


def _escaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "\\": "\\"}[found[1]]


NO_LINES = "none"
"""What a person types for no lines at all, where nothing typed means the default."""

_ESCAPE = re.compile(r"\\([nt\\])")

Words = Annotated[tuple[str, ...], BeforeValidator(by_comma)]
"""Several words; also as one text with commas."""


def typed_values(values: Iterable[str | float]) -> tuple[str, ...]:
    """Several words or numbers, each as a person would type it."""
    return tuple(map(str, values))


@dataclass(frozen=True)
class ByLine:
    """Marks several strings that are typed a line each."""


Lines = Annotated[tuple[str, ...] | None, BeforeValidator(_by_line), ByLine()]
"""Several strings that may hold anything; also as one text of lines, with \\n for a line break in a
string. An empty text is None, and "none" no strings."""


def typed_lines(lines: tuple[str, ...] | None) -> str:
    """Lines as a person would type them."""
    if lines is None:
        return ""
    if not lines:
        return NO_LINES
    pairs = (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"))
    typed = []
    for line in lines:
        for sign, escape in pairs:
            line = line.replace(sign, escape)
        typed.append(line)
    return "\n".join(typed)


@dataclass(frozen=True)
class Setting:
    """A field of a settings model.

    Attributes:
        name: dotted, from the outermost model: "training.lora_rank".
        title: what it is, in a few words; a nested field's begins with its group's title.
        help: one sentence; empty where the title says everything.
        unit: of the value; empty where it has none.
        kind: bool, int, float, str, date, or tuple for several words or numbers.
        choices: the only values, of an enumeration, a literal or the key of a table.
        optional: whether None is a value.
        by_line: whether several strings are typed a line each.
        default: None for a field that has none.
        typed: what else may be typed, of a number; None where nothing else may.
        low, high: the bounds; infinite where there is none.
        open_low, open_high: whether the bound itself is out of range.
    """

    name: str
    title: str
    help: str
    unit: str
    kind: type
    choices: tuple[str, ...]
    optional: bool
    by_line: bool
    typed: Typed | None
    default: Any
    low: float
    high: float
    open_low: bool
    open_high: bool

    @property
    def label(self) -> str:
        """The title, with the unit in brackets."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def range(self) -> str:
        """The bounds in words, such as "0 to 100" or "at least 0, below 1"; empty without any."""
        if -math.inf < self.low and self.high < math.inf and not (self.open_low or self.open_high):
            return f"{self.low:,.12g} to {self.high:,.12g}"
        low = f"{'above' if self.open_low else 'at least'} {self.low:,.12g}"
        high = f"{'below' if self.open_high else 'at most'} {self.high:,.12g}"
        return ", ".join([low] * (self.low > -math.inf) + [high] * (self.high < math.inf))


def setting(settings: BaseModel | type[BaseModel], name: str) -> Setting:
    """A field by its dotted name.

    Args:
        settings: a model, or an instance whose values are the defaults, such as a preset.
        name: of the field.

    Raises:
        KeyError: unknown field.
    """
    *groups, last = name.split(".")
    owner, titles = settings, []
    for group in groups:
        field = _fields(owner)[group]
        titles.append(field.title or "")
        owner = _value(owner, group)
    field = _fields(owner)[last]
    kind, choices, optional = _kind(field.annotation)
    for table in (each.table for each in field.metadata if isinstance(each, KeyOf)):
        choices = tuple(table)
    low, open_low = _bound(field, Ge, Gt, max)
    high, open_high = _bound(field, Le, Lt, min)
    if kind is int:  # of whole numbers every bound is closed
        low, open_low = None if low is None else low + open_low, False
        high, open_high = None if high is None else high - open_high, False
    return Setting(
        name=name,
        title=_joined([*titles, field.title or last.replace("_", " ")]),
        help=field.description or "",
        unit=next((each.name for each in field.metadata if isinstance(each, Unit)), ""),
        kind=kind,
        choices=choices,
        optional=optional,
        by_line=any(isinstance(each, ByLine) for each in field.metadata),
        typed=next((each for each in field.metadata if isinstance(each, Typed)), None),
        default=_value(owner, last),
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        open_low=open_low,
        open_high=open_high,
    )


def setting_names(settings: BaseModel | type[BaseModel]) -> Iterator[str]:
    """The dotted names of all fields, in their order."""
    for name in _fields(settings):
        value = _value(settings, name)
        if isinstance(value, BaseModel):
            yield from (f"{name}.{each}" for each in setting_names(value))
        else:
            yield name


def _fields(owner: Any) -> dict[str, FieldInfo]:
    model = owner if isinstance(owner, type) else type(owner)
    if not issubclass(model, BaseModel):
        raise KeyError(f"{owner!r} has no settings")
    return model.model_fields


def _value(owner: Any, name: str) -> Any:
    """An instance's value, or a model's default; None for a field that has none."""
    if not isinstance(owner, type):
        return getattr(owner, name)
    default = _fields(owner)[name].get_default(call_default_factory=True)
    return None if default is PydanticUndefined else default


def _bound(
    field: FieldInfo, closed: type, open_: type, nearest: Callable[..., Any]
) -> tuple[float | None, bool]:
    """The nearest bound of these kinds, and whether it is open; None where there is none."""
    bounds: list[Any] = [each for each in field.metadata if isinstance(each, (closed, open_))]
    if not bounds:
        return None, False
    value = nearest(astuple(each)[0] for each in bounds)
    return value, any(astuple(each)[0] == value and isinstance(each, open_) for each in bounds)


def _kind(annotation: Any) -> tuple[type, tuple[str, ...], bool]:
    """A field's type, its only values where it is an enumeration, and whether it may be None."""
    optional = False
    if get_origin(annotation) in (Union, UnionType):
        optional = NoneType in get_args(annotation)
        (annotation,) = (each for each in get_args(annotation) if each is not NoneType)
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return str, get_args(annotation), optional
    kind = get_origin(annotation) or annotation
    if issubclass(kind, Enum):
        return str, tuple(str(each.value) for each in kind), optional
    return kind, (), optional


def _joined(titles: list[str]) -> str:
    """Titles of groups and of a field as one: "Held-out" and "Samples" are "Held-out samples"."""
    first, *others = filter(None, titles)
    return " ".join([first, *(each[:1].lower() + each[1:] for each in others)])
