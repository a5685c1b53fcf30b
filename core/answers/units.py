"""Parse the unit after a number: "km/h", "square inches", "apples", "cups of flour a day"."""

from __future__ import annotations

from collections import Counter

from core.answers.atoms import described
from core.answers.errors import UnreadError
from core.answers.expressions import expression_of
from core.answers.lexicon import ADJECTIVES, ANY_UNIT, CLOSING, CURRENCY_SIGNS, is_thing, unit_named
from core.answers.tokens import Token, Tokens

Unit = tuple[tuple[str, int], ...]
"""Canonical names with their powers: (("mile", 1), ("hour", -1)); () without a unit."""


def unit_phrase(tokens: Tokens) -> Unit:
    """The unit that a phrase names.

    Raises:
        UnreadError: a word in it is unknown.
    """
    reader = _UnitReader(tokens)
    return reader.read()


class _UnitReader:
    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.at = 0
        self.units: Counter[str] = Counter()
        self.last: tuple[str, int] | None = None  # the unit that a power applies to, and its sign
        self.sign = 1  # -1 after "per"
        self.power = 1  # 2 after "square"
        self.said = False  # a unit or thing was named since the last joining word

    def read(self) -> Unit:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if not (self.degree(token) or self.joined(token) or self.named(token)):
                raise UnreadError(f"{described((token,))} after a number")
            self.at += 1
        if not self.said:
            raise UnreadError(f"{described(self.tokens)} after a number")
        return tuple(sorted((name, power) for name, power in self.units.items() if power))

    def degree(self, token: Token) -> bool:
        """°, °C and °F; else the power of a unit, such as the 2 of cm²."""
        if not token.is_sign("^") or self.at + 1 >= len(self.tokens):
            return False
        of = self.tokens[self.at + 1]
        inner = of.inner if of.kind == "group" else (of,)
        if len(inner) == 1 and inner[0].is_command("circ") and not self.said:
            scale = self.tokens[self.at + 2] if self.at + 2 < len(self.tokens) else None
            name = {"C": "celsius", "F": "fahrenheit"}.get(scale.text if scale else "", "degree")
            self.at += 1 if name == "degree" else 2
            self.add(name)
            return True
        power = expression_of(inner).exact
        if self.last is None or power is None or power not in (-3, -2, -1, 1, 2, 3):
            return False
        name, sign = self.last
        self.units[name] += sign * (int(power) - 1)
        self.last = None
        self.at += 1
        return True

    def joined(self, token: Token) -> bool:
        """Signs and small words between names."""
        following = self.tokens[self.at + 1].word if self.at + 1 < len(self.tokens) else ""
        word = token.word
        if token.is_sign("/") or word == "per":
            self.sign, self.said = -1, False
            return True
        if word in ("a", "an", "each", "every") and self.said and unit_named(following):
            self.sign, self.said = -1, False
            return True
        if token.is_sign("-", "*") or token.is_command("cdot"):
            usable, self.said = self.said, False
            return usable
        if token.is_sign("."):
            return self.said
        if word == "of" and self.at + 1 < len(self.tokens):
            self.said = False
            self.at += following in ("a", "an", "the")  # "3/4 of the cake"
            return True
        if word == "in" and following == "total":
            self.at += 1
            self.said = True
            return True
        if word in ("square", "sq", "cubic", "cu"):
            self.power, self.said = (2 if word in ("square", "sq") else 3), False
            return True
        return False

    def named(self, token: Token) -> bool:
        word = token.word
        if not word and not (token.kind == "sign" and token.text in CURRENCY_SIGNS):
            return False
        if word in ("squared", "cubed") and self.last is not None:
            name, sign = self.last
            self.units[name] += sign * (1 if word == "squared" else 2)
            self.last = None
            return True
        if word == "in" and self.at + 1 == len(self.tokens):
            self.add("inch")
            return True
        if (names := unit_named(token.text)) is not None:
            if len(names) == 3:
                self.add(names[0])
                self.sign = -1
                self.add(names[2])
            else:
                self.add(names[0])
            return True
        if (length := self.thing()) > 0:
            self.said, self.last, self.sign = True, None, 1
            self.at += length - 1
            return True
        if word in ADJECTIVES and self.at + 1 < len(self.tokens):
            return True
        if word in CLOSING and (self.said or self.at == 0) and self.at + 1 == len(self.tokens):
            self.said = True
            return True
        return False

    def thing(self) -> int:
        """The number of tokens that name a thing here: 3 for "push-ups"; 0 if none do."""
        first, *following = self.tokens[self.at : self.at + 3]
        if len(following) == 2 and following[0].is_sign("-") and following[1].word:
            glued = not following[0].gap and not following[1].gap
            if glued and is_thing(f"{first.word}-{following[1].word}"):
                return 3
        return int(is_thing(first.word))

    def add(self, name: str) -> None:
        if name != ANY_UNIT:
            self.units[name] += self.sign * self.power
            self.last = (name, self.sign)
        else:
            self.last = (name, 0)
        self.said, self.sign, self.power = True, 1, 1
