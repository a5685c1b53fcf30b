"""Labels of charts: plotly reads a little HTML, so text is escaped."""

from __future__ import annotations

import pytest

from explorer.shared.figures import plotly_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>a</b>", "&lt;b&gt;a&lt;/b&gt;"),
        ("&lt;", "&amp;lt;"),
        ('"it\'s"', '"it\'s"'),  # plotly knows no &quot;
    ],
)
def test_markup_of_a_label_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert plotly_text(text) == shown
