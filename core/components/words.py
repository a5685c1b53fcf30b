"""Words and signs in which tokens and verdicts are written wherever they are shown."""

from __future__ import annotations

import re

from core.records import Chain, Verdict
from core.system.terminal_text import printable

VERDICT_SIGNS = {
    Verdict.CORRECT: "✓",
    Verdict.WRONG: "✗",
    Verdict.UNPARSEABLE: "?",
    Verdict.TIMED_OUT: "⏱",
    Verdict.NO_GOLD: "–",
}
VERDICT_WORDS = {
    Verdict.CORRECT: "correct",
    Verdict.WRONG: "wrong",
    Verdict.UNPARSEABLE: "no answer found",
    Verdict.TIMED_OUT: "check timed out",
    Verdict.NO_GOLD: "not checked (no correct answer given)",
}
_OUTER_SPACES = re.compile("^ +| +$")


def short(text: str, length: int = 40) -> str:
    """Text cut to a length, for labels."""
    return text if len(text) <= length else text[: length - 1] + "…"


def visible(token: str) -> str:
    """A token's text in the one notation for tokens: ␣ for a space at its start or end, ↵ and ⇥
    for line breaks and tabs, and no quotation marks."""
    shown = token.replace("\n", "↵").replace("\t", "⇥")
    shown = _OUTER_SPACES.sub(lambda found: "␣" * len(found.group()), shown)
    return printable(shown) or "…"


def token_label(chain: Chain, position: int) -> str:
    """A token of a chain, as `visible` writes it; for a token that continues an earlier token's
    character, its bytes, as in the list of alternatives."""
    if chain.tokens[position]:
        return visible(chain.tokens[position])
    ids = chain.statistics.top_ids[position].tolist()
    token_id = chain.token_ids[position]
    return visible(chain.top_tokens[position][ids.index(token_id)] if token_id in ids else "")
