r"""Split an answer into tokens: words, numbers, letters and commands, without formatting.

Formatting changes an answer's look but not its meaning: `\Large`, `\left`, `\,`, `\mathbf`,
`\color{red}`, emphasis, alignment and math delimiters are removed, each by its name. Unlisted
commands stay in, for the parser to understand or reject.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from core.answers.errors import UnreadError
from core.answers.latex_commands import (
    ALIGNED,
    ARGUMENTS,
    AS_SIGNS,
    DROPPED,
    MATRICES,
    RENAMED,
    SPACES,
    SPELLED_OUT,
    TEXTS,
    THIN_SPACES,
    UNWRAPPED,
)
from core.answers.tokens import Gap, Token, Tokens
from core.answers.unicode_signs import plain_signs

_MAX_DEPTH = 60

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
    r"""Split an answer into tokens.

    Raises:
        UnreadError: braces or environments that don't match, or nested too deeply.
    """
    text = _CALCULATOR.sub("", plain_signs(answer)).replace("`", "")
    if r"\begin" not in text:
        text = re.sub(r"\\\\(?=[a-zA-Z(\[])", r"\\", text)  # LaTeX escaped twice
    text = re.sub(r"(?<!\\)\\[()\[\]]|\$\$", "$", text)
    text = _POWER.sub("^", text)
    text = re.sub(r"\*{2,}", " ", _EMPHASIS.sub(r"\2", text))
    text = text.strip().strip("*").strip()
    delimiters = len(re.findall(r"(?<!\\)\$", text))
    return _paired(_Reader(text, one_dollar=delimiters == 1).all(), 0)


class _Reader:
    """Reads one text from start to end."""

    def __init__(self, text: str, one_dollar: bool) -> None:
        self.pieces = [(match.lastgroup or "", match.group()) for match in _PIECES.finditer(text)]
        self.one_dollar = one_dollar  # a single dollar sign is a currency
        self.at = 0
        self.depth = 0
        self.ends_in_space = False  # the last braces ended in a space

    def all(self) -> list[Token]:
        found = self.until(None, words=False)
        if self.at < len(self.pieces):
            raise UnreadError("a closing brace without its opening one")
        return found

    def until(self, end: str | None, words: bool) -> list[Token]:
        r"""The tokens up to a closing brace, or `\end`; `words`: text mode, as in \text{}."""
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
            if after is Gap.NONE and not new:  # \! also removes the space after it
                self.skip_space()
            if new and new[0].is_sign("{,}"):
                new = [Token("sign", "{,}", Gap.NONE)]
            found += new
        self.depth -= 1
        self.ends_in_space = gap >= Gap.SPACE
        if end == "}":
            if self.at >= len(self.pieces):
                raise UnreadError("an opening brace without its closing one")
            self.at += 1
        return _over(found)

    def one(self, kind: str, text: str, words: bool) -> tuple[list[Token], Gap | None]:
        """The tokens of the piece just read, and the gap that it leaves after itself, if any."""
        if kind == "number":
            return [Token("number", text)], None
        if kind == "text":
            return [Token("text", text)], None
        if kind == "run":
            if not words and text in SPELLED_OUT:
                return self.command(SPELLED_OUT[text])
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
        name = name.removesuffix("*") if name.removesuffix("*") in TEXTS else name
        name = RENAMED.get(name, name)
        if name in DROPPED:
            if name in ("left", "right", "middle") and self.next_is("."):
                self.at += 1
            return [], None
        if name == "!":
            return [], Gap.NONE
        if name in THIN_SPACES:
            return [], Gap.THIN
        if name in SPACES or name in (" ", ";", ":", ">", "\n", "\t", "~"):
            return [], Gap.SPACE
        if name in AS_SIGNS:
            return [Token("sign", AS_SIGNS[name])], None
        if name in ("degree", "textdegree"):
            return [Token("sign", "^"), Token("group", "", Gap.NONE, ((_CIRC,),))], None
        if name in ("color", "textcolor", "colorbox", "hspace", "vspace", "label", "tag"):
            self.argument()
            if name in ("textcolor", "colorbox"):
                return list(self.argument()), None
            return [], None
        if name in UNWRAPPED:
            unwrapped = self.argument()
            if len(unwrapped) == 1:
                return list(unwrapped), None
            return [Token("group", "", Gap.NONE, (unwrapped,))], None
        if name in TEXTS:
            inner = list(self.argument(words=True))
            return inner, Gap.SPACE if self.ends_in_space else None
        if name in ("\\", "newline", "cr"):
            if self.next_is("["):  # spacing between rows
                self.skip_to("]")
            return [Token("sign", r"\\")], None
        if name == "begin":
            return self.environment(), None
        if name == "sqrt":
            return [self.root()], None
        parts = tuple(self.argument() for _ in range(ARGUMENTS.get(name, 0)))
        return [Token("command", name, Gap.NONE, parts)], None

    def argument(self, words: bool = False) -> Tokens:
        r"""One argument: {...}, or the next token; in \frac12 one digit each."""
        self.skip_space()
        if self.at >= len(self.pieces):
            raise UnreadError("a command without its argument")
        kind, text = self.pieces[self.at]
        if kind == "sign" and text == "{":
            self.at += 1
            return tuple(self.until("}", words))
        if kind == "sign" and text == "}":
            raise UnreadError("a command without its argument")
        if kind in ("number", "run") and len(text) > 1 and text not in SPELLED_OUT:
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
        if self.next_is("("):  # "sqrt(2)" in plain text
            self.at += 1
            depth, inner = 1, []
            while self.at < len(self.pieces) and depth:
                text = self.pieces[self.at][1]
                depth += (text == "(") - (text == ")")
                inner.append(text)
                self.at += 1
            if depth:
                raise UnreadError("an opening bracket without its closing one")
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
            raise UnreadError("an environment without its end")
        self.at += 1
        if self.name() != name:
            raise UnreadError("environments that don't match")
        rows = _split(inner, r"\\")
        if not rows[-1]:
            rows.pop()
        if name in ALIGNED:
            flat: list[Token] = []
            for row in rows:
                flat += [Token("sign", ";")] if flat else []
                flat += [token for token in row if not token.is_sign("&")]
            return flat
        if name not in MATRICES:
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
            raise UnreadError(f"a missing {text}")
        self.at += 1


_CIRC = Token("command", "circ")


def _over(found: list[Token]) -> list[Token]:
    r"""`1 \over 2` as a fraction, and `5 \choose 2` as a binomial."""
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
    """Group each pair of brackets into one token; a lone closing bracket stays a sign."""
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
        raise UnreadError("an opening bracket without its closing one")
    return tuple(found[0])
