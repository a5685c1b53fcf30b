"""What one browser session remembers, as one typed object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from core.errors import ExplorerError, SessionError
from core.prompts import PLACEHOLDER
from core.records import Problem
from core.session import Session
from explorer.open_session import OpenSession
from explorer.welcome import welcome_session
from explorer.workbench import session_or_none, workbench

Unit = Literal["nats", "bits"]
Colour = Literal["entropy", "pivotality"]
RUNS_A_PAGE = 20
DEFAULT_TAU = 1.4  # nats, the paper's for its smallest model


@dataclass(frozen=True)
class PromptChoice:
    """How the problems of a set are asked in Explore."""

    style: str | None = None  # None: the model's own
    typed: str = PLACEHOLDER  # the person's template, kept while another style is chosen

    @property
    def template(self) -> str | None:
        """The template, where the style takes one."""
        return self.typed if self.style == "plain" else None


@dataclass
class BrowserState:
    """Choices of one browser session; what it made is in `opened`, which outlives it."""

    opened: OpenSession
    unit: Unit = "nats"
    tau: float = DEFAULT_TAU
    colour: Colour = "entropy"  # of the tokens on screen
    chosen: dict[str, Problem] = field(default_factory=dict)  # by problem set
    prompts: dict[str, PromptChoice] = field(default_factory=dict)  # by problem set
    beside: str | None = None  # the branch shown beside the selected one
    asked_for: int = 0  # times the page itself moved the selection, for the heatmap
    asked_position: int = 0
    page_is_stale: bool = False  # something outside the stage has to be drawn again
    run_ids: dict[str, str] = field(default_factory=dict)  # the run on screen, by page
    page: str = ""  # the title of the one on screen
    runs_shown: int = RUNS_A_PAGE
    set_up: dict[str, Any] = field(default_factory=dict)  # what runs are to do, by widget
    notice: ExplorerError | None = None  # what went wrong with a run

    def enter(self, page: str) -> None:
        """A page is on screen; what was said on another one is no longer of interest."""
        if page != self.page:
            self.page, self.notice = page, None

    def recall(self, key: str, default: Any) -> str:
        """The key of a widget that sets a run up, with the value that stood there before:
        Streamlit forgets what is not on screen."""
        if key not in st.session_state:
            st.session_state[key] = self.set_up.get(key, default)
        self.set_up[key] = st.session_state[key]
        return key

    def go_to(self, position: int) -> None:
        """Select a position of the chain on screen and bring it into view."""
        tree = self.opened.session.tree
        if tree is not None and tree.selection.branch is not None:
            tree.select(tree.selection.branch, position)
            self.asked_for += 1
            self.asked_position = position

    def open_session(self, session: Session) -> None:
        """Show a session read from a file, under a link of its own: the old one stays."""
        before = self.opened
        self.opened = workbench().new_session(session)
        self.opened.spec, self.opened.problem_sets = before.spec, before.problem_sets
        self.opened.save()
        self.beside = None
        self.page_is_stale = True

    def follow_link(self) -> None:
        """Select the branch and token that the address names, where they exist."""
        tree = self.opened.session.tree
        branch, token = st.query_params.get("branch"), st.query_params.get("token")
        if tree is None or branch is None:
            return
        try:
            tree.select(branch)
            if token is not None:
                tree.select(branch, int(token[:9]))
        except (ExplorerError, ValueError) as error:
            if self.opened.notice is None:
                self.opened.notice = SessionError(
                    f"The link names a place that is not there ({error})",
                    "Choose a branch and a token below.",
                )

    def write_link(self) -> None:
        """Make the address reopen what is on screen, after a refresh or on another day."""
        tree = self.opened.session.tree
        link = {"session": self.opened.id}
        if tree is not None and tree.selection.branch is not None:
            link["branch"] = tree.selection.branch
            if tree.selection.position is not None:
                link["token"] = str(tree.selection.position)
        if st.query_params.to_dict() != link:
            st.query_params.from_dict(link)


def browser_state() -> BrowserState:
    """This browser session's state; made at its first run, from the link where there is one."""
    if "browser_state" not in st.session_state:
        state = BrowserState(_open_session())
        state.follow_link()
        st.session_state["browser_state"] = state
    found: BrowserState = st.session_state["browser_state"]
    return found


def _open_session() -> OpenSession:
    wanted = st.query_params.get("session")
    error = None
    if wanted is not None:
        opened, error = session_or_none(wanted)
        if opened is not None:
            return opened
        error = error or SessionError(
            "The session of this link is not on this machine.",
            "Open a saved file of it, or go on with the chain below.",
        )
    opened = workbench().new_session(welcome_session() or Session())
    opened.notice = error
    return opened
