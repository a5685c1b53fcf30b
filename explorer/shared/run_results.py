"""The results of a run on its page, so far or at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import streamlit as st

from core.errors import ExplorerError
from core.records import Problem
from core.runs.kind import RunKind, TableResults
from core.runs.run import Run
from core.runs.status import RunState, RunStatus
from explorer.shared.messages import show_error


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
        st.info(
            f"So far: {results.n} of {len(problems)} problems.", icon=":material/hourglass_top:"
        )
    return results, problems
