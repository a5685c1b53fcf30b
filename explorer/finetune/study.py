"""The results of a study: the chosen settings first, then every cell as exploration."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.errors import ExplorerError
from core.runs.kind import TABLE
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.runs.status import RunStatus
from core.statistics import Estimate
from core.studies.distillations import DISTILL_STUDY
from core.studies.headline import study_headline
from core.studies.results import CellResult, StudyResults
from core.studies.task import STUDY
from explorer.shared.drawing import chart, questions, table
from explorer.shared.figures import percent, plotly_text, points, share_and_range
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import show_headline
from explorer.state import BrowserState

STUDIES = {each.name: each for each in (STUDY, DISTILL_STUDY)}
"""The kinds of studies, by their names."""


def study_report(state: BrowserState, run: Run, status: RunStatus) -> None:
    """What the study has found so far."""
    try:
        results = STUDIES[run.config.task].results_of(run)
    except ExplorerError as error:
        show_error(error)
        return
    if results is None:
        st.caption("No cell is done yet. They appear here one by one.")
        return
    show_headline(study_headline(results))
    teaching_notice(str(run.config.model.get("model", "")))
    if results.teacher_test is not None:
        st.markdown(
            f"The teacher solves {share_and_range(results.teacher_test)} of the test problems."
        )
    st.markdown(f"**Cells** ({len(results.cells):,} of {results.all_cells:,})")
    table(pd.DataFrame([_row(each, results) for each in results.cells]), f"cells of {run.id}")
    st.caption(
        "Every cell's test accuracy is exploration: with many cells some are high by chance. Only "
        "the chosen settings are quoted, and they were chosen on the held-out problems."
    )
    _failures(results)
    with st.expander("Held-out and test accuracy of every cell"):
        _scatter(run, results)
    with st.expander("Cost"):
        cost = results.cost
        st.markdown(
            f"{cost.total_seconds:,.0f} s, the rollouts, all cells and the choice included "
            f"({plain(cost.phases_in_words)}); {cost.sampled_tokens:,} tokens sampled, "
            f"{cost.trained_tokens:,} trained on; {cost.usd:.2f} US\\$ at "
            f"{cost.usd_per_hour:g} US\\$ per hour."
        )
    result_downloads(run, results, TABLE)
    questions(
        [
            "**Why not quote the best test figure?** The highest of many noisy figures is too high "
            "on average. The settings are chosen on other problems, so that the test figure of the "
            "chosen ones stays an honest estimate.",
            "**What is the signal mass?** The share of the sum of |advantage| over all tokens of "
            "the rollouts that lies at gated tokens.",
        ]
    )


def _row(cell: CellResult, results: StudyResults) -> dict[str, str]:
    chosen = results.chosen is not None and results.chosen.setting == cell.setting
    row = {"": "chosen" if chosen else ""}
    row |= {
        f"{spreadsheet_safe(name)}": f"{spreadsheet_safe(v)}" for name, v in cell.values.items()
    }
    row |= {
        "seed": str(cell.seed),
        "held-out": _share(cell.held_out),
        "test": _share(cell.test),
        "difference to the base (points)": ""
        if cell.difference is None
        else points(cell.difference),
    }
    if results.teacher_test is not None:
        row |= {
            "parameters": "" if cell.trained_parameters is None else f"{cell.trained_parameters:,}",
            "share": "" if cell.trained_share is None else percent(cell.trained_share, 2),
        }
    else:
        row |= {
            "gated": "" if cell.gated_share is None else percent(cell.gated_share),
            "signal mass": "" if cell.signal_mass is None else percent(cell.signal_mass),
            "gated tokens": "" if cell.decisions is None else f"{cell.decisions:,}",
        }
    row |= {
        "n": "" if cell.test is None else f"{cell.test.n:,}",
        "steps": "" if cell.steps is None else f"{cell.best_step} of {cell.steps}",
    }
    return row


def _share(estimate: Estimate | None) -> str:
    return "not trained" if estimate is None else share_and_range(estimate)


def _failures(results: StudyResults) -> None:
    for cell in results.cells:
        if cell.failure is not None:
            st.warning(f"Cell {cell.number + 1} was not trained: {plain(cell.failure)}")


def _scatter(run: Run, results: StudyResults) -> None:
    known = [each for each in results.cells if each.held_out is not None and each.test is not None]
    if not known:
        st.caption("No cell could be trained.")
        return
    names = [
        plotly_text(", ".join(f"{name} = {v}" for name, v in each.values.items()) or "the recipe")
        for each in known
    ]
    figure = go.Figure()
    figure.add_scatter(
        x=[each.held_out.value for each in known if each.held_out],
        y=[each.test.value for each in known if each.test],
        mode="markers",
        marker={"size": 9, "color": "#4c86c6"},
        customdata=names,
        hovertemplate="%{customdata}<br>held-out %{x:.1%}, test %{y:.1%}<extra></extra>",
    )
    figure.add_hline(y=results.base_test.value, line={"dash": "dash", "width": 1, "color": "gray"})
    figure.update_layout(
        height=280,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": "held-out accuracy", "tickformat": ".0%"},
        yaxis={"title": "test accuracy", "tickformat": ".0%"},
    )
    chart(
        figure,
        f"study {run.id}",
        alt=f"Held-out against test accuracy of {len(known)} cells; the dashed line is the base's "
        f"test accuracy, {percent(results.base_test.value)}.",
    )
