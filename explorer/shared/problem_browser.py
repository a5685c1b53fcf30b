"""A table of problems beside the chain of the one selected, which opens in Explore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.chains.session import is_text
from core.models.spec import ModelSpec
from core.records import Outcome, Problem
from core.stored_chains import StoredProblem
from explorer.components.row_table import (
    RowTable,
    read_action,
    read_selection,
    read_steps,
    row_table,
)
from explorer.shared.messages import (
    VERDICT_SIGNS,
    before_gold,
    plain,
    plain_lines,
    short,
    verdict_badge,
)
from explorer.shared.polling import redrawn_alone
from explorer.shared.stored_chain_view import Score, stored_chain
from explorer.shared.verdict import verdict_reason
from explorer.state import BrowserState

_PANEL = 520  # pixels: as high as the table with its filters, so that nothing below moves


@dataclass(frozen=True, kw_only=True)
class ProblemBrowser:
    """What a table of problems shows, and what can be done with it.

    Args:
        key: unique on the page.
        table: of the problems.
        stored: their chains, by problem id.
        problems: by id.
        names: of the chains, as they are switched between ("1", "2", ...).
        label: of the switch between chains.
        spec: the chains' model, with this session's consent; None if it can't be read, and then
            no text is shown.
        telling: the number of the chain to show first, by problem id.
        version: changes when the run's files change.
        score: how a chain is scored, by problem id and number.
        open: called with problem and number to open a chain in Explore.
        open_label: what that button is called.
        facts: more about a chain, in markdown.
    """

    key: str
    table: RowTable
    stored: Mapping[str, StoredProblem]
    problems: Mapping[str, Problem]
    names: Sequence[str]
    label: str
    spec: ModelSpec | None
    telling: Callable[[str], int]
    version: int
    score: Callable[[str, int], Score]
    open: Callable[[Problem | None, int], None]
    open_label: str = "Open in Explore at the first fork"
    facts: Callable[[str, int], str] = lambda problem_id, number: ""


def problem_browser(state: BrowserState, shown: ProblemBrowser) -> None:
    """Draw table and chain; a selection draws only them again."""
    if shown.table.rows:
        redrawn_alone(lambda: _draw(state, shown))


def _draw(state: BrowserState, shown: ProblemBrowser) -> None:
    key = f"problems {shown.key}"
    row = _selected(state, shown)
    with st.container(key=f"problem_browser_{shown.key}"):
        left, right = st.columns([3, 2], gap="small")
    with left:
        row_table(
            shown.table,
            key=key,
            selected=row,
            on_select=lambda: _on_select(state, shown, key),
            on_step=lambda: _on_step(state, shown, key),
            on_act=lambda: _on_act(shown, key),
        )
    with right, st.container(border=True, height=_PANEL, key=f"chain_panel_{shown.key}"):
        _panel(state, shown, row)


def _panel(state: BrowserState, shown: ProblemBrowser, row: str) -> None:
    found, problem = shown.stored[row], shown.problems.get(row)
    number = _number(shown, row)
    if len(found.chains) > 1:
        st.session_state[_switch(shown, row)] = number
        chosen = st.segmented_control(
            shown.label,
            range(len(found.chains)),
            required=True,
            key=_switch(shown, row),
            format_func=lambda i: f"{shown.names[i]} {VERDICT_SIGNS[found.chains[i].verdict]}",
        )
        number = number if chosen is None else chosen
        st.session_state[f"{_switch(shown, row)} shown"] = number
    chain = found.chains[number]
    outcome = Outcome(chain.answer, chain.verdict, False)
    facts = [verdict_badge(outcome), f"{len(chain)} tokens"]
    if chain.cut:
        facts.append("stopped at the token limit")
    if more := shown.facts(row, number):
        facts.append(more)
    gold = None if problem is None else problem.answer
    st.markdown(" · ".join(facts), help=None if problem is None else verdict_reason(outcome, gold))
    st.button(
        shown.open_label,
        key=f"open {shown.key}",
        type="primary",
        disabled=state.opened.busy,
        on_click=shown.open,
        args=(problem, number),
    )
    if problem is not None:
        answer = "" if gold is None else f"{before_gold(problem.question)}Correct answer: "
        answer += "" if gold is None else f"**{plain(short(gold))}**"
        st.caption(f"{plain_lines(problem.question)}{answer}")
    if shown.spec is not None:
        stored_chain(
            state,
            shown.spec,
            found,
            number,
            chain_id=f"{shown.table.id} {row} {number} {shown.version}",
            score=shown.score(row, number),
        )


# ---- what is selected --------------------------------------------------------------------------


def _selected(state: BrowserState, shown: ProblemBrowser) -> str:
    """The id of the problem on screen: the last one selected, else the first of the first group."""
    kept = state.form.value(_memory(shown), "", is_text)
    if kept in shown.stored:
        return kept
    first = next((each.rows[0] for each in shown.table.filters if each.rows), 0)
    return shown.table.rows[first].id


def _number(shown: ProblemBrowser, row: str) -> int:
    count = len(shown.stored[row].chains)
    chosen = st.session_state.get(_switch(shown, row))
    if isinstance(chosen, int) and 0 <= chosen < count:
        return chosen
    return min(shown.telling(row), count - 1)


def _memory(shown: ProblemBrowser) -> str:
    return f"problem of {shown.table.id}"


def _switch(shown: ProblemBrowser, row: str) -> str:
    return f"sample of {shown.table.id} {row}"


def _on_select(state: BrowserState, shown: ProblemBrowser, key: str) -> None:
    found = read_selection(key)
    if found is None or found.table != shown.table.id or found.row not in shown.stored:
        return
    state.form.keep(_memory(shown), found.row)
    if found.sample is not None and found.sample < len(shown.stored[found.row].chains):
        _show(shown, found.row, found.sample)


def _on_step(state: BrowserState, shown: ProblemBrowser, key: str) -> None:
    """Step from the sample that was shown or stepped to last: the browser may not know of it yet,
    and report the one before as the chosen one."""
    found = read_steps(key)
    if found is None or found.table != shown.table.id or found.row not in shown.stored:
        return
    switch = _switch(shown, found.row)
    since, taken = st.session_state.get(f"{switch} steps", (found.since, 0))
    st.session_state[f"{switch} steps"] = found.since, found.total
    by = found.total - (taken if since == found.since else 0)
    last = len(shown.stored[found.row].chains) - 1
    start = st.session_state.get(f"{switch} shown", _number(shown, found.row))
    state.form.keep(_memory(shown), found.row)
    # A next step can stop this run of the page before it has drawn the panel.
    _show(shown, found.row, max(0, min(last, start + by)))


def _show(shown: ProblemBrowser, row: str, sample: int) -> None:
    switch = _switch(shown, row)
    st.session_state[switch] = st.session_state[f"{switch} shown"] = sample


def _on_act(shown: ProblemBrowser, key: str) -> None:
    found = read_action(key)
    if found is None or found.table != shown.table.id or found.name != "open":
        return
    row = found.rows[0] if found.rows else ""
    if row in shown.stored:
        shown.open(shown.problems.get(row), _number(shown, row))
