"""The results of an evaluation: its figures, the problems, and all else folded away."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.errors import ExplorerError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.earlier import EarlierEvaluation
from core.evaluation.headline import comparison_word, evaluation_headline
from core.evaluation.results import NO_FAMILY, EvaluationResults
from core.evaluation.task import EVALUATE, earlier_evaluation
from core.runs.headline import short_percent
from core.runs.kind import TABLE
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.runs.status import RunState, RunStatus
from explorer.evaluate.charts import family_chart, pass_at_k_chart
from explorer.evaluate.problems import evaluated_problems
from explorer.shared.drawing import chart, questions, table
from explorer.shared.figures import amount_range, percent, percent_range, points, signed_amount
from explorer.shared.folding import folded
from explorer.shared.messages import p_value, plain, show_error, word_badge
from explorer.shared.model_chip import model_chip
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import (
    cut_chains,
    few_problems,
    results_on_screen,
    show_cautions,
    show_headline,
)
from explorer.shared.words import words_panel
from explorer.state import BrowserState


def evaluation_report(state: BrowserState, run: Run, status: RunStatus) -> None:
    """What the run has found so far."""
    found = results_on_screen(EVALUATE, run, status)
    if found is None:
        return
    results, problems = found
    try:
        earlier = earlier_evaluation(run)
    except ExplorerError as error:
        show_error(error)
        return
    show_headline(evaluation_headline(results), _few_figures(results))
    show_cautions(run, [cut_in(run, results), few_problems(results.n)])
    if status.state is RunState.DONE:
        evaluated_problems(state, run, results, problems)
    if results.comparison is not None and earlier is not None:
        _comparison(results.comparison, earlier)
    if results.samples > 1:
        folded("Curve of pass@k", f"curve of {run.id}", partial(_curve, run, results))
    if results.families:
        folded("By family", f"families of {run.id}", partial(_families, run, results))
    words_panel(state, run)
    _figures(run, results)
    _questions(results)


def cut_in(run: Run, results: EvaluationResults, whose: str = "") -> str | None:
    """A sentence about the chains of an evaluation that were cut; None where none were."""
    chains = results.n * results.samples
    return cut_chains(run, round(results.truncated.value * chains) if chains else 0, chains, whose)


def _few_figures(results: EvaluationResults) -> list[tuple[str, str]]:
    n, found = results.samples, []
    if n > 1:
        found += [
            (f"pass@{n}", short_percent(results.pass_at_k[-1].estimate.value)),
            (f"majority of {n}", short_percent(results.maj_at_k.value)),
        ]
    return [
        *found,
        ("boxed", short_percent(results.boxed.value)),
        ("cut", short_percent(results.truncated.value)),
        ("mean length", f"{results.mean_length.value:.0f} tokens"),
    ]


def _comparison(found: EvaluationComparison, earlier: EarlierEvaluation) -> None:
    badge = word_badge(comparison_word(found))
    name = plain(earlier.name or earlier.run_id)
    p = p_value(found.mcnemar_p).replace(" ", "\u00a0")
    st.expander(f"Against {name} {model_chip(earlier.model)} {badge}").markdown(
        f"pass@1 is **{percent(found.after.value)}** instead of {percent(found.before.value)}: "
        f"a difference of **{points(found.difference)}** points, paired over {found.n:,} "
        "problems.  \n"
        f"Solved, with more than half of the samples correct: **{found.solved_after}** problems "
        f"instead of {found.solved_before}; {len(found.gained)} became solved, "
        f"{len(found.lost)} no longer are (McNemar's exact test, p\u00a0{p}).  \n"
        f"Boxed answers {points(found.boxed)} points, mean length "
        f"{signed_amount(found.mean_length)} tokens."
    )


def _curve(run: Run, results: EvaluationResults) -> None:
    first, last = results.pass_at_k[0], results.pass_at_k[-1]
    chart(
        pass_at_k_chart(results.pass_at_k),
        f"pass@k of {run.id}",
        alt=f"Share of problems solved by at least one of k samples, from "
        f"{short_percent(first.estimate.value)} with one sample to "
        f"{short_percent(last.estimate.value)} with {last.k}.",
    )
    st.caption("Band: 95 % intervals over problems.")


def _families(run: Run, results: EvaluationResults) -> None:
    ordered = sorted(results.families, key=lambda each: -each.pass_at_1.value)
    said = ", ".join(
        f"{each.family or NO_FAMILY} {short_percent(each.pass_at_1.value)}" for each in ordered
    )
    chart(
        family_chart(results.families, results.pass_at_1),
        f"By family of {run.id}",
        alt=f"pass@1 by family: {said}.",
    )
    st.caption("In brackets: problems. Dashed line: all problems. Bars with 95 % intervals.")
    _family_table(run, results)


def _figures(run: Run, results: EvaluationResults) -> None:
    shares = [
        (results.label, results.pass_at_1),
        *((f"pass@{each.k}", each.estimate) for each in results.pass_at_k[1:]),
        (f"maj@{results.samples}", results.maj_at_k),
        ("boxed", results.boxed),
        ("cut at the token limit", results.truncated),
        ("no answer found", results.unparseable),
    ]
    length, verdicts, n = results.mean_length, results.verdicts, str(results.n)
    figures = pd.DataFrame(
        [
            *((name, percent(each.value), percent_range(each), n) for name, each in shares),
            ("mean length (tokens)", f"{length.value:.1f}", amount_range(length), n),
        ],
        columns=["figure", "value", "95 % interval", "problems"],
    )
    with st.expander("All figures"):
        table(figures, f"table of {run.id}")
        st.caption(
            f"Samples: {verdicts['correct']:,} correct, {verdicts['wrong']:,} wrong, "
            f"{verdicts['unparseable']:,} without a readable answer, "
            f"{verdicts['timed_out']:,} whose check timed out."
        )
        result_downloads(run, results, TABLE)


def _family_table(run: Run, results: EvaluationResults) -> None:
    differences = {}
    if results.comparison is not None:
        differences = {each.family: each.difference for each in results.comparison.families}
    rows = [
        {
            # Streamlit's export of a table doesn't escape cells
            "family": spreadsheet_safe(NO_FAMILY if each.family is None else each.family),
            "pass@1": percent(each.pass_at_1.value),
            "95 % interval": percent_range(each.pass_at_1),
            **(
                {"difference (points)": points(differences[each.family])}
                if each.family in differences
                else {}
            ),
            "problems": str(each.n),
        }
        for each in results.families
    ]
    table(pd.DataFrame(rows).fillna(""), f"families of {run.id}")


def _questions(results: EvaluationResults) -> None:
    answers = [
        "**What do the ranges mean?** 95 % intervals. Samples of one problem are not independent "
        "of each other, so they are averaged first, and the interval is a bootstrap over "
        "problems: more samples don't make it narrower than the problems allow. With one sample "
        "each, and for the majority vote, it is Wilson's.",
        "**How is pass@k computed?** Without bias, from all samples of a problem: "
        "1 − C(n − c, k) / C(n, k), with c of n correct; then the mean over problems.",
        "**Who votes?** Every sample whose answer can be read. Answers that the checker finds "
        "equal count as one, and a tie goes to the one seen first.",
    ]
    if results.comparison is not None:
        answers.append(
            "**When is it better?** When the paired interval of the difference in pass@1 excludes "
            "0. With one sample each McNemar's test asks the same; where the two disagree, the "
            "difference is called unclear. With several samples the test looks at problems that "
            "are solved more than half of the time. Look at the boxed rate, too: it falls first "
            "when fine-tuning goes wrong."
        )
        if results.families:
            answers.append(
                "**Can I pick the best family?** With many families some intervals exclude 0 by "
                "chance. Take them as hints."
            )
    questions(answers)
