"""The teachers that pages offer for a model: the demo's, adapters made by runs here, and the
RL-trained checkpoints that the catalogue pairs with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.distillation.results import TASK as DISTILL_TASK
from core.errors import ExplorerError
from core.kinds import kind_title
from core.lora.run_files import ADAPTER
from core.models.catalogue import Pair, teachers_of
from core.models.spec import DEMO, DEMO_TEACHER, DEMO_TEACHER_FOLDER, absolute_name
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.state import BrowserState

_OFFERED = "pair_offered"


def known_teachers(model: str, folder: RunsFolder) -> dict[str, str]:
    """Labels by the names that load them: the newest run's adapter first, those that were distilled
    from another teacher after the others.

    Args:
        model: name of the base.
        folder: of the runs.
    """
    found: dict[str, str] = {}
    distilled: dict[str, str] = {}
    if model == DEMO and DEMO_TEACHER_FOLDER.is_dir():
        found[DEMO_TEACHER] = "demo teacher (GRPO)"
    try:
        runs = folder.list()
    except ExplorerError:  # the pages about runs say what is wrong with the folder
        return found | teachers_of(model)
    for run in runs:
        adapter = run.folder / ADAPTER
        of_this = run.config.model.get("model") == absolute_name(model)
        if (
            of_this
            and not adapter.is_symlink()
            and (adapter / "adapter_config.json").is_file()
            and run.status().state is RunState.DONE
        ):
            these = distilled if run.config.task == DISTILL_TASK else found
            these[str(adapter.resolve())] = f"{kind_title(run)}: {run.config.name or run.id}"
    return found | distilled | teachers_of(model)


def offer_pair(state: BrowserState, pair: Pair) -> None:
    """Make a pair's checkpoint the teacher on the pages that ask for one, once per pair: later
    changes on those pages stay."""
    if st.session_state.get(_OFFERED) == pair.name:
        return
    st.session_state[_OFFERED] = pair.name
    state.form.put(interventions_key(pair.base), pair.teacher)
    state.form.put(compare_key(pair.base), [pair.teacher])


def interventions_key(model: str) -> str:
    """The form field with the teacher of an intervention run."""
    return f"study teacher of {model}"


def compare_key(model: str) -> str:
    """The form field with the teachers of a comparison."""
    return f"compare teachers of {model}"


def teacher_labels(teachers: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The labels of teachers on a page, each of them unique."""
    labels = [known.get(each, each) for each in teachers]
    return [
        label if labels.count(label) == 1 else f"{label} ({number})"
        for number, label in enumerate(labels, start=1)
    ]
