"""The results of an intervention run: charts, table, and what a reader will ask."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.interventions.results import ArmSummary, InterventionResults
from core.interventions.task import INTERVENTIONS
from core.runs.kind import TABLE
from core.runs.run import Run
from core.runs.status import RunStatus
from core.statistics import Estimate
from explorer.interventions.charts import accuracy_chart, rescue_chart
from explorer.interventions.flipped_problems import flipped_problems
from explorer.shared.drawing import chart, questions, table
from explorer.shared.figures import percent, points
from explorer.shared.messages import p_value, teaching_notice
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import results_on_screen
from explorer.state import BrowserState

_COLUMNS = [
    *("arm", "accuracy", "difference to base", "against base", "McNemar p", "✗ → ✓", "✓ → ✗"),
    *("against its control", "tokens changed", "changed a chain", "touched a chain"),
    *("mean base rank", "truncated", "no answer found", "timed out", "problems"),
]


def intervention_report(state: BrowserState, run: Run, status: RunStatus) -> None:
    """What the run has found so far."""
    found = results_on_screen(INTERVENTIONS, run, status)
    if found is None:
        return
    results, problems = found
    _headline(results)
    chart(
        accuracy_chart(results.arms),
        f"accuracy of {run.id}",
        alt="accuracy per arm: "
        + ", ".join(
            f"{each.label} {percent(each.accuracy.value)}"
            for each in results.arms
            if each.sweep is None
        ),
    )
    st.caption("Hatched: controls. Dashed line: the base. Bars with 95 % intervals.")
    _rescues(run, results)
    _table(run, results)
    _questions(results)
    flipped_problems(state, run, results, problems)
    teaching_notice(str(run.config.model.get("model", "")))


def _headline(results: InterventionResults) -> None:
    arms = {each.arm: each for each in results.arms}
    lines = []
    oracle, swept = arms.get("oracle"), arms.get("base_only")
    if oracle is not None and oracle.put is not None:
        lines.append(
            f"With the teacher's tokens at **{oracle.put.changed_share.value:.2%}** of positions "
            f"the base is right in {_interval(oracle.accuracy)} instead of "
            f"{_interval(results.arms[0].accuracy)}."
        )
    if swept is not None and swept.sweep is not None and swept.sweep.attempts:
        line = (
            f"A token forced at a highest-entropy position mends a wrong chain in "
            f"**{_interval(swept.sweep.rescues)}** of tries"
        )
        control = arms.get("base_only_control")
        if control is not None and control.sweep is not None and swept.against_control is not None:
            line += (
                f", at a random other position in **{_interval(control.sweep.rescues)}**: "
                f"{swept.against_control.word}"
            )
        lines.append(line + ".")
    if lines:
        st.markdown("  \n".join(lines))


def _rescues(run: Run, results: InterventionResults) -> None:
    sweeps = [(each.label, each.sweep) for each in results.arms if each.sweep is not None]
    if not sweeps:
        return
    st.markdown("**Single forced tokens in wrong chains**")
    if not sweeps[0][1].recovered.n:
        st.caption("No chain of the base is wrong, so there is nothing to rescue.")
        return
    chart(
        rescue_chart(results.arms),
        f"rescues of {run.id}",
        alt="share of single replacements that fix a wrong answer: "
        + ", ".join(f"{label} {percent(sweep.rescues.value)}" for label, sweep in sweeps),
    )
    lines = [
        f"{label}: {sweep.attempts_right:,} of {sweep.attempts:,} tokens rescue "
        f"({_interval(sweep.rescues)}), {sweep.chains_recovered} of {sweep.recovered.n} chains "
        f"({_interval(sweep.recovered)})"
        for label, sweep in sweeps
    ]
    st.caption(
        "; ".join(lines) + ". Many tries in one chain make a success likely even at random "
        "positions, so the figure per token is the fair comparison."
    )


def _table(run: Run, results: InterventionResults) -> None:
    rows = pd.DataFrame([_row(each) for each in results.arms], columns=_COLUMNS).fillna("")
    table(rows, f"table of {run.id}")
    result_downloads(run, results, TABLE)


def _row(summary: ArmSummary) -> dict[str, Any]:
    comparison, control, put = summary.comparison, summary.against_control, summary.put
    row: dict[str, Any] = {"arm": summary.label}
    if summary.sweep is None:
        row["accuracy"] = _interval(summary.accuracy)
    else:
        row["accuracy"] = f"any try right: {summary.accuracy.value:.1%}"
    if comparison is not None:
        if comparison.word is not None and comparison.mcnemar_p is not None:
            row |= {
                "difference to base": points(comparison.difference),
                "against base": comparison.word,
                "McNemar p": p_value(comparison.mcnemar_p),
            }
        row |= {
            "✗ → ✓": str(len(comparison.gained)),
            "✓ → ✗": str(len(comparison.lost)),
        }
    if control is not None:
        per = " per token" if summary.sweep is not None else ""
        row["against its control"] = f"{points(control.difference)}{per}, {control.word}"
    if put is not None:
        rank = put.mean_base_rank
        row |= {
            "tokens changed": f"{put.changed_share.value:.2%}",
            "changed a chain": f"{put.changed_per_chain:.2f}",
            "touched a chain": f"{put.touched_per_chain:.2f}",
            "mean base rank": "" if rank is None else f"{rank:.2f}",
        }
    return row | {
        "truncated": str(summary.truncated),
        "no answer found": str(summary.verdicts["unparseable"]),
        "timed out": str(summary.verdicts["timed_out"]),
        "problems": str(summary.n),
    }


def _questions(results: InterventionResults) -> None:
    present = {each.arm for each in results.arms}
    answers = []
    if "oracle" in present:
        answers.append(
            "**Why does the oracle equal the teacher?** By construction: every token is then the "
            "teacher's own choice on that prefix. The controls carry the evidence."
        )
    if "random_substitution" in present:
        answers.append(
            "**Why does random substitution touch more tokens than the oracle?** A random token "
            "derails the prefix, so the teacher keeps differing. The matched arm stops after as "
            "many tokens as the oracle put into the same chain."
        )
    if "base_only" in present:
        answers.append(
            "**Is base-only a fair figure?** It tries many tokens in each chain and counts the "
            "chain if one of them works. Its control tries as many tokens at random other "
            "positions: compare the two per token."
        )
    answers.append(
        "**Why has base-only no difference to the base?** One right try of many is enough, and "
        "right chains stay as they are, so it can't lose. The test is the one against its control."
        if "base_only" in present
        else "**Is a difference real?** Look at the controls first."
    )
    answers.append(
        "**Can the word and McNemar's p-value disagree?** Yes, where few problems flip: the word "
        "follows the bootstrap interval, and the exact test is stricter there. Run more problems."
    )
    answers.append(
        "**What do the brackets mean?** 95 % intervals: Wilson's for shares of problems, a "
        "bootstrap over problems for differences, over chains for shares of tokens. A difference "
        "whose interval contains 0 counts as no measurable difference."
    )
    questions(answers)


def _interval(estimate: Estimate) -> str:
    if not estimate.n:
        return "unknown"
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"
