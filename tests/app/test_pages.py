"""Pages are thin: they read state, call their screen and draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.navigation import SCREENS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").glob("[!_]*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_at_most_60_lines(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= 60


def test_every_page_is_in_the_navigation() -> None:
    assert sorted(SCREENS) == [page.stem for page in PAGES]
