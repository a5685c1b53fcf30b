r"""Spell signs that are not ASCII as LaTeX in ASCII: "−5", "½", "x²", "５".

Letters of other alphabets stay as they are: a Cyrillic "В" is not the choice "B".
"""

from __future__ import annotations

import re
import unicodedata

from core.answers.errors import UnreadError

_SPELLED = {
    **dict.fromkeys("−–—‐‑‒―﹣－", "-"),
    **dict.fromkeys("×✕✖", r"\times "),
    **dict.fromkeys("⋅·∙•∗", r"\cdot "),
    **dict.fromkeys("÷➗", r"\div "),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("≤⩽≦", r"\le "),
    **dict.fromkeys("≥⩾≧", r"\ge "),
    "≠": r"\ne ",
    **dict.fromkeys("≈≃≅", r"\approx "),
    "±": r"\pm ",
    "∓": r"\mp ",
    "∞": r"\infty ",
    "∪": r"\cup ",
    "∩": r"\cap ",
    "∈": r"\in ",
    **dict.fromkeys("∅⌀", r"\emptyset "),
    "∠": r"\angle ",
    "△": r"\triangle ",
    **dict.fromkeys("°˚º", r"^{\circ}"),
    "℃": r"^{\circ}C",
    "℉": r"^{\circ}F",
    "‰": r"\textperthousand ",
    "¢": r"\text{ cents}",
    "⌊": r"\lfloor ",
    "⌋": r"\rfloor ",
    "⌈": r"\lceil ",
    "⌉": r"\rceil ",
    **dict.fromkeys("‘’′ʹ´", "'"),
    **dict.fromkeys("“”„", '"'),
    "″": "''",
    "…": r"\ldots ",
    **dict.fromkeys("，、", ","),
    "；": ";",
    "：": ":",
    "∶": ":",
    "。": ".",
    "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}",
    "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}",
    "∖": r"\setminus ",
}
_GREEK_LETTERS = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩϕϵϑ"
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega phi epsilon theta"
)
_GREEK = dict(zip(_GREEK_LETTERS, _GREEK_NAMES.split(), strict=True))
_SPELLED |= {sign: f"\\{name} " for sign, name in _GREEK.items()}
_ROOT = re.compile(r"(√|∛)\s*(\d+(?:\.\d+)?|[^\W\d_]|\{[^{}]*\}|\([^()]*\)|\\pi)?")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
_RAISED_RUN = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
_LOWERED_RUN = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋]+")
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_WIDTHS = ("<wide>", "<narrow>", "<font>")


def plain_signs(text: str) -> str:
    """Replace every sign that has a spelling in ASCII or LaTeX by it.

    Raises:
        UnreadError: the text is displayed in another order than it is stored.
    """
    if text.isascii():
        return _without_controls(text)
    if _REORDERING.search(text):
        raise UnreadError("characters that change the direction of the text")
    text = _ROOT.sub(_root, text)
    text = _RAISED_RUN.sub(lambda run: f"^{{{run[0].translate(_RAISED)}}}", text)
    text = _LOWERED_RUN.sub(lambda run: f"_{{{run[0].translate(_LOWERED)}}}", text)
    return _without_controls("".join(map(_spelled, text)))


def _without_controls(text: str) -> str:
    return "".join(
        sign for sign in text if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf")
    )


def _spelled(sign: str) -> str:
    if sign.isascii():
        return sign
    if sign in _SPELLED:
        return _SPELLED[sign]
    if (digit := unicodedata.decimal(sign, None)) is not None:
        return str(digit)
    decomposed = unicodedata.decomposition(sign)
    if decomposed.startswith("<fraction>"):  # ½ and the like
        above, _, below = unicodedata.normalize("NFKC", sign).partition("⁄")
        return f"\\frac{{{above}}}{{{below}}}" if below else sign
    if decomposed.startswith(_WIDTHS):
        return "".join(map(_spelled, unicodedata.normalize("NFKC", sign)))
    return " " if sign.isspace() else unicodedata.normalize("NFC", sign)


def _root(found: re.Match[str]) -> str:
    of = found[2] or ""
    index = "[3]" if found[1] == "∛" else ""
    return f"\\sqrt{index}{{{of}}}" if of and of[0] not in "{" else f"\\sqrt{index}{of}"
