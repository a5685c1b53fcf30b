"""Several runs side by side: their results, and their differences where they are paired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from core.disagreement.bases import MEASURES, bases_table
from core.errors import ExplorerError
from core.evaluation.headline import change_sentence, comparison_word
from core.kinds import kind_title
from core.runs.headline import points
from core.runs.kind import RESULTS
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.side_by_side import (
    RunBeside,
    best_of,
    lead_sentences,
    settings_that_differ,
    side_by_side,
)
from explorer.runs.run_facts import run_facts
from explorer.runs.run_table import run_label
from explorer.shared.drawing import table
from explorer.shared.figures import changed_at
from explorer.shared.messages import plain, show_error, word_badge
from explorer.state import BrowserState

_COMPARED = "runs side by side"  # in Streamlit's session state: their ids


def put_side_by_side(runs: Sequence[Run]) -> None:
    """Show these runs beside each other."""
    st.session_state[_COMPARED] = [run.id for run in runs]


def runs_side_by_side(state: BrowserState, folder: RunsFolder) -> None:
    """The runs that were put side by side; nothing without any."""
    ids = st.session_state.get(_COMPARED, [])
    runs = [run for run in (_run(folder, each) for each in ids) if run is not None]
    if len(runs) < 2:
        return
    with st.container(border=True, key="runs_side_by_side"):
        head, choice, close = st.columns([3, 4, 1.2], vertical_alignment="bottom")
        head.markdown(f"**{len(runs)} runs side by side**")
        differing = settings_that_differ(runs)
        labels = _labels(runs, differing)
        best = best_of(runs)
        reference = state.form.choice(
            choice,
            "Differences from",
            f"reference of {' '.join(ids)}",
            list(labels),
            runs[0].id if best is None else best.id,
            format_func=lambda each: _with_best(labels[each], best, each),
        )
        close.button("Close", key="close side by side", on_click=_close)
        try:
            found = _compared(tuple(_version(run) for run in runs), reference)
        except ExplorerError as error:
            show_error(error)
            return
        if lead := lead_sentences(
            found, {key: f"**{plain(each)}**" for key, each in labels.items()}
        ):
            st.markdown(lead)
        _figures(found, reference, labels)
        _sentences(found, labels)
        _bases([each.run for each in found if each.problem is None])


def _with_best(label: str, best: Run | None, run_id: str) -> str:
    return f"Highest: {label}" if best is not None and best.id == run_id else label


def _figures(found: Sequence[RunBeside], reference: str, labels: dict[str, str]) -> None:
    rows = []
    for each in found:
        facts = run_facts(each.run)
        own = each.run.id == reference
        rows.append(
            {
                "Run": labels[each.run.id],
                "Result": "no results" if each.headline is None else each.headline.figure,
                "Difference": "reference" if own else _difference(each),
                "n": f"{facts.n:,}",
                "Problems": facts.problem_set,
                "Model": facts.model,
                "Kind": kind_title(each.run),
            }
        )
    safe = [{key: spreadsheet_safe(value) for key, value in row.items()} for row in rows]
    table(pd.DataFrame(safe), "runs side by side")


def _difference(each: RunBeside) -> str:
    if each.problem is not None:
        return "not comparable: results can't be read"
    return each.reason if each.difference is None else points(each.difference.difference)


def _sentences(found: Sequence[RunBeside], labels: dict[str, str]) -> None:
    for each in found:
        name = f"**{plain(labels[each.run.id])}**"
        if each.problem is not None:
            show_error(each.problem)
        elif each.difference is not None:
            badge = word_badge(comparison_word(each.difference))
            st.markdown(f"{name} {badge} {plain(change_sentence(each.difference))}")
        elif each.headline is not None:
            st.markdown(f"{name} {plain(each.headline.sentence)}")


def _bases(runs: Sequence[Run]) -> None:
    """Comparisons of several bases, or with several teachers, beside the papers' ranges."""
    try:
        bases = bases_table(runs)
    except ExplorerError as error:
        show_error(error)
        return
    if len(bases.columns) < 2:
        return
    st.markdown("**Bases side by side**")
    rows = [
        {
            "measure": measure.name,
            **{
                spreadsheet_safe(each.label): measure.written(measure.of(each.summary))
                for each in bases.columns
            },
            "paper": measure.paper_says,
        }
        for measure in MEASURES
    ]
    table(pd.DataFrame(rows), "bases side by side")
    st.download_button(
        "CSV",
        lambda: pd.DataFrame(bases.to_rows()).to_csv(index=False),
        file_name="bases.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    counts = "; ".join(
        f"{plain(each.label)}: {each.chains:,} chains of the {each.along}, "
        f"{each.summary.tokens:,} tokens"
        for each in bases.columns
    )
    st.caption(
        f"{counts}. In brackets: 95 % intervals over chains. The papers' ranges are of other bases "
        "and problems ([arXiv:2605.06241](https://arxiv.org/abs/2605.06241), section 3)."
    )


def _labels(runs: Sequence[Run], settings: Mapping[str, str]) -> dict[str, str]:
    """Enough to tell the runs apart: of their names, models and settings those that they don't
    share, else their ids."""
    parts = {run.id: (run_label(run), run_facts(run).model, settings[run.id]) for run in runs}
    shared = [len(set(column)) == 1 for column in zip(*parts.values(), strict=True)]
    labels = {
        run_id: " · ".join(
            part for part, same in zip(own, shared, strict=True) if part and not same
        )
        for run_id, own in parts.items()
    }
    alike = Counter(labels.values())
    return {
        run_id: label
        if label and alike[label] == 1
        else " · ".join(filter(None, [label or parts[run_id][0], run_id.rsplit("-", 1)[-1]]))
        for run_id, label in labels.items()
    }


def _run(folder: RunsFolder, run_id: str) -> Run | None:
    """A run; None if it was deleted since."""
    try:
        return folder.get(run_id)
    except ExplorerError:
        return None


def _version(run: Run) -> tuple[str, int]:
    return str(run.folder), changed_at(run.folder / RESULTS)


@st.cache_resource(show_spinner="Comparing problem by problem", max_entries=8)
def _compared(versions: tuple[tuple[str, int], ...], reference: str) -> list[RunBeside]:
    """Runs by folder and the time at which their results changed."""
    runs = [Run.open(Path(folder)) for folder, _ in versions]
    return side_by_side(runs, next(run for run in runs if run.id == reference))


def _close() -> None:
    st.session_state.pop(_COMPARED, None)
