"""The app: `streamlit run explorer/app.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
if str(_ROOT) not in sys.path:  # `streamlit run` puts only this file's folder there
    sys.path.insert(0, str(_ROOT))

from explorer.engine import engine_is_loaded  # noqa: E402
from explorer.navigation import all_pages  # noqa: E402
from explorer.turns import turn_to_draw  # noqa: E402
from explorer.unsent_messages import send_all_that_was_drawn  # noqa: E402

send_all_that_was_drawn()
page = st.navigation(all_pages())
st.set_page_config(
    page_title=f"{page.title} · Decision Fork Explorer",
    page_icon=(_HERE / "favicon.svg").read_text(),
    layout="wide",
    initial_sidebar_state="auto",
)
st.html(_HERE / "style.css")
if engine_is_loaded():
    from explorer.main_view import draw_around

    with turn_to_draw():
        draw_around(page)
else:
    from explorer.first_view import first_view

    first_view(page)
