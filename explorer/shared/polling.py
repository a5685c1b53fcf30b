"""Parts of a page that are drawn again without the rest: as work goes, or after a click."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import streamlit as st

from core.errors import ExplorerError
from explorer.navigation import follow_wish
from explorer.turns import turn_to_draw

_INSIDE: ContextVar[bool | None] = ContextVar("inside a part that polls", default=None)
"""None outside such a part, else whether it is polling now."""


def polled(draw: Callable[[], None], live: Callable[[], bool], *, seconds: float = 1.0) -> None:
    """Draw a part of a page, and again every so often while `live()`.

    When `live()` changes, the whole page runs again: polling starts or stops there.

    A page may have several such parts, but none inside another: the outer one moves its contents
    when it is drawn again, and what the inner one still sends to its old place breaks the page
    in the browser ("Bad delta path index").

    Raises:
        RuntimeError: called while another part is drawn.
    """
    if _INSIDE.get() is not None:
        raise RuntimeError("A part of a page that polls must not be inside another one.")
    polling = _still(live)
    known = True  # that nothing has changed: the first draw follows at once

    def part() -> None:
        nonlocal known
        follow_wish()
        inside = _INSIDE.set(polling)
        try:
            if known or _still(live) == polling:
                with turn_to_draw():
                    draw()
            known = False
        finally:
            _INSIDE.reset(inside)
        if _still(live) != polling:  # also where drawing has begun or ended something
            st.rerun()

    st.fragment(part, run_every=seconds if polling else None)()


def redrawn_alone(draw: Callable[[], None]) -> None:
    """Draw a part of a page; a click inside draws only this part again.

    Inside a part that is polling now, a click draws that one again instead (see `polled`).
    """

    def part() -> None:
        follow_wish()
        with turn_to_draw():
            draw()

    if _INSIDE.get():
        draw()
    else:
        st.fragment(part)()


def _still(live: Callable[[], bool]) -> bool:
    try:
        return live()
    except ExplorerError:  # drawing the part says what is wrong
        return False
