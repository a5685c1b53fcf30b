"""Learn: a lesson of ten minutes for a class, on the demo and on the model in hand."""

from __future__ import annotations

from explorer.learn.page import lesson_page
from explorer.state import browser_state

lesson_page(browser_state())
