"""The table of claims: the verdicts in a line, what is missing, then claim by claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from core.claims.measuring import together
from core.claims.registry import PAPERS
from core.claims.report import Report
from core.claims.rules import Verdict
from core.claims.table import ClaimRow, verdict_counts
from core.claims.wording import verdict_in_words
from core.cli.claims_measuring import report_of
from core.errors import ExplorerError
from core.export.document import Handout
from core.export.of_claims import claim_handout, claims_handout
from core.runs.estimate import duration
from core.runs.headline import counted
from core.runs.model_names import teacher_words
from explorer.claims.queue import Queue, measure_claims, queue
from explorer.claims.row import claim_row, verdict_badge
from explorer.claims.view import ClaimsView, Shown
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.model_chip import model_chip
from explorer.shared.run_panel import run_progress, show_notice
from explorer.shared.share import share

_STYLE = Path(__file__).resolve().with_name("claims.css")


def claims_report(view: ClaimsView) -> None:
    """Draw the table of the scope that the fields say."""
    st.html(_STYLE)
    show_notice(view.state)
    try:
        shown = view.read()
    except ExplorerError as error:
        show_error(error)
        return
    _summary(view, shown)
    _progress(view)
    teaching_notice(shown.scope.spec.model)
    if all(row.verdict is Verdict.NOT_MEASURED for row in shown.rows):
        st.info(
            "Nothing has been measured on this model and these problems yet. Press **Measure** "
            "beside a claim, or **Measure everything missing**: the runs appear here, and under "
            "Runs.",
            icon=":material/arrow_downward:",
        )
    for paper in PAPERS:
        st.markdown(f"#### {plain(paper.short)} :small[[arXiv:{paper.arxiv}]({paper.address})]")
        for row in shown.rows:
            if row.claim.paper == paper:
                claim_row(view, shown, row)


def _summary(view: ClaimsView, shown: Shown) -> None:
    counts = verdict_counts(shown.rows)
    words = "   ".join(f"{verdict_badge(each)} **{count}**" for each, count in counts.items())
    n = f"{plain(Path(shown.scope.set_name).name)} ({len(shown.scope.problems):,})"
    teacher = (
        ""
        if shown.scope.teacher is None
        else f" · teacher {plain(teacher_words(shown.scope.teacher))}"
    )
    with st.container(border=True, key="claims_summary"):
        st.markdown(f"{model_chip(shown.scope.spec)} · {n}{teacher}")
        st.markdown(words)
        row = st.container(horizontal=True, vertical_alignment="center")
        busy = _busy()
        possible = [each for each in shown.missing if each.problem is None]
        row.button(
            "Measure everything missing",
            type="primary",
            icon=":material/play_arrow:",
            disabled=busy is not None or not possible,
            on_click=measure_claims,
            args=(view.state, view.folder, view.look, None),
        )
        with row:
            _share(view, shown)
        _total(view, shown)


def _total(view: ClaimsView, shown: Shown) -> None:
    possible = [each for each in shown.missing if each.problem is None]
    if not possible:
        return
    estimates = [shown.estimates[each.step.name] for each in possible]
    known = [each for each in estimates if each is not None]
    timing = view.timing
    if timing is not None and timing.running:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.caption(f"measuring the model's speed… {timing.elapsed:.0f} s")
        row.button("Stop measuring", key="stop claims", type="tertiary", on_click=timing.cancel)
        return
    if known:
        whole = together(known)
        unknown = len(estimates) - len(known)
        more = f", and {unknown} of unknown length" if unknown else ""
        st.caption(
            f":material/timer: {counted(len(possible), 'run')} missing: about "
            f"{duration(whole.seconds)} ({duration(whole.low)} to {duration(whole.high)}){more}"
        )
        return
    if timing is not None and timing.error is not None:
        show_error(timing.error)
    st.button(
        f"How long will the {counted(len(possible), 'missing run')} take?",
        key="ask claims",
        icon=":material/timer:",
        type="tertiary",
        help="Measures the model on this machine for some seconds; what is found is kept",
        on_click=view.time_it,
    )


def _progress(view: ClaimsView) -> None:
    found = queue()
    if found is None:
        return
    if found.task.error is not None:
        show_error(found.task.error)
    for title in found.failed:
        st.warning(f"A run failed, and its claims stay unmeasured: {plain(title)}. See Runs.")
    run = found.run
    if not found.running or run is None:
        return
    with st.container(border=True, key="claims_progress"):
        left = f", then {counted(found.left, 'run')}" if found.left else ""
        st.markdown(f"**{plain(run.config.name)}**{left}")
        run_progress(view.state, run, run.status())
        if found.left:
            st.button("Cancel all", icon=":material/stop:", on_click=found.cancel)


def _busy() -> Queue | None:
    found = queue()
    return found if found is not None and found.running else None


def _share(view: ClaimsView, shown: Shown) -> None:
    """The table, or one of its claims, as files to hand out."""
    handouts: dict[str, Callable[[], Handout]] = {
        "All claims": lambda: claims_handout(_report(shown, shown.rows), shown.rows)
    }
    for row in shown.rows:
        name = f"{verdict_in_words(row)}: {row.claim.sentence}"
        handouts[name] = partial(_one_claim, shown, row)
    drawn = any(
        check.figure.unit == "share"
        for row in shown.rows
        if row.finding is not None
        for check in row.finding.checks[:1]
    )
    share(
        handouts,
        name="claims",
        key="share claims",
        link={"session": view.state.opened.id},
        has_picture=drawn,
    )


def _one_claim(shown: Shown, row: ClaimRow) -> Handout:
    return claim_handout(_report(shown, [row], [row.claim.id]), row)


def _report(shown: Shown, rows: Sequence[ClaimRow], ids: Sequence[str] | None = None) -> Report:
    missing = [each for each in shown.missing if ids is None or {*ids} & {*each.claims}]
    return report_of(shown.scope, rows, missing, ids)
