"""The results of a distillation: accuracy of base, teacher and student, sizes, cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from core.distillation.recipe import DistillationRecipe
from core.errors import RunError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.results import EvaluationResults
from core.lora.cost import Cost
from core.models.spec import ModelSpec
from core.records import SCHEMA_VERSION
from core.runs.models import base_and_teachers
from core.runs.result_files import LARGEST, Count, Share, reading_results, unknown
from core.runs.run import Run
from core.runs.settings import checked_settings


@dataclass(frozen=True)
class TeacherSummary:
    """The teacher's rollouts that the student was trained on."""

    problems: Count
    rollouts: Count
    right: Count  # rollouts with the right answer; the others are trained on, too
    tokens: Count  # of their completions
    top_k: Count  # tokens kept a position
    kept_mass: Share  # mean share of the teacher's probability


@dataclass(frozen=True)
class DistillationSummary:
    """The training itself."""

    steps: Count  # optimizer steps
    first_kl: float | None  # nats a position: the first step's loss, and the mean of the last ten
    last_kl: float | None
    rank: Count
    alpha: Count
    target_modules: tuple[str, ...]
    trained_parameters: Count
    parameters: Count  # of the base

    @property
    def trained_share(self) -> float:
        """Trained parameters as a share of the base's."""
        return self.trained_parameters / self.parameters if self.parameters else 0.0


@dataclass(frozen=True)
class DistillationResults:
    """A distillation from the teacher's rollouts to the last evaluation."""

    rollouts: TeacherSummary
    training: DistillationSummary
    base: EvaluationResults
    teacher: EvaluationResults
    student: EvaluationResults
    against_teacher: EvaluationComparison  # student, less teacher
    against_base: EvaluationComparison  # student, less base
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        return {
            "schema_version": SCHEMA_VERSION,
            "rollouts": asdict(self.rollouts),
            "training": {**asdict(self.training), "trained_share": self.training.trained_share},
            "base": self.base.to_json(),
            "teacher": self.teacher.to_json(),
            "student": self.student.to_json(),
            "against_teacher": self.against_teacher.to_json(),
            "against_base": self.against_base.to_json(),
            "cost": self.cost.to_json(),
        }

    @staticmethod
    def from_json(data: Any) -> DistillationResults:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        with reading_results(data):
            results = DistillationResults(
                rollouts=_TEACHER.validate_python(data["rollouts"]),
                training=_TRAINING.validate_python(data["training"]),
                base=EvaluationResults.from_json(data["base"]),
                teacher=EvaluationResults.from_json(data["teacher"]),
                student=EvaluationResults.from_json(data["student"]),
                against_teacher=EvaluationComparison.from_json(data["against_teacher"]),
                against_base=EvaluationComparison.from_json(data["against_base"]),
                cost=_COST.validate_python(unknown(data["cost"])),
            )
            _check(results)
        return results


def _check(results: DistillationResults) -> None:
    """Raise a ValueError for counts and names that a distillation can't have."""
    rollouts, training, cost = results.rollouts, results.training, results.cost
    " ".join((*training.target_modules, *cost.seconds)).encode("utf-8")
    numbers = [
        *(each for each in vars(cost).values() if isinstance(each, int | float)),
        *cost.seconds.values(),
        *(each for each in (training.first_kl, training.last_kl) if each is not None),
    ]
    sizes = {each.n for each in (results.base, results.teacher, results.student)}
    whole = (
        all(0 <= each <= LARGEST for each in numbers)
        and rollouts.right <= rollouts.rollouts
        and training.trained_parameters > 0
        and training.parameters > 0
        and sizes == {results.against_teacher.n} == {results.against_base.n}
    )
    if not whole:
        raise ValueError("impossible numbers")


_TEACHER = TypeAdapter(TeacherSummary)
_TRAINING = TypeAdapter(DistillationSummary)
_COST = TypeAdapter(Cost)


TASK = "distill"


ROLLOUTS, TEACHER, BASE, STUDENT = "rollouts/", "teacher/", "base/", "student/"
"""Prefixes of its units: the teacher's rollouts, and the evaluations of all three."""


ASKED = "asked"
"""Key of the unit with the end tokens and the vocabulary size of the three models."""


PHASES_BEFORE = ("teacher", "base")
"""Names of the phases before the training, or their prefixes."""


TOP_K = "teacher_top_k"
"""The folder of the teacher's most probable tokens."""


TEACHER_FROM = "teacher_from"
"""Key in a run's inputs: the distillation whose teacher's work is reused."""


def distillation_recipe(run: Run) -> DistillationRecipe:
    """The recipe of a distillation.

    Raises:
        RunError: it can't be read, or is out of range.
    """
    return checked_settings(DistillationRecipe, run.config.settings)


def teacher_source(run: Run) -> Path | None:
    """The folder of the distillation whose teacher's work is reused; None without one."""
    found = run.config.inputs.get(TEACHER_FROM)
    return None if found is None else Path(found)


def distillation_models(run: Run) -> tuple[ModelSpec, str]:
    """The base and the teacher of a distillation.

    Raises:
        RunError: they can't be read.
    """
    base, teachers = base_and_teachers(run)
    if len(teachers) != 1:
        raise RunError(
            f"This run has {len(teachers)} teachers instead of one.", "Prepare a new run."
        )
    return base, teachers[0]
