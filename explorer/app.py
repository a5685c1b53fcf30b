"""The app: `streamlit run explorer/app.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
if str(_ROOT) not in sys.path:  # `streamlit run` puts only this file's folder there
    sys.path.insert(0, str(_ROOT))

from explorer.navigation import all_pages  # noqa: E402
from explorer.shared.model_picker import model_picker  # noqa: E402
from explorer.shared.running_badge import running_badge  # noqa: E402
from explorer.state import browser_state  # noqa: E402

st.set_page_config(
    page_title="Decision Fork Explorer",
    page_icon=(_HERE / "favicon.svg").read_text(),
    layout="wide",
    initial_sidebar_state="auto",
)
st.html(_HERE / "style.css")
page = st.navigation(all_pages())
browser_state().enter(page.title)
with st.sidebar:
    st.markdown("#### Decision Fork Explorer")
    model_picker(browser_state())
page.run()
with st.sidebar:  # after the page, which may have started a run
    running_badge()
