"""Steps through the samples of a problem, as the browser reports them."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _app() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from explorer.shared import problem_browser

    shown = SimpleNamespace(
        table=SimpleNamespace(id="t"),
        stored={"p": SimpleNamespace(chains=range(6))},
        telling=lambda row: 0,
    )
    state = SimpleNamespace(form=SimpleNamespace(keep=lambda name, value: None))
    for total in st.session_state["totals"]:
        st.session_state["table"] = {"step": {"table": "t", "row": "p", "since": 7, "total": total}}
        st.session_state["sample of t p"] = 0  # the browser does not know of a step yet
        problem_browser._on_step(state, shown, "table")
    st.session_state["reached"] = st.session_state["sample of t p"]


def _reached(*totals: int) -> int:
    app = AppTest.from_function(_app)
    app.session_state["totals"] = totals
    app.run()
    assert not app.exception
    return int(app.session_state["reached"])


def test_steps_count_although_the_page_is_not_drawn_between_them() -> None:
    assert _reached(1, 2, 3) == 3
    assert _reached(3) == 3, "of reports that follow each other fast, the last one holds all"
    assert _reached(1, 4, 3) == 3


def test_a_step_starts_from_the_sample_that_was_chosen_just_before() -> None:
    def app() -> None:
        from types import SimpleNamespace

        import streamlit as st

        from explorer.shared import problem_browser

        shown = SimpleNamespace(
            table=SimpleNamespace(id="t"),
            stored={"p": SimpleNamespace(chains=range(6))},
            telling=lambda row: 0,
        )
        state = SimpleNamespace(form=SimpleNamespace(keep=lambda name, value: None))
        st.session_state["sample of t p shown"] = 0  # as the panel was drawn last
        st.session_state["table"] = {
            "selected": {"table": "t", "row": "p", "sample": 4},
            "step": {"table": "t", "row": "p", "since": 7, "total": -1},
        }
        problem_browser._on_select(state, shown, "table")
        problem_browser._on_step(state, shown, "table")
        st.session_state["reached"] = st.session_state["sample of t p"]

    page = AppTest.from_function(app).run()
    assert not page.exception
    assert page.session_state["reached"] == 3


def test_steps_end_at_the_first_and_the_last_sample() -> None:
    assert _reached(4, 9, 8) == 4
    assert _reached(-2, -1) == 1
