"""The results of an evaluation: figures with their intervals, charts, table, comparison."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.errors import ExplorerError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.earlier import EarlierEvaluation
from core.evaluation.results import NO_FAMILY, EvaluationResults
from core.evaluation.task import EVALUATE, earlier_evaluation
from core.models.spec import ModelSpec
from core.runs.kind import TABLE
from core.runs.models import read_model
from core.runs.result_files import spreadsheet_safe
from core.runs.run import Run
from core.runs.status import RunState, RunStatus
from explorer.evaluate.charts import family_chart, pass_at_k_chart
from explorer.evaluate.problems import evaluated_problems
from explorer.shared.drawing import card, chart, questions, table
from explorer.shared.figures import amount_range, percent, percent_range, points, signed_amount
from explorer.shared.messages import p_value, plain, show_error, teaching_notice, word_badge
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import results_on_screen
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
    _cards(results)
    st.caption(f"{_made_of(run, results)} Ranges are 95 % intervals over problems.")
    teaching_notice(str(run.config.model.get("model", "")))
    if results.comparison is not None and earlier is not None:
        _comparison(results.comparison, earlier)
    _charts(run, results)
    _tables(run, results)
    if status.state is RunState.DONE:
        evaluated_problems(state, run, results, problems)
    _questions(results)


def _cards(results: EvaluationResults) -> None:
    n = results.samples
    mean = f"The mean of {n} samples a problem" if n > 1 else "One sample a problem"
    cards = [("pass@1", results.pass_at_1, f"{mean}, over all problems")]
    if n > 1:
        cards += [
            (
                f"pass@{n}",
                results.pass_at_k[-1].estimate,
                f"Share of problems that at least one of {n} samples solves",
            ),
            (
                f"maj@{n}",
                results.maj_at_k,
                f"Share of problems whose most frequent answer of {n} is right",
            ),
        ]
    cards += [
        ("Boxed", results.boxed, r"Share of samples with their answer in a \boxed{}"),
        ("Truncated", results.truncated, "Share of samples cut at the limit of new tokens"),
    ]
    with st.container(key="evaluation_cards"):
        columns = st.columns(len(cards) + 1)
    for column, (label, estimate, about) in zip(columns, cards, strict=False):
        card(column, label, percent(estimate.value), percent_range(estimate), about)
    length = results.mean_length
    interval = amount_range(length)
    card(columns[-1], "Mean length", f"{length.value:.1f}", interval, "Tokens a completion")


def _made_of(run: Run, results: EvaluationResults) -> str:
    """Markdown: problems, samples, model and sampler of the figures."""
    made = f"{results.n:,} problems, {results.samples} sample{'s' * (results.samples != 1)} each"
    try:
        spec, settings = read_model(run.config.model), EVALUATE.settings_of(run)
    except ExplorerError:  # opening or resuming the run says what is wrong
        return f"{made}."
    drawn = f"temperature {settings.temperature:g}, top-p {settings.top_p:g}"
    return (
        f"{made}, by {_name(spec)}: {'greedy' if settings.sampler.greedy else drawn}, "
        f"seed {settings.seed}."
    )


def _name(spec: ModelSpec) -> str:
    """Markdown: a model and its adapter."""
    return plain(spec.model) + (f" with the adapter {plain(spec.adapter)}" if spec.adapter else "")


def _comparison(found: EvaluationComparison, earlier: EarlierEvaluation) -> None:
    badge = word_badge(found.word)
    name = plain(earlier.name or earlier.run_id)
    p = p_value(found.mcnemar_p).replace(" ", "\u00a0")
    st.markdown(f"**Against {name}** ({_name(earlier.model)}) {badge}")
    st.markdown(
        f"pass@1 is **{percent(found.after.value)}** instead of {percent(found.before.value)}: "
        f"a difference of **{points(found.difference)}** points, paired over {found.n:,} "
        "problems.  \n"
        f"Solved, with more than half of the samples right: **{found.solved_after}** problems "
        f"instead of {found.solved_before}; {len(found.gained)} became solved, "
        f"{len(found.lost)} no longer are (McNemar's exact test, p\u00a0{p}).  \n"
        f"Boxed answers {points(found.boxed)} points, mean length "
        f"{signed_amount(found.mean_length)} tokens."
    )


def _charts(run: Run, results: EvaluationResults) -> None:
    charts = []
    if results.samples > 1:
        charts.append(
            (
                "pass@k",
                pass_at_k_chart(results.pass_at_k),
                "Band: 95 % intervals over problems.",
                f"share of problems solved by one of k samples, from "
                f"{percent(results.pass_at_k[0].estimate.value)} for k = 1 to "
                f"{percent(results.pass_at_k[-1].estimate.value)} for k = {results.samples}",
            )
        )
    if results.families:
        charts.append(
            (
                "By family",
                family_chart(results.families, results.pass_at_1),
                "In brackets: problems. Dashed line: all problems. Bars with 95 % intervals.",
                f"pass@1 of {len(results.families)} families of problems, best first",
            )
        )
    if not charts:
        return
    with st.container(key="evaluation_charts"):
        columns = st.columns(len(charts), gap="medium")
    for column, (title, figure, caption, alt) in zip(columns, charts, strict=True):
        with column:
            st.markdown(f"**{title}**")
            chart(figure, f"{title} of {run.id}", alt=alt)
            st.caption(caption)


def _tables(run: Run, results: EvaluationResults) -> None:
    shares = [
        (results.label, results.pass_at_1),
        *((f"pass@{each.k}", each.estimate) for each in results.pass_at_k[1:]),
        (f"maj@{results.samples}", results.maj_at_k),
        ("boxed", results.boxed),
        ("truncated", results.truncated),
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
    with st.expander("All figures as a table"):
        table(figures, f"table of {run.id}")
        st.caption(
            f"Samples: {verdicts['correct']:,} right, {verdicts['wrong']:,} wrong, "
            f"{verdicts['unparseable']:,} without a readable answer, "
            f"{verdicts['timed_out']:,} whose check timed out."
        )
        if results.families:
            _family_table(run, results)
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
        "1 − C(n − c, k) / C(n, k), with c of n right; then the mean over problems.",
        "**Who votes?** Every sample whose answer can be read. Answers that the checker finds "
        "equal count as one, and a tie goes to the one seen first.",
    ]
    if results.comparison is not None:
        answers.append(
            "**When is it better?** When the paired interval of the difference in pass@1 excludes "
            "0. McNemar's test looks at solved problems only, so the two may disagree where "
            "problems are half solved. Look at the boxed rate, too: it falls first when "
            "fine-tuning goes wrong."
        )
        if results.families:
            answers.append(
                "**Can I pick the best family?** With many families some intervals exclude 0 by "
                "chance. Take them as hints."
            )
    questions(answers)
