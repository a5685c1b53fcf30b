"""Runs that were stored in November 2026, before config.json had `teachers` and `inputs`, open."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.disagreement.task import COMPARE, compared_models
from core.distillation.results import distillation_models, distillation_recipe, teacher_source
from core.distillation.task import DISTIL
from core.errors import RunError
from core.evaluation.task import EVALUATE, earlier_evaluation
from core.interventions.task import INTERVENTIONS, run_models
from core.models.spec import ModelSpec
from core.reasonmaxxer.results import run_recipe
from core.reasonmaxxer.rollouts import rollout_records
from core.reasonmaxxer.task import TRAIN
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
NAMES = sorted(folder.name for folder in STORED.iterdir())


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORED, tmp_path / "runs"))


def run(name: str) -> Run:
    return Run.open(STORED / name)


def test_there_is_one_of_every_kind() -> None:
    tasks = {run(name).config.task for name in NAMES}
    assert tasks == {"evaluate", "interventions", "compare", "rollouts", "train", "distill"}


def test_all_are_listed_as_done(runs: Path) -> None:
    listed = RunsFolder(runs).list()
    assert sorted(each.id for each in listed) == NAMES
    assert {each.status().state.value for each in listed} == {"done"}


def test_links_stand_in_fields_of_their_own() -> None:
    found = {name: (run(name).config.teachers, run(name).config.inputs) for name in NAMES}
    assert found == {
        "compare": (("demo-teacher",), {}),
        "distill": (("demo-teacher",), {}),
        "evaluate-against": ((), {"against": str(STORED / "evaluate-first")}),
        "evaluate-first": ((), {}),
        "interventions": (("demo-teacher",), {}),
        "interventions-alone": ((), {}),
        "rollouts": ((), {}),
        "train": ((), {"rollouts_from": str(STORED / "rollouts")}),
    }
    for name in NAMES:
        assert {"teacher", "teachers"} & run(name).config.model.keys() == set()
        assert {"against", "rollouts_from", "teacher_from"} & run(
            name
        ).config.settings.keys() == set()


READERS: dict[str, list[Callable[[Run], Any]]] = {
    "compare": [COMPARE.results_of, COMPARE.settings_of, COMPARE.records_of, compared_models],
    "distill": [distillation_models, distillation_recipe, DISTIL.results_of],
    "evaluate-against": [
        EVALUATE.records_of, EVALUATE.results_of, EVALUATE.settings_of, earlier_evaluation,
    ],
    "evaluate-first": [EVALUATE.records_of, EVALUATE.results_of, EVALUATE.settings_of],
    "interventions": [
        INTERVENTIONS.records_of, INTERVENTIONS.results_of, INTERVENTIONS.settings_of, run_models,
    ],
    "interventions-alone": [
        INTERVENTIONS.records_of, INTERVENTIONS.results_of, INTERVENTIONS.settings_of,
    ],
    "rollouts": [run_recipe, rollout_records],
    "train": [run_recipe, TRAIN.results_of],
}  # fmt: skip


@pytest.mark.parametrize(("name", "reader"), [(n, each) for n in NAMES for each in READERS[n]])
def test_what_they_found_is_read(name: str, reader: Callable[[Run], Any]) -> None:
    found = reader(run(name))
    assert found is not None
    if isinstance(found, list):
        assert len(found) == len(run(name).problems())


def test_models_and_teachers_are_what_they_were() -> None:
    assert run_models(run("interventions")) == (ModelSpec(), "demo-teacher")
    assert run_models(run("interventions-alone")) == (ModelSpec(), None)
    assert compared_models(run("compare")) == (ModelSpec(), ["demo-teacher"])
    assert distillation_models(run("distill")) == (ModelSpec(), "demo-teacher")
    assert teacher_source(run("distill")) is None


def test_one_of_them_is_repeated_with_its_links(tmp_path: Path) -> None:
    again = run("evaluate-against").repeat(tmp_path)
    assert again.config.inputs == {"against": str(STORED / "evaluate-first")}
    assert Run.open(again.folder).config == again.config


def test_a_renamed_one_keeps_its_links(runs: Path) -> None:
    renamed = Run.open(runs / "interventions")
    renamed.rename("another name")
    assert Run.open(renamed.folder).config.teachers == ("demo-teacher",)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model", {"teacher": {}}),
        ("model", {"teachers": 5}),
        ("model", {"teachers": [None]}),
        ("settings", {"against": ["x"]}),
        (None, {"teachers": "demo-teacher"}),
        (None, {"inputs": {"against": 5}}),
    ],
)
def test_links_of_the_wrong_type_are_said(
    runs: Path, field: str | None, change: dict[str, Any]
) -> None:
    path = runs / "interventions-alone" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | ({field: config[field] | change} if field else change)))
    with pytest.raises(RunError, match="damaged"):
        Run.open(path.parent)
