"""A run's copy of the evaluation that it is compared with, kept in its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from core.errors import FileError, RunError
from core.evaluation.records import ProblemSamples
from core.models.spec import ModelSpec
from core.records import SCHEMA_VERSION, check_schema_version
from core.runs.models import read_model


@dataclass(frozen=True)
class EarlierEvaluation:
    """A finished evaluation: its run, its model and all its records."""

    run_id: str
    name: str  # given by a person; may be empty
    model: ModelSpec
    records: tuple[ProblemSamples, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id,
            "name": self.name,
            "model": asdict(self.model),
            "records": [record.to_json() for record in self.records],
        }

    @staticmethod
    def from_json(data: Any) -> EarlierEvaluation:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        check_schema_version(data, "evaluation", FileError)
        try:
            return EarlierEvaluation(
                str(data["run_id"]),
                str(data["name"]),
                read_model(data["model"]),
                tuple(ProblemSamples.from_json(each) for each in data["records"]),
            )
        except (LookupError, TypeError, AttributeError, RunError, FileError) as error:
            raise FileError(
                "The copy of the earlier evaluation is damaged.",
                "Delete against.json in the run's folder and resume the run.",
            ) from error
