"""Parse equations, inequalities and lists of them; the value of an assignment is its right side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.answers.errors import UnreadError
from core.answers.latex_commands import FUNCTIONS
from core.answers.lexicon import CARDINALS, MANY_PARTS, PARTS, PERCENT, SCALES
from core.answers.lexicon import words as listed
from core.answers.tokens import Token, Tokens
from core.answers.values import (
    Choice,
    Claimed,
    Interval,
    Ordered,
    Quantity,
    Relation,
    Several,
    Union,
    Value,
    Words,
)

_SIGNS = {"=": "=", "<": "<", ">": ">"}
_COMMANDS = {"le": "<=", "ge": ">=", "ne": "!=", "in": "in", "equiv": "="}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_CHANGING = {*CARDINALS, *SCALES, *PARTS, *MANY_PARTS, *PERCENT} | listed(
    "not no never nor neither none isn aren wasn doesn don but except without unless if than more "
    "less fewer least most greater smaller above below under over about wrong incorrect false "
    "negative minus plus times twice thrice double triple squared cubed root inverse reciprocal "
    "opposite either or and"
)
"""Words left of an equals sign that change its meaning: "twice x = 5"."""
_INFINITY = Quantity(r"\infty")
_MINUS_INFINITY = Quantity(r"-\infty")

ReadTokens = Callable[[Tokens], Value]


@dataclass(frozen=True)
class Part:
    """An element of a list.

    name: the variable it is assigned to, without index. half_line: it comes from an inequality.
    plus_minus: its values become separate elements of the list.
    """

    value: Value
    name: str = ""
    half_line: bool = False
    plus_minus: bool = False


def relation_signs(tokens: Tokens) -> set[str]:
    """The relation signs outside brackets."""
    return {sign for token in tokens if (sign := _sign(token))}


def _sign(token: Token) -> str:
    if token.kind == "sign":
        return _SIGNS.get(token.text, "")
    return _COMMANDS.get(token.text, "") if token.kind == "command" else ""


def _sides(tokens: Tokens) -> tuple[list[Tokens], list[str]]:
    sides: list[list[Token]] = [[]]
    signs: list[str] = []
    for token in tokens:
        sign = _sign(token)
        if not sign:
            sides[-1].append(token)
        elif sides[-1]:
            signs.append(sign)
            sides.append([])
        elif signs and signs[-1] in ("<", ">") and sign == "=":  # "<=" of plain text
            signs[-1] += "="
        else:
            raise UnreadError("a relation without a left side")
    if not sides[-1]:
        raise UnreadError("a relation without a right side")
    return [tuple(side) for side in sides], signs


def equation_of(tokens: Tokens, value_of: ReadTokens) -> Part:
    """Parse `name = value`, a chain of equalities that ends in its value, or an equation.

    Raises:
        UnreadError: a side of it can't be read.
    """
    sides, _ = _sides(tokens)
    if len(sides) == 2 and not names_of(sides[0]) and _single_letter(sides[1]):
        sides = sides[::-1]  # 5 = x
    name = names_of(sides[0])
    *before, last = sides[1:] if name else sides
    value = value_of(last)
    if isinstance(value, Claimed | Relation):
        raise UnreadError("an equation inside an equation")
    claims = [value_of(side) for side in before]
    if name:
        if len(name) > 1:
            value = _in_order(name, value)
        elif isinstance(value, Quantity) and value.letters and _single_letter(sides[0]):
            value = replace(value, name=sides[0][0].text)
        named = Part(value, name[0] if len(name) == 1 else "")
        sides_known = tuple(each for each in claims if not _has_letters(each))
        return Part(Claimed(value, sides_known), named.name) if sides_known else named
    if not any(map(_has_letters, (*claims, value))):
        return Part(Claimed(value, tuple(claims)))
    if len(claims) == 1 and isinstance(claims[0], Quantity) and isinstance(value, Quantity):
        return Part(Relation("=", claims[0], value))
    if len(claims) == 1 and isinstance(value, Quantity | Choice):
        return Part(Relation("=", _quantity(claims[0]), _quantity(value)))
    raise UnreadError("an equation with more than two sides")


def _quantity(value: Value) -> Quantity:
    if isinstance(value, Choice) and value.bare:
        return Quantity(value.bare, letters=True)
    if isinstance(value, Quantity):
        return value
    raise UnreadError("an equation of things other than numbers")


def _has_letters(value: Value) -> bool:
    return not isinstance(value, Quantity) or value.letters


def _in_order(names: tuple[str, ...], value: Value) -> Value:
    """The values of (y, x) = (2, 1), sorted by name."""
    if not isinstance(value, Ordered) or len(value.items) != len(names):
        raise UnreadError("more or fewer values than names")
    pairs = sorted(zip(names, value.items, strict=True), key=lambda pair: pair[0])
    return Ordered(tuple(item for _, item in pairs))


def names_of(tokens: Tokens) -> tuple[str, ...]:
    """The variables on the left side of an assignment; () for an expression."""
    if not tokens:
        return ()
    if len(tokens) == 1 and tokens[0].kind == "bracket" and tokens[0].text == "()":
        parts = _between_commas(tokens[0].inner)
        names = [names_of(part) for part in parts]
        if len(parts) > 1 and all(len(name) == 1 for name in names):
            return tuple(name[0] for name in names)
    first = tokens[0]
    if _is_phrase(tokens):
        return (" ".join(token.word for token in tokens),)
    if first.is_command("angle", "triangle", "Delta", "measuredangle") and len(tokens) <= 3:
        return (_spelled(tokens),) if _letters_only(tokens[1:]) else ()
    if first.word in ("m", "area") and any(each.is_command("angle", "triangle") for each in tokens):
        return (_spelled(tokens),) if _letters_only(tokens[2:]) else ()
    if first.is_sign("|") and tokens[-1].is_sign("|") and len(tokens) > 2:
        return (_spelled(tokens),) if _letters_only(tokens[1:-1]) else ()
    if first.is_command("overline", "vec", "hat", "dot", "tilde", "frac") and len(tokens) == 1:
        return (_spelled(tokens),) if all(_letters_only(part) for part in first.parts) else ()
    if first.kind == "command" and first.text in FUNCTIONS and len(tokens) == 2:
        inner = tokens[1].inner if tokens[1].kind == "bracket" else tokens[1:]
        return (_spelled(tokens),) if _letters_only(inner) else ()
    if not _is_symbol(first):
        return ()
    rest = tokens[1:]
    name = first.text
    while rest and rest[0].is_sign("'"):
        name, rest = name + "'", rest[1:]
    if len(rest) >= 2 and rest[0].is_sign("_"):
        index, rest = rest[1], rest[2:]
        if first.kind == "command" or len(first.text) == 1:
            plain = index.inner if index.kind == "group" else (index,)
            if not all(each.kind in ("number", "run", "text") for each in plain):
                return ()
    if len(rest) >= 2 and rest[0].is_sign("^") and rest[1].kind in ("group", "sign"):
        inverse = _spelled(rest[1:3]) if rest[1].is_sign("-") else _spelled(rest[1].inner)
        if inverse != "-1" or len(rest) < 3:
            return ()
        rest = rest[3:] if rest[1].is_sign("-") else rest[2:]
        name += "inverse"
    if len(rest) == 1 and rest[0].kind == "bracket" and rest[0].text == "()":
        return (name + _spelled(rest),)
    return () if rest else (name,)


def _is_symbol(token: Token) -> bool:
    if token.kind == "command":
        return not token.parts and token.text not in FUNCTIONS | {
            "infty", "pi", "cdot", "circ", "pm", "mp", "emptyset",
        }  # fmt: skip
    if token.kind not in ("run", "text"):
        return False
    return token.text not in ("e", "i") and (len(token.text) == 1 or token.text.isupper())


def _single_letter(tokens: Tokens) -> bool:
    return len(tokens) == 1 and tokens[0].kind == "run" and len(names_of(tokens)) == 1


def _is_phrase(tokens: Tokens) -> bool:
    """Words such as "number of ways"."""
    words = [token for token in tokens if token.kind in ("run", "text")]
    long = any(len(token.text) > 3 or token.kind == "text" for token in words)
    changes = any(token.word in _CHANGING for token in words)
    named = len(words) == len(tokens) and any(len(token.text) > 1 for token in words)
    return named and long and not changes


def _letters_only(tokens: Tokens) -> bool:
    return bool(tokens) and all(
        token.kind in ("run", "text") or (token.kind == "command" and not token.parts)
        for token in tokens
    )


def _spelled(tokens: Sequence[Token]) -> str:
    return "".join(
        token.text + "".join(f"({_spelled(part)})" for part in token.parts) for token in tokens
    )


def _between_commas(tokens: Tokens) -> list[Tokens]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.is_sign(","):
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts if part]


def inequality_of(tokens: Tokens, value_of: ReadTokens) -> Part:
    r"""Parse x > 2, 2 < x \le 5 or x \in (2, 5) as a set, other inequalities as relations.

    Raises:
        UnreadError: too many sides, or one that can't be read.
    """
    sides, signs = _sides(tokens)
    if signs[0] == "in" and len(sides) == 2:
        if not names_of(sides[0]):
            raise UnreadError("an element of a set that is not a variable")
        return Part(value_of(sides[1]), half_line=True)
    if any(sign in ("in", "=") for sign in signs):
        raise UnreadError("relations of several kinds")
    if len(sides) == 2 and _bound(sides[0], value_of) is not None:
        sides, signs = sides[::-1], [_FLIPPED.get(signs[0], signs[0])]  # 2 < x
    if len(sides) == 2:
        bound = _bound(sides[1], value_of)
        if _variable(sides[0]) and bound is not None and signs[0] != "!=":
            return Part(_half_line(signs[0], bound), half_line=True)
        left, right = _quantity(value_of(sides[0])), _quantity(value_of(sides[1]))
        if signs[0] in (">", ">="):
            left, right, signs = right, left, [_FLIPPED[signs[0]]]
        return Part(Relation(signs[0], left, right))
    if len(sides) == 3 and _variable(sides[1]):
        if set(signs) <= {">", ">="}:
            sides, signs = sides[::-1], [_FLIPPED[sign] for sign in signs[::-1]]
        low, high = _bound(sides[0], value_of), _bound(sides[2], value_of)
        if set(signs) <= {"<", "<="} and low is not None and high is not None:
            return Part(_interval(low, high, signs[0] == "<", signs[1] == "<"), half_line=True)
    raise UnreadError("an inequality with too many sides")


def _variable(tokens: Tokens) -> bool:
    return len(names_of(tokens)) == 1 and not _is_phrase(tokens)


def _bound(tokens: Tokens, value_of: ReadTokens) -> Quantity | None:
    """A constant side of an inequality; None for any other."""
    value = value_of(tokens)
    return value if isinstance(value, Quantity) and not value.letters else None


def _half_line(sign: str, bound: Quantity) -> Value:
    if sign in ("<", "<="):
        return _interval(_MINUS_INFINITY, bound, True, sign == "<")
    return _interval(bound, _INFINITY, sign == ">", True)


def _interval(low: Value, high: Value, low_open: bool, high_open: bool) -> Value:
    if low_open and high_open:
        return Ordered((low, high))
    return Interval(low, high, low_open, high_open)


def together(parts: Sequence[Part], joints: set[str]) -> Value:
    """Combine the parts of a list into one value.

    Raises:
        UnreadError: alternatives other than numbers, or inequalities without a single solution set.
    """
    if any(part.half_line for part in parts):
        if not all(part.half_line for part in parts) or len(joints) > 1:
            raise UnreadError("inequalities and other answers")
        if joints == {"or"}:
            return Union(tuple(part.value for part in parts))
        if len(parts) == 2:
            return _both(parts[0].value, parts[1].value)
        raise UnreadError("several inequalities")
    if "or" in joints and any(isinstance(part.value, Choice | Words) for part in parts):
        raise UnreadError("alternatives")
    names = [part.name for part in parts]
    if all(names) and len(set(names)) == len(names):  # x = 1, y = 2
        ordered = sorted(parts, key=lambda part: part.name)
        return Ordered(tuple(part.value for part in ordered))
    if len(set(filter(None, names))) > 1:
        raise UnreadError("several values of several names")
    items: list[Value] = []
    for part in parts:
        spread = part.plus_minus and isinstance(part.value, Several)
        items += part.value.items if spread and isinstance(part.value, Several) else [part.value]
    return Several(tuple(items))


def _both(a: Value, b: Value) -> Value:
    """The intersection of two half-lines in opposite directions."""
    for low, high in ((a, b), (b, a)):
        ends = _ends(low), _ends(high)
        if ends[0] and ends[1] and ends[0][1] == _INFINITY and ends[1][0] == _MINUS_INFINITY:
            return _interval(ends[0][0], ends[1][1], ends[0][2], ends[1][3])
    raise UnreadError("two inequalities")


def _ends(value: Value) -> tuple[Value, Value, bool, bool] | None:
    if isinstance(value, Ordered) and len(value.items) == 2:
        return value.items[0], value.items[1], True, True
    if isinstance(value, Interval):
        return value.low, value.high, value.low_open, value.high_open
    return None
