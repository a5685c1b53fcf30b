"""The results of a run on its page: one sentence, its few figures, and what changes how to read
them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import streamlit as st

from core.errors import ExplorerError
from core.records import Problem
from core.runs.headline import FEW, Headline, counted
from core.runs.kind import RunKind, TableResults
from core.runs.run import Run
from core.runs.status import RunState, RunStatus
from explorer.shared.messages import plain, show_error, teaching_notice

_MANY_CUT = 0.05  # share of chains that reached the limit, from which it is a warning


class CountedResults(TableResults, Protocol):
    """Results with their number of problems."""

    @property
    def n(self) -> int: ...


_Results = TypeVar("_Results", bound=CountedResults)


def results_on_screen(
    kind: RunKind[Any, _Results], run: Run, status: RunStatus
) -> tuple[_Results, Mapping[str, Problem]] | None:
    """The results of a run and its problems by id; says so if the run is not finished.

    None if there are no results yet, or if a file is damaged, which is shown.
    """
    try:
        results = kind.results_of(run)
        problems = {problem.id: problem for problem in run.problems()}
    except ExplorerError as error:
        show_error(error)
        return None
    if results is None:
        return None
    if status.state is not RunState.DONE:
        st.caption(f":material/hourglass_top: So far: {results.n} of {len(problems)} problems.")
    return results, problems


def show_headline(headline: Headline, figures: Sequence[tuple[str, str]] = ()) -> None:
    """The result of a run: its figure, the largest thing on the page, its sentence, and a few more
    figures.

    Args:
        headline: of the run.
        figures: labels and values, in plain text.
    """
    with st.container(gap="small", key="run_headline"):
        st.container(key="run_figure").markdown(plain(headline.figure))
        st.container(key="run_sentence").markdown(plain(headline.sentence))
    if figures:
        shown = [f"{plain(label)} **{plain(value)}**" for label, value in figures]
        with st.container(key="run_figures"):
            st.markdown("   ·   ".join(shown))


def show_cautions(run: Run, cautions: Sequence[str | None]) -> None:
    """What changes how a result is to be read, beside it; None is nothing.

    Args:
        run: of the result, whose model may be the demo.
        cautions: sentences in markdown.
    """
    said = [each for each in cautions if each]
    with st.container(gap="xsmall", key="run_cautions"):
        if said:
            st.warning("  \n".join(said), icon=":material/warning:")
        teaching_notice(str(run.config.model.get("model", "")))


def cut_chains(run: Run, cut: int, chains: int, whose: str = "") -> str | None:
    """A sentence about the chains that reached the limit of new tokens; None where none did.

    Args:
        run: with the limit, and with the stop strings.
        cut: number of these chains.
        chains: all of them.
        whose: "of the base", say.
    """
    if not cut or not chains:
        return None
    settings = run.config.settings
    limit = settings.get("max_new_tokens")
    at = f" at {limit:,} tokens" if isinstance(limit, int) else ""
    of = f" {whose}" if whose else ""
    said = (
        f"**{cut:,} of {counted(chains, 'chain')}{of} {'was' if cut == 1 else 'were'} cut{at}**: "
        "raise *Max new tokens*"
    )
    if cut < _MANY_CUT * chains:
        return f"{said} if these matter."
    if settings.get("stop") == []:
        return f"{said}, or give *Stop strings*, since a base model runs on after its answer."
    return f"{said}, or an answer may be missing."


def few_problems(n: int) -> str | None:
    """A sentence about a small number of problems; None for enough of them."""
    if n >= FEW:
        return None
    return (
        f"**Only {counted(n, 'problem')}**: the interval is wide. Run more problems before you "
        "compare figures."
    )
