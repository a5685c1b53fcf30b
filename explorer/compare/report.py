"""The results of a comparison: how many tokens change, one chain, and all figures folded away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.disagreement import paper
from core.disagreement.headline import compare_headline
from core.disagreement.results import CompareResults, TeacherSummary
from core.disagreement.task import COMPARE, compared_models
from core.disagreement.token_classes import TokenClass
from core.errors import ExplorerError
from core.records import StopReason
from core.runs.headline import short_percent
from core.runs.kind import TABLE
from core.runs.run import Run
from core.runs.status import RunStatus
from core.statistics import Estimate
from explorer.classroom.here import runs_here
from explorer.compare.chain import compared_chain, compared_records
from explorer.compare.charts import (
    PLACE_NAMES,
    RANK_NAMES,
    entropy_chart,
    place_chart,
    rank_chart,
)
from explorer.compare.divergence import divergence_panel
from explorer.shared.drawing import chart, table
from explorer.shared.figures import amount_and_range, share_and_range
from explorer.shared.folding import folded
from explorer.shared.messages import plain, show_error
from explorer.shared.result_downloads import result_downloads
from explorer.shared.run_results import (
    cut_chains,
    few_problems,
    results_on_screen,
    show_cautions,
    show_headline,
)
from explorer.shared.teachers import known_teachers, teacher_labels
from explorer.shared.words import words_panel
from explorer.state import BrowserState

_RANKS = "share of the changed tokens by the base's rank of the teacher's token"
_ENTROPIES = "the base's entropy where the teacher agrees and where it chooses another token"
_PLACES = "share of the changed tokens by their place in the chain, from start to end"


def compare_report(state: BrowserState, run: Run, status: RunStatus) -> None:
    """What the run has found so far, one of its chains, and all figures folded away."""
    found = results_on_screen(COMPARE, run, status)
    if found is None or not found[0].teachers:
        return
    results = found[0]
    try:
        base, teachers = compared_models(run)
        records = compared_records(run)
    except ExplorerError as error:
        show_error(error)
        return
    names = teacher_labels(teachers, known_teachers(base.model, runs_here()))
    show_headline(compare_headline(results), _few_figures(results, names))
    cut = sum(each.stop_reason is StopReason.LENGTH for each in records)
    show_cautions(
        run,
        [cut_chains(run, cut, len(records), f"of the {results.along}"), few_problems(results.n)],
    )
    compared_chain(state, run, names)
    if any(sum(each.rank_counts) for each in results.teachers):
        folded(
            "Which tokens, how uncertain, and where",
            f"charts of {run.id}",
            partial(_charts, run, results, names),
        )
    folded(
        "How far apart the models are",
        f"divergence of {run.id}",
        partial(divergence_panel, run, results, names),
    )
    words_panel(state, run, names)
    with st.expander("All figures, beside the paper's"):
        _figures(run, results, names)


def _few_figures(results: CompareResults, names: Sequence[str]) -> list[tuple[str, str]]:
    """Of every teacher, where its changes rank; and the base's accuracy."""
    found = []
    for each, name in zip(results.teachers, names, strict=True):
        reranked, shifted = each.counts[TokenClass.RERANKED], each.counts[TokenClass.SHIFTED]
        if reranked + shifted:
            label = f"{name}: " if len(names) > 1 else ""
            found += [
                (f"{label}among the base's top five", f"{reranked:,}"),
                (f"{label}outside them", f"{shifted:,}"),
            ]
        else:
            found.append((name, "agrees everywhere"))
    return [*found, (f"the {results.along}", f"{short_percent(results.accuracy.value)} correct")]


def _figures(run: Run, results: CompareResults, names: Sequence[str]) -> None:
    """`names` are the teachers' labels, in the run's order."""
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


def _charts(run: Run, results: CompareResults, names: Sequence[str]) -> None:
    shown = results.teachers[0]
    with st.container(key="evaluation_charts"):
        left, middle, right = st.columns(3, gap="medium")
    with left:
        st.markdown("**Which tokens it would choose**")
        chart(
            rank_chart(results.teachers, names),
            f"ranks of {run.id}",
            alt="Base ranks of the tokens that the teacher would choose: "
            f"{_counted(RANK_NAMES, shown.rank_counts)}.",
        )
        st.caption("Left of the dashed line: among the base's top five (reranked).")
    with middle:
        st.markdown("**How uncertain the base was**")
        chart(
            entropy_chart(shown),
            f"entropies of {run.id}",
            alt="Entropy of the base: on average "
            f"{amount_and_range(shown.entropy_changed)} nats where the teacher would change a "
            f"token, {amount_and_range(shown.entropy_unshifted, 3)} elsewhere.",
        )
        st.caption(f"Of {plain(names[0])}; the scale is logarithmic.")
    with right:
        st.markdown("**Where in the chain**")
        chart(
            place_chart(results.teachers, names),
            f"places of {run.id}",
            alt=f"Changes by place in the chain: {_counted(PLACE_NAMES, shown.place_counts)}.",
        )
        st.caption("From the first token of the completion to its last.")


def _counted(names: Sequence[str], counts: Sequence[int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count)


def _measures(
    tau: float,
) -> list[tuple[str, Callable[[TeacherSummary], str], str]]:
    """Label, the function that shows a teacher's figure, and the paper's range."""
    return [
        ("unshifted", lambda each: _share(each.unshifted), _range(paper.UNSHIFTED, 100, " %")),
        ("reranked", lambda each: _share(each.reranked), _range(paper.RERANKED, 100, " %")),
        (
            "shifted",
            lambda each: _share(each.shifted),
            f"{_range(paper.SHIFTED, 100, ' %')} in its text, "
            f"{_range(paper.SHIFTED_IN_TABLE_2, 100, ' %')} in its Table 2",
        ),
        ("changed tokens per chain", lambda each: amount_and_range(each.changed_per_chain), ""),
        (
            "mean base rank of changes",
            lambda each: amount_and_range(each.mean_base_rank),
            _range(paper.MEAN_BASE_RANK),
        ),
        ("base entropy at changes (nats)", lambda each: amount_and_range(each.entropy_changed), ""),
        (
            "base entropy elsewhere (nats)",
            lambda each: amount_and_range(each.entropy_unshifted, 3),
            "",
        ),
        (
            "entropy ratio",
            lambda each: amount_and_range(each.entropy_ratio, 1),
            _range(paper.ENTROPY_RATIO),
        ),
        (
            "JS divergence (nats per token)",
            lambda each: amount_and_range(each.js_divergence, 4),
            "",
        ),
        (
            f"divergence at uncertain tokens (H > {tau:g})",
            lambda each: _share(each.js_above_tau),
            "",
        ),
        (
            "tokens / chains",
            lambda each: f"{each.tokens:,} / {each.changed_per_chain.n:,}",
            "",
        ),
    ]


def _share(estimate: Estimate) -> str:
    return share_and_range(estimate, 2)


def _range(ends: tuple[float, float], scale: float = 1, unit: str = "") -> str:
    low, high = (f"{scale * end:g}" for end in ends)
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"
