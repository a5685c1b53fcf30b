"""Parts of a page that poll: none stands inside another, whose place would move under it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def inner_and_outer() -> None:
    import streamlit as st

    from explorer.shared.polling import polled

    def outer() -> None:
        st.write("outer")
        polled(lambda: st.write("inner") and None, lambda: True)

    polled(outer, lambda: True)


def ends_while_it_is_drawn() -> None:
    import streamlit as st

    from explorer.shared.polling import polled

    def draw() -> None:
        st.write(f"drawing {st.session_state['left']}")
        st.session_state["left"] -= 1

    if "left" not in st.session_state:
        st.session_state["left"] = 1
    polled(draw, lambda: st.session_state["left"] == 1)


def test_a_part_that_polls_inside_another_one_is_refused() -> None:
    app = AppTest.from_function(inner_and_outer).run()
    (error,) = app.exception
    assert error.message == "A part of a page that polls must not be inside another one."


def test_when_the_work_ends_the_page_is_drawn_once_more_without_polling() -> None:
    app = AppTest.from_function(ends_while_it_is_drawn)
    app.run()
    assert not app.exception
    assert app.markdown[0].value == "drawing 0"


def clicked_inside() -> None:
    import streamlit as st

    from explorer.shared.polling import polled, redrawn_alone

    live = st.session_state["live"]
    polled(lambda: redrawn_alone(lambda: st.write("inner") and None), lambda: live)


@pytest.mark.parametrize("live", [False, True])
def test_a_part_is_redrawn_alone_only_where_nothing_around_it_moves(
    live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = []
    fragment = st.fragment
    monkeypatch.setattr(st, "fragment", lambda *a, **how: parts.append(a) or fragment(*a, **how))
    app = AppTest.from_function(clicked_inside)
    app.session_state["live"] = live
    app.run()
    assert not app.exception
    assert app.markdown[0].value == "inner"
    assert len(parts) == (1 if live else 2)


@pytest.mark.parametrize("folder", ["explorer", "pages"])
def test_every_part_that_is_drawn_alone_is_so_in_one_way(folder: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"run_every|st\.fragment", path.read_text())
    }
    assert found <= {"explorer/shared/polling.py"}
