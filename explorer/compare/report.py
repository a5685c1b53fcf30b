"""The results of a comparison: every teacher beside the paper, and where its changes lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from core.disagreement import paper
from core.disagreement.results import CompareResults, TeacherSummary
from core.disagreement.task import COMPARE, compared_models
from core.errors import ExplorerError
from core.runs.kind import TABLE
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunStatus
from core.statistics import Estimate
from explorer.compare.chain import compared_chain
from explorer.compare.charts import entropy_chart, place_chart, rank_chart
from explorer.shared.drawing import chart, table
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import results_on_screen
from explorer.shared.teachers import known_teachers, teacher_labels
from explorer.state import BrowserState

_RANKS = "share of the changed tokens by the base's rank of the teacher's token"
_ENTROPIES = "the base's entropy where the teacher agrees and where it chooses another token"
_PLACES = "share of the changed tokens by their place in the chain, from start to end"


def compare_report(state: BrowserState, run: Run, status: RunStatus) -> None:
    """What the run has found so far, and one of its chains."""
    found = results_on_screen(COMPARE, run, status)
    if found is None or not found[0].teachers:
        return
    try:
        base, teachers = compared_models(run)
    except ExplorerError as error:
        show_error(error)
        return
    names = teacher_labels(teachers, known_teachers(base.model, RunsFolder()))
    _figures(run, found[0], names)
    compared_chain(state, run, names)
    teaching_notice(base.model)


def _figures(run: Run, results: CompareResults, names: Sequence[str]) -> None:
    """`names` are the teachers' labels, in the run's order."""
    _headline(results, names)
    rows = [
        {
            "measure": label,
            **{name: show(each) for name, each in zip(names, results.teachers, strict=True)},
            "paper": says,
        }
        for label, show, says in _measures(results.tau)
    ]
    table(pd.DataFrame(rows), f"of {run.id}")
    result_downloads(run, results, TABLE)
    st.caption(
        "In brackets the 95 % interval, by bootstrap over chains. The paper's ranges are of "
        "Qwen2.5, Qwen3 and Mistral models and their RL-trained versions on MATH-500 "
        "([arXiv:2605.06241](https://arxiv.org/abs/2605.06241), section 3)."
    )
    if not any(sum(each.rank_counts) for each in results.teachers):
        st.caption("No teacher would have chosen another token anywhere.")
        return
    with st.container(key="evaluation_charts"):
        left, middle, right = st.columns(3, gap="medium")
    with left:
        st.markdown("**What it would put there**")
        chart(rank_chart(results.teachers, names), f"ranks of {run.id}", alt=_RANKS)
        st.caption("Left of the dashed line: among the base's top five (reranked).")
    with middle:
        st.markdown("**How undecided the base was**")
        shown = results.teachers[0]
        chart(entropy_chart(shown), f"entropies of {run.id}", alt=_ENTROPIES)
        st.caption(f"Of {plain(names[0])}; the scale is logarithmic.")
    with right:
        st.markdown("**Where in the chain**")
        chart(place_chart(results.teachers, names), f"places of {run.id}", alt=_PLACES)
        st.caption("From the first token of the completion to its last.")


def _headline(results: CompareResults, names: Sequence[str]) -> None:
    lines = []
    for each, name in zip(results.teachers, names, strict=True):
        reranked, shifted = each.counts["reranked"], each.counts["shifted"]
        line = (
            f"**{plain(name)}** would put another token at **{_share(reranked + shifted, each)}** "
            f"of {each.tokens:,} positions"
        )
        if reranked + shifted:
            line += f": {reranked:,} among the base's top five, {shifted:,} outside them"
        lines.append(line + ".")
    st.markdown("  \n".join(lines))


def _share(changed: int, summary: TeacherSummary) -> str:
    return f"{changed / summary.tokens:.2%}" if summary.tokens else "none"


def _measures(
    tau: float,
) -> list[tuple[str, Callable[[TeacherSummary], str], str]]:
    """Label, the function that shows a teacher's figure, and the paper's range."""
    return [
        ("unshifted", lambda each: _percent(each.unshifted), _range(paper.UNSHIFTED, 100, " %")),
        ("reranked", lambda each: _percent(each.reranked), _range(paper.RERANKED, 100, " %")),
        ("shifted", lambda each: _percent(each.shifted), _range(paper.SHIFTED, 100, " %")),
        ("changed tokens a chain", lambda each: _number(each.changed_per_chain), ""),
        (
            "mean base rank of them",
            lambda each: _number(each.mean_base_rank),
            _range(paper.MEAN_BASE_RANK),
        ),
        ("base entropy there (nats)", lambda each: _number(each.entropy_changed), ""),
        ("base entropy elsewhere (nats)", lambda each: _number(each.entropy_unshifted, 3), ""),
        (
            "ratio of these entropies",
            lambda each: _number(each.entropy_ratio, 1),
            _range(paper.ENTROPY_RATIO),
        ),
        ("JS divergence (nats a token)", lambda each: _number(each.js_divergence, 4), ""),
        (f"share of it where H > {tau:g}", lambda each: _percent(each.js_above_tau), ""),
        (
            "tokens; chains",
            lambda each: f"{each.tokens:,}; {each.changed_per_chain.n:,}",
            "",
        ),
    ]


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.2f} % [{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]"


def _number(estimate: Estimate, digits: int = 2) -> str:
    if estimate.value != estimate.value:
        return "unknown"
    parts = [f"{each:.{digits}f}" for each in (estimate.value, estimate.low, estimate.high)]
    return parts[0] if estimate.low != estimate.low else f"{parts[0]} [{parts[1]}, {parts[2]}]"


def _range(ends: tuple[float, float], scale: float = 1, unit: str = "") -> str:
    low, high = (f"{scale * end:g}" for end in ends)
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"
