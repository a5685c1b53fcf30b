"""The app's screens, and how one leads to another."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.system.project_root import project_root

PageName = Literal["explore", "interventions", "compare", "finetune", "evaluate", "runs"]

_FOLDER = project_root() / "pages"
_PAGES: dict[PageName, tuple[str, str]] = {
    "explore": ("Explore", ":material/fork_right:"),
    "interventions": ("Interventions", ":material/experiment:"),
    "compare": ("Compare", ":material/compare_arrows:"),
    "finetune": ("Fine-tune", ":material/tune:"),
    "evaluate": ("Evaluate", ":material/grading:"),
    "runs": ("Runs", ":material/list_alt:"),
}
PAGE_OF_TASK: dict[str, PageName] = {
    "interventions": "interventions",
    "compare": "compare",
    "distill": "compare",
    "rollouts": "finetune",
    "train": "finetune",
    "evaluate": "evaluate",
}
"""The screen that shows the runs of a task."""

_WISH = "page_wanted"


def all_pages() -> list[st.Page]:
    """Every screen, in the order of the sidebar; Explore is home."""
    return [page(name) for name in _PAGES]


def page(name: PageName) -> st.Page:
    """One screen."""
    title, icon = _PAGES[name]
    return st.Page(_FOLDER / f"{name}.py", title=title, icon=icon, default=name == "explore")


def ask_for(name: PageName, **link: str) -> None:
    """Go to a screen with the next script run: for callbacks, which can't go there themselves.

    `link` is what the address is to say, since what that screen writes there while the browser
    still changes pages is lost.
    """
    st.session_state[_WISH] = (name, link)


def follow_wish() -> None:
    """Go where a callback wanted to go."""
    wanted = st.session_state.pop(_WISH, None)
    if wanted is not None:
        name, link = wanted
        _end_polls()
        st.switch_page(page(name), query_params=link)


def _end_polls() -> None:
    """No fragment of the page that is left is drawn again.

    The browser goes on asking for those that poll until it hears of the new page. Such a request
    would be served after the switch, as one of the old page, and put that in the new one's place.
    What is no longer known is refused; the new page's run makes its fragments known again.
    """
    context = get_script_run_ctx()
    if context is not None:
        context.fragment_storage.clear()
