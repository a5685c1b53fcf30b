"""What a fine-tune did to the accuracy: first the result, then the chains, then all figures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from core.errors import ExplorerError
from core.evaluation.headline import comparison_word
from core.evaluation.results import NO_FAMILY, EvaluationResults
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.headline import training_headline
from core.reasonmaxxer.results import TrainingResults, run_recipe
from core.reasonmaxxer.task import TRAIN
from core.reasonmaxxer.weights import run_weights
from core.records import Problem
from core.runs.estimate import duration
from core.runs.headline import counted, short_percent
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.statistics import Estimate
from core.system.json_text import json_text
from explorer.finetune.chains import chains_before_and_after
from explorer.finetune.charts import families_chart
from explorer.finetune.cost import cost_panel
from explorer.shared.drawing import chart, questions, table
from explorer.shared.figures import amount_range, points, share_and_range, signed_amount
from explorer.shared.folding import folded
from explorer.shared.messages import p_value, plain, show_error, word_badge
from explorer.shared.run_results import cut_chains, few_problems, show_cautions, show_headline
from explorer.state import BrowserState

_FLIPS_HEIGHT = 320  # pixels


def finetune_report(state: BrowserState, run: Run) -> None:
    """The results of a finished fine-tune."""
    try:
        results = TRAIN.results_of(run)
        problems = {problem.id: problem for problem in run.problems(EVALUATION)}
    except ExplorerError as error:
        show_error(error)
        return
    if results is None:
        return
    show_headline(training_headline(results), _few_figures(results))
    cautions = [
        _cut(run, results.before, "before"),
        _cut(run, results.after, "after"),
        few_problems(results.comparison.n),
        *(plain(each) for each in results.training.warnings),
    ]
    show_cautions(run, cautions)
    chains_before_and_after(state, run, results.comparison)
    _flips(run, results, problems)
    if results.before.families:
        folded("By family", f"families of {run.id}", partial(_families, run, results))
    with st.expander("All figures"):
        st.caption(_made_of(run, results) + _weighted(run))
        _rates(run, results)
    with st.expander("What this run cost, beside the paper's table"):
        cost_panel(state, run, results)
    _questions()


def _few_figures(results: TrainingResults) -> list[tuple[str, str]]:
    found, after = results.comparison, results.after
    return [
        ("gained", f"{counted(len(found.gained), 'problem')}"),
        ("lost", f"{counted(len(found.lost), 'problem')}"),
        ("boxed after", short_percent(after.boxed.value)),
        ("mean length after", f"{after.mean_length.value:.0f} tokens"),
        ("took", duration(results.cost.total_seconds)),
    ]


def _cut(run: Run, found: EvaluationResults, when: str) -> str | None:
    chains = found.n * found.samples
    return cut_chains(run, round(found.truncated.value * chains) if chains else 0, chains, when)


def _solved(results: TrainingResults) -> str:
    """Markdown: problems solved before and after, with the exact test."""
    found = results.comparison
    p = p_value(found.mcnemar_p).replace(" ", "\u00a0")
    return (
        f"{word_badge(comparison_word(found))} Paired over {found.n:,} problems that were not "
        f"trained on. Solved, with more than half of the samples correct: "
        f"**{found.solved_after:,}** problems instead of {found.solved_before:,} (McNemar's exact "
        f"test, p\u00a0{p})."
    )


def _made_of(run: Run, results: TrainingResults) -> str:
    """Markdown: problems, sampler and training of the figures."""
    before = results.before
    made = (
        f"{results.after.label} of {results.after.n:,} problems, before and after; ranges are "
        "95 % intervals over problems. Before, the shares of boxed and cut answers and the "
        f"length were {share_and_range(before.boxed)}, {share_and_range(before.truncated)}, "
        f"{before.mean_length.value:.1f} [{amount_range(before.mean_length)}] tokens."
    )
    try:
        recipe = run_recipe(run)
    except ExplorerError:  # resuming the run says what is wrong
        return made
    drawn = recipe.evaluation
    return (
        f"{made} Temperature {drawn.temperature:g}, top-p {drawn.top_p:g}, seed {recipe.seed}, "
        f"preset {plain(recipe.preset)}. {results.training.steps:,} steps trained "
        f"{results.training.trained_parameters:,} of {results.training.parameters:,} parameters."
    )


def _weighted(run: Run) -> str:
    """Markdown: how a teacher weighted the decisions; empty where none did."""
    try:
        found = run_weights(run)
    except ExplorerError:  # resuming the run says what is wrong
        return ""
    return "" if found is None else f" {found.in_words}"


def _families(run: Run, results: TrainingResults) -> None:
    later = {each.family: each.pass_at_1.value for each in results.after.families}
    said = ", ".join(
        f"{each.family or NO_FAMILY} {short_percent(each.pass_at_1.value)} to "
        f"{short_percent(later[each.family])}"
        for each in results.before.families
        if each.family in later
    )
    chart(
        families_chart(results.before.families, results.after.families),
        f"families of {run.id}",
        alt=f"pass@1 by family, before to after: {said}.",
    )
    st.caption("In brackets: problems. Largest gain first. Bars with 95 % intervals.")


def _rates(run: Run, results: TrainingResults) -> None:
    before, after, found = results.before, results.after, results.comparison
    rows = [
        _row(before.label, before.pass_at_1, after.pass_at_1, points(found.difference)),
        *(
            _row(f"pass@{old.k}", old.estimate, new.estimate)
            for old, new in zip(before.pass_at_k[1:], after.pass_at_k[1:], strict=False)
        ),
        _row(f"maj@{before.samples}", before.maj_at_k, after.maj_at_k),
        _row("boxed", before.boxed, after.boxed, points(found.boxed)),
        _row("cut at the token limit", before.truncated, after.truncated),
        _row("no answer found", before.unparseable, after.unparseable),
        (
            "mean length",
            f"{before.mean_length.value:.1f} [{amount_range(before.mean_length)}]",
            f"{after.mean_length.value:.1f} [{amount_range(after.mean_length)}]",
            signed_amount(found.mean_length),
        ),
    ]
    columns = ["figure", "before", "after", "difference"]
    table(pd.DataFrame(rows, columns=columns), f"rates of {run.id}")
    st.caption(
        f"{after.n:,} problems. In brackets: 95 % intervals. Differences in percentage points "
        "or tokens, paired by problem."
    )
    st.download_button(
        "JSON",
        lambda: json_text(results.to_json(), indent=1),
        file_name=f"{run.id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _row(
    name: str, before: Estimate, after: Estimate, difference: str = ""
) -> tuple[str, str, str, str]:
    return name, share_and_range(before), share_and_range(after), difference


def _flips(run: Run, results: TrainingResults, problems: Mapping[str, Problem]) -> None:
    found = results.comparison
    st.markdown(f"**Problems gained ({len(found.gained):,}) and lost ({len(found.lost):,})**")
    st.markdown(_solved(results))
    flips = [("✓ → ✗", key) for key in found.lost] + [("✗ → ✓", key) for key in found.gained]
    if not flips:
        st.caption("No problem changed.")
        return
    rows = [
        (
            sign,
            spreadsheet_safe(problems[key].question if key in problems else ""),
            spreadsheet_safe(key),
        )
        for sign, key in flips
    ]  # Streamlit's export of a table doesn't escape cells
    st.dataframe(
        pd.DataFrame(rows, columns=["", "question", "id"]),
        hide_index=True,
        width="stretch",
        height=min(_FLIPS_HEIGHT, 36 * (len(rows) + 1)),
        column_config={"": st.column_config.TextColumn(width="small")},
        key=f"flips of {run.id}",
    )
    st.caption("✓ solved: more than half of the samples are correct. Lost ones first.")


def _questions() -> None:
    questions(
        [
            "**What is McNemar's p?** The chance of so lopsided a split of the problems that only "
            "one of the two models solves, if either were as likely. The word (better, worse, no "
            "measurable difference) follows the interval of the paired difference. With one sample "
            "each the test asks the same: where the two disagree, the difference is unclear.",
            "**Was the test set looked at?** No: the checkpoint is chosen on held-out training "
            "problems, and the problems of before and after are used once each. Try many recipes "
            "and pick the best by these figures, and they are no longer a fair test.",
            "**Is one run enough?** It is one seed. Repeat it with others before you quote a gain.",
            "**Is it the gate that does it?** Train again with the gate *random* or *low-entropy* "
            "(as many tokens, elsewhere), and with *shuffled advantages*.",
        ]
    )
