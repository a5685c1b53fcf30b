"""All keys of the app, as the dialog lists them."""

from __future__ import annotations

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "On every page",
        (("?", "this list"), ("Tab", "the next field or button"), ("Esc", "close a dialog")),
    ),
    (
        "Anywhere on Explore",
        (
            ("n p", "the next or previous fork"),
            ("1 – 5", "force an alternative of the selected token"),
            ("u U", "undo, redo"),
            ("/", "search in the text of a long chain"),
            ("t", "the next step of the tour"),
        ),
    ),
    (
        "In a chain",
        (
            ("← → ↑ ↓", "the token beside, above or below"),
            ("Enter", "select the token, and show its alternatives"),
            ("Home End", "the first or last token"),
        ),
    ),
    (
        "In the table of alternatives",
        (
            ("↑ ↓", "the alternative above or below"),
            ("Space", "show where it leads, below the chain"),
            ("Enter", "make it a branch"),
        ),
    ),
    (
        "In the curve",
        (("← →", "the token before or after"), ("↑ ↓", "on the threshold's label: move it")),
    ),
    (
        "In a tree of branches",
        (("↑ ↓", "the previous or next branch"), ("Enter", "go to it")),
    ),
)
"""Groups of keys: what each does."""
