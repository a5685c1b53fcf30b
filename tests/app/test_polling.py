"""Parts of a page that poll: none stands inside another, whose place would move under it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
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
    assert error.message == "A part of a page that polls must not stand inside another one."


def test_when_the_work_ends_the_page_is_drawn_once_more_without_polling() -> None:
    app = AppTest.from_function(ends_while_it_is_drawn)
    app.run()
    assert not app.exception
    assert app.markdown[0].value == "drawing 0"


@pytest.mark.parametrize("folder", ["explorer", "pages"])
def test_every_part_that_polls_does_so_in_the_one_way(folder: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"run_every|st\.fragment", path.read_text())
    }
    assert found <= {"explorer/shared/polling.py"}
