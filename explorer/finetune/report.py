"""Step 4 of a fine-tune: what it did to the accuracy."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import ExplorerError
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.results import TrainingResults, run_recipe
from core.reasonmaxxer.task import TRAIN
from core.records import Problem
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.statistics import Estimate
from core.system.json_text import json_text
from explorer.finetune.chains import chains_before_and_after
from explorer.finetune.charts import families_chart
from explorer.finetune.cost import cost_panel
from explorer.shared.drawing import card, chart, questions, table
from explorer.shared.figures import amount_range, percent, percent_range, points, signed_amount
from explorer.shared.messages import p_value, plain, show_error, teaching_notice, word_badge
from explorer.state import BrowserState


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
    _headline(results)
    _cards(results)
    st.caption(_made_of(run, results))
    teaching_notice(str(run.config.model.get("model", "")))
    for warning in results.training.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    chains_before_and_after(state, run, results.comparison)
    _families_and_flips(run, results, problems)
    _rates(run, results)
    cost_panel(state, run, results.cost)
    _questions()


def _headline(results: TrainingResults) -> None:
    found = results.comparison
    badge = word_badge(found.word)
    p = p_value(found.mcnemar_p).replace(" ", "\u00a0")
    st.markdown(
        f"{badge} The tuned model is right in **{percent(found.after.value)}** of its answers, "
        f"the base in **{percent(found.before.value)}**: **{points(found.difference)}** points, "
        f"paired over {found.n:,} problems that were not trained on.  \n"
        f"Solved, with more than half of the samples right: **{found.solved_after:,}** problems "
        f"instead of {found.solved_before:,}; **{len(found.gained):,}** gained, "
        f"**{len(found.lost):,}** lost (McNemar's exact test, p\u00a0{p})."
    )


def _cards(results: TrainingResults) -> None:
    found, after = results.comparison, results.after
    with st.container(key="tuning_cards"):
        columns = st.columns(6)
    _share_card(columns[0], "Before", found.before, results.before.label)
    _share_card(columns[1], "After", found.after, after.label)
    card(
        columns[2],
        "Difference",
        f"{found.difference.value * 100:+.1f}",
        f"{found.difference.low * 100:+.1f} to {found.difference.high * 100:+.1f}",
        "In percentage points, paired by problem",
    )
    _share_card(
        columns[3],
        "Boxed",
        after.boxed,
        r"Share of samples with their answer in a \boxed{}, after; it falls first when a model "
        "breaks",
    )
    _share_card(
        columns[4],
        "Truncated",
        after.truncated,
        "Share of samples cut at the limit of new tokens, after",
    )
    card(
        columns[5],
        "Mean length",
        f"{after.mean_length.value:.1f}",
        amount_range(after.mean_length),
        "Tokens a completion, after",
    )


def _share_card(column: DeltaGenerator, label: str, estimate: Estimate, about: str) -> None:
    card(column, label, percent(estimate.value), percent_range(estimate), about)


def _made_of(run: Run, results: TrainingResults) -> str:
    """Markdown: problems, sampler and training of the figures."""
    before = results.before
    made = (
        f"{results.after.label} of {results.after.n:,} problems, before and after; ranges are "
        "95 % intervals over problems. Boxed, truncated and length are after; before they were "
        f"{_share(before.boxed)}, {_share(before.truncated)}, "
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


def _families_and_flips(
    run: Run, results: TrainingResults, problems: Mapping[str, Problem]
) -> None:
    families = bool(results.before.families)
    with st.container(key="tuning_families"):
        columns = st.columns([3, 2] if families else 1, gap="medium")
    height = 320
    if families:
        figure = families_chart(results.before.families, results.after.families)
        height = max(height, figure.layout.height - 20)
        with columns[0]:
            st.markdown("**By family**")
            chart(
                figure,
                f"families of {run.id}",
                alt="accuracy of each family of problems before and after training, largest gain "
                "first",
            )
            st.caption("In brackets: problems. Largest gain first. Bars with 95 % intervals.")
    with columns[-1]:
        _flips(run, results, problems, height)


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
        _row("truncated", before.truncated, after.truncated),
        _row("no answer found", before.unparseable, after.unparseable),
        (
            "mean length",
            f"{before.mean_length.value:.1f} [{amount_range(before.mean_length)}]",
            f"{after.mean_length.value:.1f} [{amount_range(after.mean_length)}]",
            signed_amount(found.mean_length),
        ),
    ]
    with st.expander("All figures as a table"):
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
    return name, _share(before), _share(after), difference


def _share(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} [{percent_range(estimate)}]"


def _flips(
    run: Run, results: TrainingResults, problems: Mapping[str, Problem], height: int
) -> None:
    found = results.comparison
    st.markdown(f"**Problems gained ({len(found.gained):,}) and lost ({len(found.lost):,})**")
    flips = [("✓ → ✗", key) for key in found.lost] + [("✗ → ✓", key) for key in found.gained]
    if not flips:
        st.caption("No problem changed sides.")
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
        height=min(height, 36 * (len(rows) + 1)),
        column_config={"": st.column_config.TextColumn(width="small")},
        key=f"flips of {run.id}",
    )
    st.caption("✓ solved: more than half of the samples are right. Lost ones first.")


def _questions() -> None:
    questions(
        [
            "**What is McNemar's p?** The chance of so lopsided a split of the problems that only "
            "one of the two models solves, if either were as likely. The word (better, worse, no "
            "measurable difference) follows the interval of the paired difference; where few "
            "problems change sides the exact test is stricter, and the two may disagree.",
            "**Was the test set looked at?** No: the checkpoint is chosen on held-out training "
            "problems, and the problems of before and after are used once each. Try many recipes "
            "and pick the best by these figures, and they are no longer a fair test.",
            "**Is one run enough?** It is one seed. Repeat it with others before you quote a gain.",
            "**Is it the gate that does it?** Train again with the gate *random* or *low-entropy* "
            "(as many tokens, elsewhere), and with *shuffled advantages*.",
        ]
    )
