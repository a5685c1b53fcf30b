"""The app behind the door of a class: what `fork-explorer classroom` serves."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

_HERE = Path(__file__).resolve().parent
if str(_HERE.parent) not in sys.path:  # as in app.py
    sys.path.insert(0, str(_HERE.parent))

from core.classroom.room import ROOM  # noqa: E402
from core.errors import AppError  # noqa: E402
from explorer.classroom.door import Door  # noqa: E402
from explorer.classroom.here import classroom  # noqa: E402

_room = classroom()
if _room is None:
    raise AppError(f"{ROOM} names no class.", "Start it with `fork-explorer classroom`.")
app = st.App(_HERE / "app.py", middleware=[Middleware(Door, room=_room)])
