"""The sidebar around every page, once the engine is loaded."""

from __future__ import annotations

import streamlit as st

from explorer.classroom.here import has_left
from explorer.guide.help import help_links
from explorer.shared.class_panel import class_panel
from explorer.shared.model_picker import model_picker
from explorer.shared.running_badge import running_badge
from explorer.state import browser_state


def draw_around(page: st.Page) -> None:
    """Draw the sidebar and the page."""
    if has_left():
        st.info("You have left the class. Load this page again to enter it.")
        st.stop()
    browser_state().enter(page.title)
    with st.sidebar:
        st.markdown("#### Decision Fork Explorer")
        model_picker(browser_state())
        class_panel()
    page.run()
    with st.sidebar:  # after the page, which may have started a run
        running_badge()
        help_links(browser_state())
