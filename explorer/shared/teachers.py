"""The teachers that pages offer for a model: the demo's, and adapters made by runs here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import ExplorerError
from core.kinds import kind_title
from core.lora.run_files import ADAPTER
from core.models.spec import DEMO, DEMO_TEACHER, DEMO_TEACHER_FOLDER, absolute_name
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState


def known_teachers(model: str, folder: RunsFolder) -> dict[str, str]:
    """Labels by the names that load them; the newest run's adapter first.

    Args:
        model: the base, as the person chose it.
        folder: where the runs are.
    """
    found = {}
    if model == DEMO and DEMO_TEACHER_FOLDER.is_dir():
        found[DEMO_TEACHER] = "demo teacher (GRPO)"
    try:
        runs = folder.list()
    except ExplorerError:  # the pages about runs say what is wrong with the folder
        return found
    for run in runs:
        adapter = run.folder / ADAPTER
        of_this = run.config.model.get("model") == absolute_name(model)
        if (
            of_this
            and not adapter.is_symlink()
            and (adapter / "adapter_config.json").is_file()
            and run.status().state is RunState.DONE
        ):
            found[str(adapter.resolve())] = f"{kind_title(run)}: {run.config.name or run.id}"
    return found


def teacher_labels(teachers: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The labels of teachers on a page, each of them unique."""
    labels = [known.get(each, each) for each in teachers]
    return [
        label if labels.count(label) == 1 else f"{label} ({number})"
        for number, label in enumerate(labels, start=1)
    ]
