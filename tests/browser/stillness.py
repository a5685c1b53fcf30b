"""Where parts of a page are in every frame, while something works."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Page

_WATCH = """parts => {
  const places = Object.fromEntries(parts.map(part => [part, new Set()]));
  window.stillness = { places, on: true };
  const look = () => {
    const scrolled = document.querySelector('[data-testid=stMain]').scrollTop;
    for (const part of parts) {
      const box = document.querySelector(part)?.getBoundingClientRect();
      const place = box && [box.x, box.y + scrolled, box.width, box.height].map(Math.round);
      places[part].add(place ? place.join(' ') : 'not there');
    }
    if (window.stillness.on) requestAnimationFrame(look);
  };
  look();
}"""
_END = """() => {
  window.stillness.on = false;
  return Object.entries(window.stillness.places).map(([part, seen]) => [part, [...seen]]);
}"""

EXPLORE = (
    *(".st-key-problem_bar", ".st-key-chain_card", ".st-key-headline", ".st-key-preview"),
    *(".st-key-work_line", ".st-key-threshold", ".st-key-branches", ".st-key-inspector"),
    *(".st-key-alternatives", ".st-key-table_buttons"),
)
"""The parts of Explore: left, top, width and height of each."""


@contextmanager
def still(page: Page, parts: Sequence[str] = EXPLORE) -> Iterator[None]:
    """Assert that no part leaves the page, moves or changes its size in any frame in between.

    Args:
        parts: CSS selectors.
    """
    page.evaluate(_WATCH, list(parts))
    yield
    moved = {part: seen for part, seen in page.evaluate(_END) if len(seen) != 1}
    assert moved == {}, "left, top, width and height of parts, one after another"
