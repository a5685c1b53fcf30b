"""A part that is drawn once it is open."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from explorer.shared.folding import folded

    count = st.number_input("count", 0, 9, 1)
    folded(f"Forks ({count})", "forks", lambda: st.text(f"{count} of them"))


def test_a_folded_part_is_drawn_once_it_is_open_and_stays_open_under_another_label() -> None:
    app = AppTest.from_function(page).run()
    assert not app.text
    app.session_state["fold forks"] = True  # what a click on it does
    assert [each.value for each in app.run().text] == ["1 of them"]
    app.number_input[0].set_value(2).run()
    assert [each.value for each in app.text] == ["2 of them"]
    app.session_state["fold forks"] = False
    assert not app.run().text
    app.number_input[0].set_value(3).run()
    assert not app.text
