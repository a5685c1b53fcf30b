"""Tables of the lesson: of HTML, so that they grow with the type of a projector and print."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.shared.messages import plain


def lesson_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A small table; texts are shown literally, numbers with their thousands."""
    cells = [
        [plain(each) if isinstance(each, str) else f"{each:,}" for each in row] for row in rows
    ]
    st.table(pd.DataFrame(cells, columns=list(columns)), border="horizontal", hide_index=True)
