r"""An answer as tokens: words, numbers, letters and commands, without what only dresses them.

`\Large`, `\left`, `\,`, `\mathbf`, `\color{red}`, emphasis, alignment and math delimiters change
how an answer looks and not what it says; they are gone here, each by its name. A command that is
not listed stays, and whoever reads the tokens must understand it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from core.answers.errors import UnreadError
from core.answers.lexicon import words as listed
from core.answers.signs import plain_signs

_MAX_DEPTH = 60


class Gap(IntEnum):
    """What stands between a token and the one before it."""

    NONE = 0
    THIN = 1
    r"""`\,`, which may stand between thousands"""
    SPACE = 2
    BREAK = 3
    """the end of a piece of mathematics: `$1$,$200$` is no number"""


@dataclass(frozen=True)
class Token:
    r"""One piece of an answer.

    `number` 12 or 1.5; `run` letters as they stand in mathematics (a product, or a word); `text`
    letters of \text{} or of another alphabet; `command` \name with its arguments; `group` {...};
    `bracket` (...), [...] or \{...\} with `text` its two signs; `matrix` whose arguments are its
    cells, row by row, `text` the number of columns; `sign` anything else.
    """

    kind: Literal["number", "run", "text", "command", "group", "bracket", "matrix", "sign"]
    text: str
    gap: Gap = Gap.NONE
    parts: tuple[tuple[Token, ...], ...] = ()

    @property
    def inner(self) -> tuple[Token, ...]:
        """What stands in a group or bracket, or the only argument."""
        return self.parts[0]

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def is_command(self, *names: str) -> bool:
        return self.kind == "command" and self.text in names

    @property
    def word(self) -> str:
        """A word in lower case; "" for anything else."""
        return self.text.casefold() if self.kind in ("run", "text") else ""


Tokens = tuple[Token, ...]

_SIZES = "tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge"
_DROPPED = listed(
    f"{_SIZES} displaystyle textstyle scriptstyle scriptscriptstyle bf it rm sf tt sl bfseries "
    "itshape rmfamily sffamily ttfamily boldmath left right middle mleft mright big Big bigg Bigg "
    "bigl bigr bigm Bigl Bigr Bigm biggl biggr biggm Biggl Biggr Biggm limits nolimits noindent "
    "centering hline strut mathstrut relax nonumber notag null allowbreak"
)
_SPACES = listed("quad qquad space thickspace medspace enspace enskip hfill hspace")
_THIN = frozenset((",", "thinspace"))
_UNWRAPPED = listed(
    "mathbf mathit mathsf mathtt boldsymbol bm pmb mathnormal underline ensuremath boxed fbox "
    "Boxed framebox mathord mathop mathstrut smash"
)
_TEXTS = listed(
    "text textbf textit textrm textsf texttt textnormal textup textmd textsl textsc emph mbox hbox "
    "mathrm operatorname"
)
_ALIGNED = listed(
    "aligned align align* alignedat gathered gather gather* equation equation* split "
    "displaymath math center multline multline*"
)
_MATRICES = listed("pmatrix bmatrix matrix Bmatrix smallmatrix array psmallmatrix")
_RENAMED = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"), "frac"),
    **dict.fromkeys(("dbinom", "tbinom"), "binom"),
    **dict.fromkeys(("leq", "leqslant", "leqq"), "le"),
    **dict.fromkeys(("geq", "geqslant", "geqq"), "ge"),
    "neq": "ne",
    **dict.fromkeys(("varnothing", "empty"), "emptyset"),
    **dict.fromkeys(("times", "ast", "cdotp", "bullet"), "cdot"),
    **dict.fromkeys(("simeq", "approxeq", "doteq", "sim"), "approx"),
    **dict.fromkeys(("dots", "cdots", "dotsc", "dotsb"), "ldots"),
    **dict.fromkeys(("bmod", "mod"), "mod"),
    "infin": "infty",
    "bigcup": "cup",
    "bigcap": "cap",
    "backslash": "setminus",
    "varphi": "phi",
    "varepsilon": "epsilon",
    "vartheta": "theta",
    "varrho": "rho",
    "bar": "overline",
    "widehat": "hat",
    "overrightarrow": "vec",
}
_AS_SIGNS = {
    "lt": "<", "gt": ">", "colon": ":", "mid": "|", "vert": "|", "lvert": "|", "rvert": "|",
    "lbrace": r"\{", "rbrace": r"\}", "{": r"\{", "}": r"\}", "lbrack": "[", "rbrack": "]",
    "langle": "(", "rangle": ")", "lparen": "(", "rparen": ")", "%": "%", "$": "$", "&": "and",
    "#": "#", "_": "_", "textdollar": "$", "prime": "'", "minus": "-",
}  # fmt: skip
_ARGUMENTS = {
    "frac": 2, "binom": 2, "sqrt": 1, "overline": 1, "hat": 1, "vec": 1, "tilde": 1, "dot": 1,
    "pmod": 1, "mathbb": 1, "mathcal": 1, "mathfrak": 1, "widetilde": 1,
}  # fmt: skip
_SPELLED_OUT = {"infinity": "infty", "inf": "infty", "infty": "infty", "sqrt": "sqrt", "pi": "pi"}
_FUNCTIONS = (
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot log ln exp gcd lcm max min"
)
_SPELLED_OUT |= {name: name for name in listed(_FUNCTIONS)}
FUNCTIONS = listed(_FUNCTIONS)

_PIECES = re.compile(
    r"(?P<command>\\(?:[a-zA-Z]+\*?|.|$))"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<run>[a-zA-Z]+)"
    r"|(?P<text>[^\W\d_]+)"
    r"|(?P<space>\s+|~)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_EMPHASIS = re.compile(r"(?<![\w)}\]*])(\*{1,3}|_{2,3})(?=[^\s*])(.+?)(?<=\S)\1(?![\w({\\*])", re.S)
_POWER = re.compile(r"(?<=[\w)}\]])(?:\*\*|\s{1,3}\*\*\s{1,3})(?=[\w({\\-])")
_CALCULATOR = re.compile(r"<<[^<>]*>>")
_OPENING = {"(": ")", "[": "]", r"\{": r"\}"}


def tokens_of(answer: str) -> Tokens:
    r"""The tokens of an answer.

    Raises:
        UnreadError: braces or environments that don't match, or nested too deeply.
    """
    text = _CALCULATOR.sub("", plain_signs(answer)).replace("`", "")
    if r"\begin" not in text:
        text = re.sub(r"\\\\(?=[a-zA-Z(\[])", r"\\", text)  # LaTeX that was escaped once more
    text = re.sub(r"(?<!\\)\\[()\[\]]|\$\$", "$", text)
    text = _POWER.sub("^", text)
    text = re.sub(r"\*{2,}", " ", _EMPHASIS.sub(r"\2", text))
    text = text.strip().strip("*").strip()
    delimiters = len(re.findall(r"(?<!\\)\$", text))
    return _paired(_Reader(text, one_dollar=delimiters == 1).all(), 0)


class _Reader:
    """Reads one text from its start to its end."""

    def __init__(self, text: str, one_dollar: bool) -> None:
        self.pieces = [(match.lastgroup or "", match.group()) for match in _PIECES.finditer(text)]
        self.one_dollar = one_dollar  # a single dollar sign is the currency
        self.at = 0
        self.depth = 0
        self.ends_in_space = False  # the braces read last had a space before they closed

    def all(self) -> list[Token]:
        found = self.until(None, words=False)
        if self.at < len(self.pieces):
            raise UnreadError("a brace that was never opened")
        return found

    def until(self, end: str | None, words: bool) -> list[Token]:
        r"""The tokens up to a closing brace, or `\end`; `words`: as in \text{}."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise UnreadError("braces nested too deeply")
        found: list[Token] = []
        gap = Gap.NONE
        while self.at < len(self.pieces):
            kind, text = self.pieces[self.at]
            if text == "}" and kind == "sign":
                break
            if end == r"\end" and text == r"\end":
                break
            self.at += 1
            if kind == "space":
                gap = max(gap, Gap.SPACE)
                continue
            new, after = self.one(kind, text, words)
            if new and gap and new[0].gap < gap:
                new[0] = replace(new[0], gap=gap)
            if new or after is not None:
                gap = after or Gap.NONE
            if after is Gap.NONE and not new:  # \! takes the space after it too
                self.skip_space()
            if new and new[0].is_sign("{,}"):
                new = [Token("sign", "{,}", Gap.NONE)]
            found += new
        self.depth -= 1
        self.ends_in_space = gap >= Gap.SPACE
        if end == "}":
            if self.at >= len(self.pieces):
                raise UnreadError("a brace that is never closed")
            self.at += 1
        return _over(found)

    def one(self, kind: str, text: str, words: bool) -> tuple[list[Token], Gap | None]:
        """The tokens of the piece just read, and the gap after it where it makes one."""
        if kind == "number":
            return [Token("number", text)], None
        if kind == "text":
            return [Token("text", text)], None
        if kind == "run":
            if not words and text in _SPELLED_OUT:
                return self.command(_SPELLED_OUT[text])
            return [Token("text" if words else "run", text)], None
        if kind == "sign":
            return self.sign(text, words)
        return self.command(text[1:])

    def sign(self, text: str, words: bool) -> tuple[list[Token], Gap | None]:
        if text == "$":
            return ([Token("sign", "$")], None) if self.one_dollar else ([], Gap.BREAK)
        if text == "{":
            inner = self.until("}", words)
            if len(inner) == 1 and inner[0].is_sign(","):
                return [Token("sign", "{,}")], None
            return [Token("group", "", Gap.NONE, (tuple(inner),))], None
        return [Token("sign", text)], None

    def command(self, name: str) -> tuple[list[Token], Gap | None]:
        name = name.removesuffix("*") if name.removesuffix("*") in _TEXTS else name
        name = _RENAMED.get(name, name)
        if name in _DROPPED:
            if name in ("left", "right", "middle") and self.next_is("."):
                self.at += 1
            return [], None
        if name == "!":
            return [], Gap.NONE
        if name in _THIN:
            return [], Gap.THIN
        if name in _SPACES or name in (" ", ";", ":", ">", "\n", "\t", "~"):
            return [], Gap.SPACE
        if name in _AS_SIGNS:
            return [Token("sign", _AS_SIGNS[name])], None
        if name in ("degree", "textdegree"):
            return [Token("sign", "^"), Token("group", "", Gap.NONE, ((_CIRC,),))], None
        if name in ("color", "textcolor", "colorbox", "hspace", "vspace", "label", "tag"):
            self.argument()
            if name in ("textcolor", "colorbox"):
                return list(self.argument()), None
            return [], None
        if name in _UNWRAPPED:
            unwrapped = self.argument()
            if len(unwrapped) == 1:
                return list(unwrapped), None
            return [Token("group", "", Gap.NONE, (unwrapped,))], None
        if name in _TEXTS:
            inner = list(self.argument(words=True))
            return inner, Gap.SPACE if self.ends_in_space else None
        if name in ("\\", "newline", "cr"):
            if self.next_is("["):  # the space between rows
                self.skip_to("]")
            return [Token("sign", r"\\")], None
        if name == "begin":
            return self.environment(), None
        if name == "sqrt":
            return [self.root()], None
        parts = tuple(self.argument() for _ in range(_ARGUMENTS.get(name, 0)))
        return [Token("command", name, Gap.NONE, parts)], None

    def argument(self, words: bool = False) -> Tokens:
        r"""One argument: {...}, or the next token; of \frac12 one digit each."""
        self.skip_space()
        if self.at >= len(self.pieces):
            raise UnreadError("a command without what it needs")
        kind, text = self.pieces[self.at]
        if kind == "sign" and text == "{":
            self.at += 1
            return tuple(self.until("}", words))
        if kind == "sign" and text == "}":
            raise UnreadError("a command without what it needs")
        if kind in ("number", "run") and len(text) > 1 and text not in _SPELLED_OUT:
            self.pieces[self.at] = kind, text[1:]
            return (Token("number" if kind == "number" else "run", text[0]),)
        self.at += 1
        new, _ = self.one(kind, text, words)
        return tuple(new)

    def root(self) -> Token:
        self.skip_space()
        index: Tokens = ()
        if self.next_is("["):
            self.at += 1
            start = self.at
            self.skip_to("]")
            text = "".join(piece for _, piece in self.pieces[start : self.at - 1])
            index = tuple(_Reader(text, one_dollar=False).all())
            self.skip_space()
        if self.next_is("("):  # "sqrt(2)" of plain text
            self.at += 1
            depth, inner = 1, []
            while self.at < len(self.pieces) and depth:
                text = self.pieces[self.at][1]
                depth += (text == "(") - (text == ")")
                inner.append(text)
                self.at += 1
            if depth:
                raise UnreadError("a bracket that is never closed")
            of = tuple(_Reader("".join(inner[:-1]), one_dollar=False).all())
        else:
            of = self.argument()
        return Token("command", "sqrt", Gap.NONE, (of, index))

    def environment(self) -> list[Token]:
        name = self.name()
        if name in ("array", "alignedat") and self.next_is("{"):
            self.argument()
        if self.next_is("["):
            self.skip_to("]")
        inner = self.until(r"\end", words=False)
        if self.at >= len(self.pieces):
            raise UnreadError("an environment that is never closed")
        self.at += 1
        if self.name() != name:
            raise UnreadError("environments that don't match")
        rows = _split(inner, r"\\")
        if not rows[-1]:
            rows.pop()
        if name in _ALIGNED:
            flat: list[Token] = []
            for row in rows:
                flat += [Token("sign", ";")] if flat else []
                flat += [token for token in row if not token.is_sign("&")]
            return flat
        if name not in _MATRICES:
            raise UnreadError(f"the environment {name}")
        cells = [_split(row, "&") for row in rows]
        if not cells or len({len(row) for row in cells}) != 1:
            raise UnreadError("a matrix whose rows differ in length")
        parts = tuple(tuple(_paired(cell, 0)) for row in cells for cell in row)
        return [Token("matrix", str(len(cells[0])), Gap.NONE, parts)]

    def name(self) -> str:
        start = self.at
        if not self.next_is("{"):
            raise UnreadError("an environment without a name")
        self.skip_to("}")
        return "".join(text for _, text in self.pieces[start + 1 : self.at - 1])

    def next_is(self, text: str) -> bool:
        return self.at < len(self.pieces) and self.pieces[self.at][1] == text

    def skip_space(self) -> None:
        while self.at < len(self.pieces) and self.pieces[self.at][0] == "space":
            self.at += 1

    def skip_to(self, text: str) -> None:
        while self.at < len(self.pieces) and self.pieces[self.at][1] != text:
            self.at += 1
        if self.at >= len(self.pieces):
            raise UnreadError(f"a {text} that is missing")
        self.at += 1


_CIRC = Token("command", "circ")


def _over(found: list[Token]) -> list[Token]:
    r"""`1 \over 2` and `5 \choose 2` as fractions and binomials."""
    for place, token in enumerate(found):
        if token.is_command("over", "choose"):
            name = "frac" if token.text == "over" else "binom"
            parts = (tuple(found[:place]), tuple(found[place + 1 :]))
            return [Token("command", name, Gap.NONE, parts)]
    return found


def _split(tokens: Sequence[Token], sign: str) -> list[list[Token]]:
    rows: list[list[Token]] = [[]]
    for token in tokens:
        if token.is_sign(sign):
            rows.append([])
        else:
            rows[-1].append(token)
    return rows


def _paired(tokens: Sequence[Token], depth: int) -> Tokens:
    """Brackets with what stands in them as one token; a closing one alone stays a sign."""
    if depth > _MAX_DEPTH:
        raise UnreadError("brackets nested too deeply")
    found: list[list[Token]] = [[]]
    opened: list[Token] = []
    for token in tokens:
        if token.kind == "sign" and token.text in _OPENING:
            opened.append(token)
            found.append([])
            if len(opened) > _MAX_DEPTH:
                raise UnreadError("brackets nested too deeply")
        elif token.kind == "sign" and token.text in _OPENING.values() and opened:
            inner, start = found.pop(), opened.pop()
            signs = f"{start.text[-1]}{token.text[-1]}"
            if ("{" in signs) != ("}" in signs):
                raise UnreadError("brackets that don't match")
            found[-1].append(Token("bracket", signs, start.gap, (tuple(inner),)))
        else:
            if token.kind in ("group", "command"):
                parts = tuple(_paired(part, depth + 1) for part in token.parts)
                token = replace(token, parts=parts)
            found[-1].append(token)
    if opened:
        raise UnreadError("a bracket that is never closed")
    return tuple(found[0])
