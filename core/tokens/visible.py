"""The one notation for tokens, in tables and on pages."""

from __future__ import annotations

import re

from core.system.terminal_text import printable

_OUTER_SPACES = re.compile(r"^ +| +$")


def visible(token: str) -> str:
    """A token's text: ␣ for a space at its start or end, ↵ and ⇥ for line breaks and tabs, and no
    quotation marks."""
    shown = token.replace("\n", "↵").replace("\t", "⇥")
    shown = _OUTER_SPACES.sub(lambda found: "␣" * len(found.group()), shown)
    return printable(shown) or "…"
