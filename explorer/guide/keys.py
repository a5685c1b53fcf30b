"""All keys of the app, as the dialog lists them."""

from __future__ import annotations

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "On every page",
        (("?", "this list"), ("Tab", "the next field or button"), ("Esc", "close a dialog")),
    ),
    (
        "In a chain",
        (
            ("← →", "the previous or next token"),
            ("n p", "the next or previous fork"),
            ("Enter", "select the token, and show its alternatives"),
            ("1 – 5", "force an alternative of the selected token"),
            ("Home End", "the first or last token"),
        ),
    ),
    (
        "In a tree of branches",
        (("↑ ↓", "the previous or next branch"), ("Enter", "go to it")),
    ),
)
"""Groups of keys: what each does."""
