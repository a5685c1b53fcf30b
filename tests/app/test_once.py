"""A component's state is acted on once, also where Streamlit reports it again."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _app() -> None:
    import streamlit as st

    from explorer.components.once import once

    acted: list[int] = st.session_state.setdefault("acted", [])

    def note(name: str) -> None:
        acted.append(st.session_state["part"][name]["at"])

    chosen = once("part", "selected", lambda: note("selected"))
    for at in st.session_state.get("reported", (1, 1, 2)):
        st.session_state["part"] = {"selected": {"i": 4, "at": at}}
        chosen()
    # Another state of the part, and one that is not there.
    once("part", "selected", None)()
    once("part", "step", lambda: note("step"))()
    del st.session_state["part"]
    chosen()
    st.session_state["part"] = {"selected": {"i": 4, "at": 2}}


def test_a_value_that_comes_back_is_not_acted_on_again() -> None:
    app = AppTest.from_function(_app).run()
    assert app.session_state["acted"] == [1, 2]


def test_a_value_that_comes_back_in_a_later_run_is_not_acted_on_again() -> None:
    app = AppTest.from_function(_app).run()
    app.session_state["reported"] = (2, 2)
    app.run()
    assert app.session_state["acted"] == [1, 2]
    app.session_state["reported"] = (3,)
    app.run()
    assert app.session_state["acted"] == [1, 2, 3]
