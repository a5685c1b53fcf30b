"""Step 3 of a fine-tune: the log of the training as charts, with warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from core.errors import ExplorerError
from core.lora.run_files import training_history
from core.reasonmaxxer.results import run_recipe, training_warnings
from core.runs.run import Run
from explorer.finetune.charts import AFTER, BEFORE, THIRD, history_chart
from explorer.shared import drawing
from explorer.shared.messages import plain, show_error, teaching_notice

_Row = Mapping[str, Any]


class _Chart(NamedTuple):
    title: str
    axis: str
    lines: dict[str, tuple[str, str]]  # key -> name, colour
    about: str
    percent: bool = False
    band: tuple[str, str] | None = None


_CHARTS = (
    _Chart(
        "Accuracy on held-out problems",
        "share",
        {"eval_accuracy": ("accuracy", AFTER), "eval_boxed": ("boxed", BEFORE)},
        "The best checkpoint by this accuracy becomes the adapter. If boxed answers fall, the "
        "model is breaking.",
        True,
        ("eval_accuracy_low", "eval_accuracy_high"),
    ),
    _Chart(
        "Loss",
        "loss",
        {
            "decision": ("decisions", THIRD),
            "anchor": ("anchor", BEFORE),
            "loss": ("loss", AFTER),
        },
        "Decisions: advantage times cross-entropy at gated tokens. Anchor: KL weight times KL "
        "everywhere else. A falling loss alone proves nothing: watch the accuracy.",
    ),
    _Chart(
        "Decisions against the base",
        "Δ log-prob (nats)",
        {
            "right_delta_logprob": ("correct", AFTER),
            "wrong_delta_logprob": ("wrong", THIRD),
        },
        "Gated tokens of correct rollouts should rise, those of wrong ones fall.",
    ),
    _Chart(
        "KL to the base",
        "nats per token",
        {"kl": ("KL", AFTER)},
        "At all tokens but the decisions: if it is small, the rest of the model is unchanged.",
    ),
    _Chart(
        "Negative pressure",
        "share",
        {"negative_pressure": ("downwards", THIRD), "floored": ("at floor", BEFORE)},
        "Share of updates that lower a probability, and of those stopped at the floor.",
        True,
    ),
)


def training_panel(run: Run, *, live: bool) -> None:
    """Charts of what the training has logged so far."""
    try:
        history = training_history(run)
        weight = run_recipe(run).training.kl_weight
    except ExplorerError as error:
        show_error(error)
        return
    rows = _rows(history, weight)
    if not rows:
        st.caption("Training begins after the rollouts and the accuracy before.")
        return
    try:
        warnings = training_warnings(history)
    except (KeyError, TypeError, ValueError):
        warnings = []  # entries that aren't numbers are left out of the charts, too
    for warning in warnings:
        st.warning(plain(warning), icon=":material/warning:")
    _charts(run, rows, _CHARTS[:2], live=live)
    _charts(run, rows, _CHARTS[2:], live=live)
    measured = [row for row in rows if "eval_accuracy" in row]
    if measured and isinstance(measured[-1].get("eval_n"), int | float):
        st.caption(
            f"Held-out accuracy: {measured[-1]['eval_n']:.0f} problems, 95 % intervals over "
            "problems. They are training problems set aside, not those of before and after."
        )
    teaching_notice(str(run.config.model.get("model", "")))


def _rows(history: Sequence[_Row], kl_weight: float) -> list[dict[str, Any]]:
    """Entries with a step, reduced to their numbers, and with the anchor's part of the loss."""
    rows = []
    for entry in history:
        row = {key: value for key, value in entry.items() if _is_number(value)}
        if "step" not in row:
            continue
        if "kl" in row:
            row["anchor"] = kl_weight * row["kl"]
        rows.append(row)
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _charts(
    run: Run, rows: Sequence[dict[str, Any]], charts: Sequence[_Chart], *, live: bool
) -> None:
    with st.container(key=f"tuning_charts_{len(charts)}"):
        columns = st.columns(len(charts), gap="medium")
    for column, chart in zip(columns, charts, strict=True):
        needed = {*list(chart.lines)[:1], *(chart.band or ())}
        known = [row for row in rows if needed <= row.keys()]
        with column:
            st.markdown(f"**{chart.title}**")
            if not known:
                st.caption("Not measured yet.")
            elif live:
                _live_chart(known, chart)
            else:
                drawing.chart(
                    history_chart(
                        known, chart.lines, chart.axis, percent=chart.percent, band=chart.band
                    ),
                    f"{chart.title} of {run.id}",
                    alt=_alt(known, chart),
                )
            st.caption(chart.about)


def _alt(rows: Sequence[dict[str, Any]], chart: _Chart) -> str:
    """The first and last value of every line of a chart."""
    said = []
    for key, (name, _) in chart.lines.items():
        values = [row[key] for row in rows if key in row]
        if values:
            said.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
    return f"{chart.title} over {len(rows)} steps: {', '.join(said)}."


def _live_chart(rows: Sequence[dict[str, Any]], chart: _Chart) -> None:
    """The same chart during training: this kind is updated in place."""
    names = {key: name for key, (name, _) in chart.lines.items()}
    colors: list[Any] = [color for _, color in chart.lines.values()]
    if chart.band is not None:
        names |= dict(zip(chart.band, ("low", "high"), strict=True))
        colors += ["#9dbfe6", "#9dbfe6"]
    table = pd.DataFrame(rows, columns=["step", *names]).rename(columns=names)
    with drawing.described(_alt(rows, chart)):
        st.line_chart(
            table, x="step", y=list(names.values()), color=colors, y_label=chart.axis, height=230
        )
