"""The app's screens: their titles, which one shows a run, switching between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.kinds import KINDS
from core.system.project_root import project_root

if TYPE_CHECKING:
    from core.runs.run import Run


@dataclass(frozen=True)
class Screen:
    """How a screen stands in the sidebar."""

    title: str
    icon: str


SCREENS: dict[str, Screen] = {
    "explore": Screen("Explore", ":material/fork_right:"),
    "interventions": Screen("Interventions", ":material/experiment:"),
    "compare": Screen("Compare", ":material/compare_arrows:"),
    "finetune": Screen("Fine-tune", ":material/tune:"),
    "evaluate": Screen("Evaluate", ":material/grading:"),
    "claims": Screen("Claims", ":material/fact_check:"),
    "rollouts": Screen("Rollouts", ":material/data_object:"),
    "runs": Screen("Runs", ":material/list_alt:"),
    "learn": Screen("Learn", ":material/school:"),
}
"""In the order of the sidebar, by the name of their file in pages/."""

_FOLDER = project_root() / "pages"
_WISH = "page_wanted"


def all_pages() -> list[st.Page]:
    """Every screen, in the order of the sidebar; Explore is home."""
    return [page(name) for name in SCREENS]


def page(name: str) -> st.Page:
    """One screen."""
    screen = SCREENS[name]
    file = _FOLDER / f"{name}.py"
    return st.Page(file, title=screen.title, icon=screen.icon, default=name == "explore")


def page_title(name: str) -> str:
    """The title of a screen."""
    return SCREENS[name].title


def page_of(run: Run) -> str | None:
    """The screen that shows a run; None for kinds that this version doesn't know."""
    entry = KINDS.get(run.config.task)
    return None if entry is None else entry.page


def ask_for(name: str, **link: str) -> None:
    """Go to a screen with the next script run: for callbacks, which can't switch pages themselves.

    `link` is written to the address: what the new screen writes there while the browser is still
    changing pages would be lost.
    """
    st.session_state[_WISH] = (name, link)


def follow_wish() -> None:
    """Switch to the screen that a callback has asked for."""
    wanted = st.session_state.pop(_WISH, None)
    if wanted is not None:
        name, link = wanted
        _end_polls()
        st.switch_page(page(name), query_params=link)


def _end_polls() -> None:
    """Forget the fragments of the page that is left.

    The browser keeps asking for those that poll until it hears of the new page. Such a request
    would be served after the switch and draw the old page in place of the new one. Requests for
    unknown fragments are refused; the new page registers its own when it runs.
    """
    context = get_script_run_ctx()
    if context is not None:
        context.fragment_storage.clear()
