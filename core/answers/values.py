"""Values of answers: the normal forms that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from core.answers.units import Unit


@dataclass(frozen=True)
class Quantity:
    """A number or expression.

    exact: its value if rational. digits: significant digits of a plain decimal. percent: it was
    followed by a percent sign, which the value leaves out. name: the variable that an expression of
    other variables was assigned to.
    """

    latex: str
    exact: Fraction | None = None
    unit: Unit = ()
    percent: bool = False
    digits: int | None = None
    letters: bool = False
    name: str = ""

    def __str__(self) -> str:
        value = str(self.exact) if self.exact is not None else self.latex
        return f"{value}{'%' if self.percent else ''}{_unit_text(self.unit)}"


@dataclass(frozen=True)
class Numeral:
    """A numeral with its base, such as 204 in base 5."""

    digits: str
    base: int

    @property
    def value(self) -> int:
        return int(self.digits, self.base)

    def __str__(self) -> str:
        return f"{self.digits} in base {self.base}"


@dataclass(frozen=True)
class Choice:
    """A choice's letter, with the text of the choice if given. bare: a lone letter, which may also
    be a variable."""

    letter: str
    text: Value | None = None
    bare: str = ""

    def __str__(self) -> str:
        return f"choice {self.letter}" + (f": {self.text}" if self.text is not None else "")


@dataclass(frozen=True)
class Words:
    """Words in lower case, without a leading article."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"“{' '.join(self.words)}”"


@dataclass(frozen=True)
class Clock:
    """A time or ratio, 6:30 or 1:2:3, compared as written. half: am or pm."""

    parts: tuple[Fraction, ...]
    half: str = ""

    def __str__(self) -> str:
        return ":".join(f"{int(p):02}" if i else str(p) for i, p in enumerate(self.parts)) + (
            f" {self.half}" if self.half else ""
        )


@dataclass(frozen=True)
class Several:
    """Several answers in any order: a list or a set."""

    items: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{{{', '.join(map(str, self.items))}}}"


@dataclass(frozen=True)
class Ordered:
    """A point, a vector, or an open interval: (2, 5) may be either."""

    items: tuple[Value, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@dataclass(frozen=True)
class Interval:
    """An interval that is closed at one end or both."""

    low: Value
    high: Value
    low_open: bool
    high_open: bool

    def __str__(self) -> str:
        opening, closing = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return f"{opening}{self.low}, {self.high}{closing}"


@dataclass(frozen=True)
class Union:
    """A union of intervals or sets, in any order."""

    items: tuple[Value, ...]

    def __str__(self) -> str:
        return " ∪ ".join(map(str, self.items))


@dataclass(frozen=True)
class Relation:
    """An equation or inequality that is not an assignment: `left sign right` (=, <, <=, !=)."""

    sign: str
    left: Quantity
    right: Quantity

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@dataclass(frozen=True)
class Claimed:
    """A value with the other sides of its equation: 2 + 3 = 5 is 5; 2 + 2 = 5 is contradictory."""

    value: Value
    sides: tuple[Value, ...]

    def __str__(self) -> str:
        return " = ".join(map(str, (*self.sides, self.value)))


@dataclass(frozen=True)
class Raw:
    """LaTeX that only math-verify's parser handles: integrals, sums, limits, named sets."""

    latex: str

    def __str__(self) -> str:
        return self.latex


Value = (
    Quantity | Numeral | Choice | Words | Clock | Several | Ordered | Interval | Union | Relation
    | Claimed | Raw
)  # fmt: skip

_KINDS = {
    kind.__name__: kind
    for kind in (
        Quantity, Numeral, Choice, Words, Clock, Several, Ordered, Interval, Union, Relation,
        Claimed, Raw,
    )
}  # fmt: skip


def parts_of(value: Value) -> tuple[Value, ...]:
    """The values inside a value."""
    if isinstance(value, Several | Ordered | Union):
        return value.items
    if isinstance(value, Interval):
        return value.low, value.high
    if isinstance(value, Relation):
        return value.left, value.right
    if isinstance(value, Claimed):
        return value.value, *value.sides
    if isinstance(value, Choice) and value.text is not None:
        return (value.text,)
    return ()


def needs_mathematics(value: Value) -> bool:
    """Whether some of it must be read by math-verify."""
    if isinstance(value, Quantity):
        return value.exact is None
    return isinstance(value, Raw) or any(map(needs_mathematics, parts_of(value)))


def to_json(value: Any) -> Any:
    """A value as JSON, for the worker process."""
    if isinstance(value, Fraction):
        return {"fraction": str(value)}
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if isinstance(value, str | int | bool | None):
        return value
    fields = {name: to_json(each) for name, each in vars(value).items()}
    return {"kind": type(value).__name__, **fields}


def from_json(data: Any) -> Any:
    """Read what `to_json` wrote."""
    if isinstance(data, list):
        return tuple(from_json(each) for each in data)
    if not isinstance(data, dict):
        return data
    if "fraction" in data:
        return Fraction(data["fraction"])
    fields = {name: from_json(each) for name, each in data.items() if name != "kind"}
    return _KINDS[data["kind"]](**fields)


def _unit_text(unit: Unit) -> str:
    return "".join(f" {name}" if power == 1 else f" {name}^{power}" for name, power in unit)
