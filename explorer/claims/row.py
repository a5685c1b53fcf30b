"""One claim: the paper's figure, what was measured here, its verdict, and its runs."""

from __future__ import annotations

import shlex

import streamlit as st

from core.claims.claim import Finding
from core.claims.measuring import Missing, together
from core.claims.rules import Verdict
from core.claims.table import ClaimRow
from core.claims.wording import (
    SIGNS,
    control_in_words,
    enough_in_words,
    figure_in_words,
    rule_in_words,
)
from core.cli.claims_measuring import measure_words
from core.cli.command_line import PROGRAM
from core.kinds import kind_title
from core.runs.estimate import duration
from core.runs.run import Run
from explorer.claims.queue import measure_claims, queue
from explorer.claims.view import ClaimsView, Shown
from explorer.navigation import ask_for, page_of
from explorer.shared.messages import plain
from explorer.state import BrowserState

_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.UNCLEAR: "orange",
    Verdict.NOT_MEASURED: "gray",
}


def verdict_badge(verdict: Verdict) -> str:
    """Markdown: the verdict as a sign and words, never by colour alone."""
    return f":{_COLOURS[verdict]}-badge[{SIGNS[verdict]} {verdict}]"


def claim_row(view: ClaimsView, shown: Shown, row: ClaimRow) -> None:
    """Draw a claim."""
    claim = row.claim
    with st.container(border=True, key=f"claim_{claim.id}"):
        said, measured, verdict = st.columns([5, 6, 3], gap="medium")
        said.markdown(f"**{plain(claim.sentence)}**")
        said.caption(f"The paper ({plain(claim.section)}): {plain(claim.stated)}")
        with measured:
            _measured(row)
        with verdict:
            st.markdown(verdict_badge(row.verdict))
            if row.finding is not None and row.finding.exploratory:
                st.caption("exploration")
            _buttons(view, shown, row)
            if row.finding is not None:
                with st.popover("Rule and details", type="tertiary", icon=":material/info:"):
                    _details(shown, row, row.finding)


def _measured(row: ClaimRow) -> None:
    if row.problem is not None:
        st.markdown(f":orange-badge[! no figure] {plain(str(row.problem))}")
    if row.finding is None:
        return
    first, *others = row.finding.checks
    st.markdown(f"**{plain(figure_in_words(first.figure))}**")
    st.caption(plain(first.figure.label))
    for check in others:
        st.markdown(
            f":small[{SIGNS[check.verdict]} {plain(check.figure.label)}: "
            f"{plain(figure_in_words(check.figure))}]"
        )
    control = control_in_words(row.finding)
    prefix = "" if isinstance(row.finding.control, str) else "Control: "
    st.caption(f"{prefix}{plain(control)}")
    enough = enough_in_words(row.finding)
    if enough:
        st.caption(plain(enough))


def _buttons(view: ClaimsView, shown: Shown, row: ClaimRow) -> None:
    if row.finding is not None or row.problem is not None:
        for name, run in row.runs.items():
            several = len(row.runs) > 1
            title = next(s.title for s in row.claim.steps if s.name == name)
            st.button(
                f"Open the {title}" if several else f"Open the {kind_title(run).lower()}",
                key=f"open {row.claim.id} {name}",
                type="tertiary",
                icon=":material/open_in_new:",
                on_click=_open,
                args=(view.state, run),
            )
        return
    missing = shown.missing_for(row)
    if any(each.is_live for each in missing):
        st.caption("▶ being measured")
        return
    if not missing:
        st.caption("Needs a teacher: choose one above.")
        return
    problem = next((each.problem for each in missing if each.problem is not None), None)
    if problem is not None:
        st.caption(plain(str(problem)))
        return
    found = queue()
    begun = any(each.run is not None for each in missing)
    st.button(
        "Continue" if begun else "Measure",
        key=f"measure {row.claim.id}",
        icon=":material/play_arrow:",
        disabled=found is not None and found.running,
        help="; ".join(each.step.title for each in missing),
        on_click=measure_claims,
        args=(view.state, view.folder, view.look, [row.claim.id]),
    )
    _estimate(shown, missing)


def _estimate(shown: Shown, missing: list[Missing]) -> None:
    known = [e for each in missing if (e := shown.estimates[each.step.name]) is not None]
    if len(known) == len(missing):
        st.caption(f":material/timer: about {duration(together(known).seconds)}")


def _details(shown: Shown, row: ClaimRow, finding: Finding) -> None:
    lines = [
        f"{plain(check.figure.label)}: {plain(rule_in_words(check))} ({check.verdict})"
        for check in finding.checks
    ]
    lines += [plain(each) for each in (*finding.more, finding.exploratory, row.note) if each]
    st.markdown("\n".join(f"- {each}" for each in lines))
    words = [PROGRAM, "claims", *measure_words(shown.scope, [row.claim.id])]
    st.code(shlex.join(words), language=None, wrap_lines=True)


def _open(state: BrowserState, run: Run) -> None:
    name = page_of(run)
    if name is not None:
        state.run_ids[name] = run.id
        ask_for(name, run=run.id)
