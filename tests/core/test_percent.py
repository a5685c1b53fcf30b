"""Percentages, written alike everywhere: a space before the sign, never a false 0 or 100."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.system.percent import percent, percent_span


@pytest.mark.parametrize(
    ("share", "digits", "written"),
    [
        (0.444, 1, "44.4 %"),
        (0, 1, "0 %"),
        (1, 1, "100 %"),
        (0.0004, 1, "< 0.1 %"),
        (0.0006, 1, "0.1 %"),
        (0.9996, 1, "> 99.9 %"),
        (0.9994, 1, "99.9 %"),
        (0.155, 0, "16 %"),
        (0.004, 0, "< 1 %"),
        (0.005, 0, "< 1 %"),
        (0.00004, 2, "< 0.01 %"),
        (float("nan"), 1, "unknown"),
    ],
)
def test_a_share_in_percent(share: float, digits: int, written: str) -> None:
    assert percent(share, digits) == written


@given(st.floats(0, 1), st.integers(0, 3))
def test_only_nothing_is_0_and_only_all_is_100(share: float, digits: int) -> None:
    written = percent(share, digits)
    assert (written == "0 %") is (share == 0)
    assert (written == "100 %") is (share == 1)
    assert float(written.strip("<> %")) == pytest.approx(100 * share, abs=10**-digits)


def test_an_interval_has_one_sign() -> None:
    assert percent_span(0.05, 0.364) == "5.0–36.4 %"
    assert percent_span(0.05, float("nan")) == "unknown"
