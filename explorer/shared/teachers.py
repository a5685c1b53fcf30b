"""The teachers that a page offers for a model: the demo's, and adapters made by runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import ExplorerError
from core.models.spec import DEMO, DEMO_TEACHER, DEMO_TEACHER_FOLDER, absolute_name
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState

_ADAPTER = "adapter"  # folder in a run


def known_teachers(model: str, folder: RunsFolder) -> dict[str, str]:
    """Labels of the teachers by the names that load them; the newest run's adapter first.

    Args:
        model: name of the base.
        folder: of the runs.
    """
    found = {}
    if model == DEMO and DEMO_TEACHER_FOLDER.is_dir():
        found[DEMO_TEACHER] = "demo teacher (GRPO)"
    try:
        runs = folder.list()
    except ExplorerError:  # the pages about runs say what is wrong with the folder
        return found
    for run in runs:
        adapter = run.folder / _ADAPTER
        of_this = run.config.model.get("model") == absolute_name(model)
        if (
            of_this
            and not adapter.is_symlink()
            and (adapter / "adapter_config.json").is_file()
            and run.status().state is RunState.DONE
        ):
            found[str(adapter.resolve())] = f"{run.config.task}: {run.config.name or run.id}"
    return found


def teacher_labels(teachers: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Labels of teachers on a page, all different."""
    labels = [known.get(each, each) for each in teachers]
    return [
        label if labels.count(label) == 1 else f"{label} ({number})"
        for number, label in enumerate(labels, start=1)
    ]
