"""The results of an intervention run: forks against random in one sentence, what changed, and all
figures folded away."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.interventions.arms import ARMS
from core.interventions.headline import comparison_word, intervention_headline
from core.interventions.results import ArmSummary, InterventionResults
from core.interventions.task import INTERVENTIONS
from core.runs.headline import short_percent, span
from core.runs.kind import TABLE
from core.runs.run import Run
from core.runs.status import RunStatus
from core.statistics import Estimate
from explorer.interventions.charts import accuracy_chart, rescue_chart
from explorer.interventions.curves import curves_section
from explorer.interventions.flipped_problems import flipped_problems
from explorer.shared.drawing import chart, questions, table
from explorer.shared.figures import points
from explorer.shared.folding import folded
from explorer.shared.messages import p_value
from explorer.shared.model_chip import model_words
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import (
    cut_chains,
    few_problems,
    results_on_screen,
    show_cautions,
    show_headline,
)
from explorer.state import BrowserState

_CURVE_NAMES = {"taus": "τ", "budgets": "the number of the teacher's tokens"}
_COLUMNS = [
    *("arm", "problems", "accuracy", "difference to base", "against base"),
    *("difference to teacher", "against teacher", "McNemar p"),
    *("✗ → ✓", "✓ → ✗", "against its control", "tokens changed", "changed per chain"),
    *("replaced per chain", "mean base rank", "cut", "no answer found", "timed out"),
]


def intervention_report(state: BrowserState, run: Run, status: RunStatus) -> None:
    """What the run has found so far."""
    found = results_on_screen(INTERVENTIONS, run, status)
    if found is None:
        return
    results, problems = found
    show_headline(intervention_headline(results), _few_figures(results))
    base = next((each for each in results.arms if each.arm == "base"), None)
    cut = None if base is None else cut_chains(run, base.truncated, base.n, "of the base")
    show_cautions(run, [cut, few_problems(results.n)])
    flipped_problems(state, run, results, problems)
    if results.curves:
        names = " and ".join(_CURVE_NAMES[each.key] for each in results.curves)
        folded(
            f"Accuracy over {names}", f"curves of {run.id}", partial(curves_section, run, results)
        )
    folded("Accuracy of every arm", f"accuracy of {run.id}", partial(_accuracies, run, results))
    if any(each.sweep is not None for each in results.arms):
        folded(
            "Single replacements in wrong answers",
            f"rescues of {run.id}",
            partial(_rescues, run, results),
        )
    with st.expander("All figures"):
        _table(run, results)
    _questions(results)


def _few_figures(results: InterventionResults) -> list[tuple[str, str]]:
    """Accuracies of the arms that most people ask for."""
    shown = ("base", "oracle", "entropy_gated", "random_position", "teacher")
    return [
        (ARMS[each.arm].label, f"{short_percent(each.accuracy.value)} correct")
        for each in results.arms
        if each.arm in shown
    ]


def _accuracies(run: Run, results: InterventionResults) -> None:
    said = ", ".join(
        f"{ARMS[each.arm].label} {short_percent(each.accuracy.value)}"
        for each in results.arms
        if each.sweep is None
    )
    chart(accuracy_chart(results.arms), f"accuracy of {run.id}", alt=f"Accuracy by arm: {said}.")
    st.caption("Hatched: controls. Dashed line: the base. Bars with 95 % intervals.")


def _rescues(run: Run, results: InterventionResults) -> None:
    sweeps = [(ARMS[each.arm].label, each.sweep) for each in results.arms if each.sweep is not None]
    if not sweeps[0][1].recovered.n:
        st.caption("The base has no wrong answer, so there is nothing to fix.")
        return
    lines = [
        f"{label}: {sweep.attempts_right:,} of {sweep.attempts:,} replacements fix the answer "
        f"({_interval(sweep.rescues)}), {sweep.chains_recovered} of {sweep.recovered.n} chains "
        f"({_interval(sweep.recovered)})"
        for label, sweep in sweeps
    ]
    chart(rescue_chart(results.arms), f"rescues of {run.id}", alt="; ".join(lines))
    st.caption(
        "; ".join(lines) + ". With many tries per chain one hit is likely even at random "
        "positions: compare the rates per replacement."
    )


def _table(run: Run, results: InterventionResults) -> None:
    model = run.config.model
    adapter = model.get("adapter")
    words = model_words(str(model.get("model", "")), None if adapter is None else str(adapter))
    found = [_row(each) for each in results.arms]
    backward = any("against teacher" in row for row in found)
    columns = [each for each in _COLUMNS if backward or not each.endswith(" teacher")]
    rows = pd.DataFrame(found, columns=columns).fillna("")
    rows.insert(2, "model", words)
    table(rows, f"table of {run.id}")
    result_downloads(run, results, TABLE)


def _row(summary: ArmSummary) -> dict[str, Any]:
    comparison, control, put = summary.comparison, summary.against_control, summary.put
    row: dict[str, Any] = {"arm": ARMS[summary.arm].label, "problems": str(summary.n)}
    if summary.sweep is None:
        row["accuracy"] = _interval(summary.accuracy)
    else:
        row["accuracy"] = f"any replacement: {short_percent(summary.accuracy.value)}"
    if comparison is not None:
        word = comparison_word(comparison)
        if word is not None and comparison.mcnemar_p is not None:
            row |= {
                f"difference to {comparison.reference}": points(comparison.difference),
                f"against {comparison.reference}": word,
                "McNemar p": p_value(comparison.mcnemar_p),
            }
        row |= {
            "✗ → ✓": str(len(comparison.gained)),
            "✓ → ✗": str(len(comparison.lost)),
        }
    if control is not None:
        # A sweep is compared per replacement, McNemar's test is of chains: the interval decides.
        swept = summary.sweep is not None
        word = control.word if swept else comparison_word(control)
        row["against its control"] = (
            f"{points(control.difference)}{' per replacement' if swept else ''}, {word}"
        )
    if put is not None:
        rank = put.mean_base_rank
        row |= {
            "tokens changed": short_percent(put.changed_share.value),
            "changed per chain": f"{put.changed_per_chain:.2f}",
            "replaced per chain": f"{put.touched_per_chain:.2f}",
            "mean base rank": "" if rank is None else f"{rank:.2f}",
        }
    return row | {
        "cut": str(summary.truncated),
        "no answer found": str(summary.verdicts["unparseable"]),
        "timed out": str(summary.verdicts["timed_out"]),
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
            "**Why does random substitution replace more tokens than the oracle?** A random token "
            "derails the prefix, so the teacher keeps disagreeing. The matched arm stops after as "
            "many replacements as the oracle made in the same chain."
        )
    if "base_only" in present:
        answers.append(
            "**Is base-only a fair figure?** It tries many tokens in each chain and counts the "
            "chain if one of them works. Its control tries as many tokens at random other "
            "positions: compare the two per replacement."
        )
        answers.append(
            "**Why has base-only no difference to the base?** One correct try of many is enough, "
            "and correct chains stay as they are, so it can't lose. The test is the one against "
            "its control."
        )
    else:
        answers.append("**Is a difference real?** Look at the controls first.")
    answers.append(
        "**When is a difference unclear?** When its bootstrap interval excludes 0 but McNemar's "
        "exact test does not reach p < 0.05, or the other way round: it happens where few "
        "problems change. Run more problems."
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
    return f"{short_percent(estimate.value)} [{span(estimate)}]"
