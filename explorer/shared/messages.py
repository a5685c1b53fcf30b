"""Messages of the app: errors with their remedy, verdicts, the notice about the demo model."""

from __future__ import annotations

import re

import streamlit as st

from core.components.words import VERDICT_SIGNS as VERDICT_SIGNS
from core.components.words import VERDICT_WORDS as VERDICT_WORDS
from core.components.words import token_label as token_label
from core.components.words import verdict_words
from core.components.words import visible as visible
from core.errors import ExplorerError
from core.models.spec import DEMO, DEMO_NOTICE
from core.records import Outcome, Verdict
from core.statistics import BETTER, UNCLEAR, WORSE
from core.system.short_text import short as short

_VERDICT_COLORS = {Verdict.CORRECT: "green", Verdict.WRONG: "red"}
_WORD_BADGES = {
    BETTER: ":green-badge[▲ better]",
    WORSE: ":red-badge[▼ worse]",
    UNCLEAR: ":orange-badge[? unclear]",
}


_MARKDOWN = "\\`*_{}[]()#+-.!|~$:<>&"
_MAGIC = re.compile(
    r"www|https?|ftp|mailto|@|\\-(?=\\[->])|\\<(?=\\-)|\\:(?=\w)|=(?=\\>)|\\[<>](?==)"
)
"""Text that Streamlit turns into links, icons and arrows even when every character is escaped."""


def show_error(error: ExplorerError) -> None:
    """Show what is wrong and what to do."""
    st.error(f"**{plain(error.what)}** {plain(error.remedy)}", icon=":material/error:")


def verdict_badge(outcome: Outcome) -> str:
    """Markdown: sign, answer and verdict, so that colour is never the only cue; a person's verdict
    is labelled as such."""
    verdict = outcome.overruled or outcome.verdict
    color = _VERDICT_COLORS.get(verdict, "gray")
    answer = "" if outcome.answer is None else f"{plain(short(outcome.answer))} · "
    return f":{color}-badge[{VERDICT_SIGNS[verdict]} {answer}{verdict_words(outcome)}]"


def word_badge(word: str) -> str:
    """Markdown: the direction of a difference, as a sign and a word."""
    return _WORD_BADGES.get(word, f":gray-badge[= {word}]")


def teaching_notice(model: str) -> None:
    """Show what the demo model is, wherever its numbers appear."""
    if model == DEMO:
        st.caption(DEMO_NOTICE)


def p_value(p: float) -> str:
    """A p-value with its sign: "= 0.03", "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def plain(text: str) -> str:
    """Text with markdown and HTML escaped, so that it is shown literally."""
    escaped = "".join(f"\\{sign}" if sign in _MARKDOWN else sign for sign in text)
    return " ".join(_MAGIC.sub(_broken, escaped).split())


def plain_lines(text: str) -> str:
    """As `plain`, keeping line breaks and blank lines."""
    return "  \n".join(plain(line) or "\u00a0" for line in text.strip().split("\n"))


def before_gold(question: str) -> str:
    """The separator between a question and its gold answer: a line break after a question with
    several lines, so that the answer doesn't seem to belong to the last choice."""
    return "  \n" if "\n" in question.strip() else " "


def _broken(found: re.Match[str]) -> str:
    """The same characters with an invisible word joiner after the first."""
    text = found.group()
    cut = 2 if text.startswith("\\") else 1
    return f"{text[:cut]}\u2060{text[cut:]}"
