"""The kinds of run. A new kind is one entry here, beside its `RunKind` and its command.

Only names: a kind itself is imported when it is needed, since it brings torch with it, and a list
of runs must not wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from core.errors import RunError

if TYPE_CHECKING:
    from core.runs.kind import RunKind
    from core.runs.run import Run


@dataclass(frozen=True)
class KindEntry:
    """How a kind of run is shown and found. Its name is that of its command, too."""

    title: str  # one run of it, as people read it
    page: str  # the screen that shows its runs
    place: str  # of its `RunKind`, as module:name

    def load(self) -> RunKind[Any, Any]:
        """The kind: its settings, its work, how its results are read."""
        kind: RunKind[Any, Any] = resolve_name(self.place)
        return kind


KINDS: dict[str, KindEntry] = {
    "interventions": KindEntry(
        "Intervention study", "interventions", "core.interventions.task:INTERVENTIONS"
    ),
    "compare": KindEntry("Comparison", "compare", "core.disagreement.task:COMPARE"),
    "distill": KindEntry("Distillation", "compare", "core.distillation.task:DISTIL"),
    "rollouts": KindEntry("Rollouts", "finetune", "core.reasonmaxxer.task:SAMPLE_ROLLOUTS"),
    "train": KindEntry("Fine-tune", "finetune", "core.reasonmaxxer.task:TRAIN"),
    "study": KindEntry("Study", "finetune", "core.studies.task:STUDY"),
    "distill-study": KindEntry(
        "Distillation study", "finetune", "core.studies.distillations:DISTILL_STUDY"
    ),
    "evaluate": KindEntry("Evaluation", "evaluate", "core.evaluation.task:EVALUATE"),
}
"""By the name that stands in the config of every run of the kind."""


def kind_entry(run: Run) -> KindEntry:
    """The entry of a run's kind.

    Raises:
        RunError: this program has no such kind.
    """
    try:
        return KINDS[run.config.task]
    except KeyError as error:
        raise RunError(
            f"This program doesn't know runs of the kind {run.config.task}.", "Update the program."
        ) from error


def kind_title(run: Run) -> str:
    """What kind of run it is, for people; its own word for kinds of newer versions."""
    entry = KINDS.get(run.config.task)
    return run.config.task if entry is None else entry.title
