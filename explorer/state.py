"""The state of one browser session, as one typed object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import streamlit as st

from core.chains.session import Session
from core.errors import ExplorerError, SessionError
from explorer.classroom.here import sessions_here
from explorer.form import Form, is_real, one_of
from explorer.open_session import OpenSession
from explorer.welcome import DEFAULT_TAU, FIRST_CLICK, WELCOME
from explorer.workbench import first_model, session_or_none, workbench

Unit = Literal["nats", "bits"]
Colour = Literal["entropy", "pivotality"]
HIGHEST_TAU = 15.0  # nats; more than the entropy of a uniform choice among 3 million tokens
_TAU, _UNIT, _COLOUR = "tau", "shown unit", "shown colour"  # in the form


@dataclass
class BrowserState:
    """Choices of one browser session; its chains are in `opened`, which outlives it."""

    opened: OpenSession
    beside: str | None = None  # the branch shown beside the selected one
    asked_for: int = 0  # how often the page moved the selection, for the heatmap
    asked_position: int = 0
    asked_beside: tuple[int, int] | None = None  # how often, and which position, of `beside`
    page_is_stale: bool = False  # something outside the stage has to be drawn again
    run_ids: dict[str, str] = field(default_factory=dict)  # the run on screen, by page
    page: str = ""  # the title of the one on screen
    switches: int = 0  # from one page to another
    notice: ExplorerError | None = None  # what went wrong with a run

    def enter(self, page: str) -> None:
        """Called when a page is drawn: writes the session to the address, so that a refresh keeps
        the form values, and clears messages of another page."""
        if st.query_params.get("session") != self.opened.id:
            st.query_params["session"] = self.opened.id
        if page != self.page:
            self.page, self.notice = page, None
            self.switches += 1

    @property
    def form(self) -> Form:
        """The form fields of all pages; their values are saved with the session."""
        return Form(self.opened)

    @property
    def tau(self) -> float:
        """Threshold of Explore, in nats."""
        return self.form.value(_TAU, DEFAULT_TAU, lambda v: is_real(v, 0, HIGHEST_TAU))

    @tau.setter
    def tau(self, nats: float) -> None:
        self.form.keep(_TAU, min(nats, HIGHEST_TAU))

    @property
    def unit(self) -> Unit:
        """Unit of every entropy on screen."""
        default: Unit = "nats"
        return self.form.value(_UNIT, default, one_of(get_args(Unit)))

    @unit.setter
    def unit(self, unit: Unit) -> None:
        self.form.keep(_UNIT, unit)

    @property
    def colour(self) -> Colour:
        """What colours the tokens on screen."""
        default: Colour = "entropy"
        return self.form.value(_COLOUR, default, one_of(get_args(Colour)))

    @colour.setter
    def colour(self, colour: Colour) -> None:
        self.form.keep(_COLOUR, colour)

    def go_to(self, position: int) -> None:
        """Select a position of the chain on screen and bring it into view."""
        tree = self.opened.session.tree
        if tree is not None and tree.selection.branch is not None:
            tree.select(tree.selection.branch, position)
            self.asked_for += 1
            self.asked_position = position

    def go_to_beside(self, position: int) -> None:
        """Bring a position of the branch beside into view."""
        asked = 0 if self.asked_beside is None else self.asked_beside[0]
        self.asked_beside = asked + 1, position

    def open_session(self, session: Session) -> None:
        """Show a session read from a file, under a new id: the old one stays. The form fields get
        the values of the file."""
        before = self.opened
        for key in {*before.session.form, *session.form}:
            st.session_state.pop(key, None)
        self.opened = workbench().new_session(session, sessions_here()[0])
        self.opened.spec, self.opened.problem_sets = before.spec, before.problem_sets
        self.opened.save()
        self.beside = None
        self.page_is_stale = True

    def follow_link(self) -> None:
        """Select the branch and token that the address names, if they exist."""
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
                    f"This link names a branch or token that doesn't exist ({error})",
                    "Choose a branch and a token below.",
                )

    def follow_first_click(self) -> None:
        """Select the token that was clicked before the pages were there, if its chain is shown."""
        clicked = st.session_state.pop(FIRST_CLICK, None)
        tree = self.opened.session.tree
        if clicked is None or tree is None or tree.selected is None:
            return
        token_ids, position = clicked
        if tree.selected.chain.token_ids == token_ids:
            self.go_to(position)

    def write_link(self) -> None:
        """Make the address reopen the chain on screen, after a refresh or on another day."""
        tree = self.opened.session.tree
        link = {}
        if tree is not None and tree.selection.branch is not None:
            link["branch"] = tree.selection.branch
            if tree.selection.position is not None:
                link["token"] = str(tree.selection.position)
        self.write_address(**link)

    def write_address(self, **link: str) -> None:
        """Make the address reopen this session, and in it what `link` names."""
        link = {"session": self.opened.id, **link}
        if st.query_params.to_dict() != link:
            st.query_params.from_dict(link)


def browser_state() -> BrowserState:
    """This browser session's state; created at its first run, from the address if it names one."""
    if "browser_state" not in st.session_state:
        state = BrowserState(_open_session())
        state.follow_link()
        st.session_state["browser_state"] = state
    found: BrowserState = st.session_state["browser_state"]
    found.follow_first_click()
    return found


def _open_session() -> OpenSession:
    wanted = st.query_params.get("session")
    error = None
    if wanted is not None:
        opened, error = session_or_none(wanted)
        if opened is not None:
            return opened
        error = error or SessionError(
            "This link's session isn't on this computer.",
            "Open its saved file, or continue with the example below.",
        )
    opened = workbench().new_session(welcome_session() or Session(), sessions_here()[0])
    opened.spec, opened.notice = first_model(), error
    return opened


def welcome_session() -> Session | None:
    """The demo's first chain; None if sample_data isn't installed."""
    return Session.loads(WELCOME.read_bytes()) if WELCOME.is_file() else None
