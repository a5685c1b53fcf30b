"""Labels of charts: plotly reads a little HTML, so text is escaped."""

from __future__ import annotations

import pytest

from core.statistics import Estimate
from explorer.shared.figures import percent_range, plotly_text


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


def test_the_interval_of_a_share_has_one_percent_sign() -> None:
    assert percent_range(Estimate(0.15, 0.0524, 0.3604, 20)) == "5.2–36.0 %"
    assert percent_range(Estimate(0.15, float("nan"), float("nan"), 1)) == "unknown"
