"""A folder of runs that was moved or copied from elsewhere: its runs find each other again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from claim_runs import make, scope_in

from core.claims.decoding_steps import COMPARISON
from core.claims.rules import Verdict
from core.claims.table import claims_table
from core.models.spec import DEMO_FOLDER
from core.runs.config import RunPlan
from core.runs.references import found
from core.runs.run import Run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a run that has an adapter."""
    folder = tmp_path / "runs"
    (folder / "train-a" / "adapter").mkdir(parents=True)
    (folder / "train-a" / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("elsewhere", ["/home/ann/runs", "/", "C:\\Users\\ann\\runs", "\\\\nas\\a"])
@pytest.mark.parametrize("inside", ["train-a/adapter", "train-a"])
def test_what_lies_beside_is_found(runs: Path, elsewhere: str, inside: str) -> None:
    if "\\" in elsewhere:
        name = f"{elsewhere}\\{inside}".replace("/", "\\")
    else:
        name = f"{elsewhere.rstrip('/')}/{inside}"
    assert found(name, runs) == str(runs / inside)


@pytest.mark.parametrize(
    "name",
    [
        "demo-teacher",
        "org/model",
        "train-a/adapter",  # not whole
        "/home/ann/runs/train-b/adapter",  # another run
        "/home/ann/runs/train-a/checkpoints",  # which it doesn't have
        "/home/ann/runs/train-a/../train-a/adapter",
        "/home/ann/adapter",
        "/",
        "",
        "/nul\0/train-b",
        "/" + 5000 * "x" + "/train-b",
    ],
)
def test_anything_else_is_as_it_is_called(runs: Path, name: str) -> None:
    assert found(name, runs) == name


def test_what_is_still_there_is_taken(runs: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(runs, tmp_path / "copy"))
    assert found(str(runs / "train-a" / "adapter"), copied) == str(runs / "train-a" / "adapter")


def test_a_moved_run_knows_its_model_teachers_and_earlier_runs(tmp_path: Path) -> None:
    place = tmp_path / "here"
    first = Run.create(place, "train", RunPlan({}, {"model": "demo"}, 0))
    (first.folder / "adapter").mkdir()
    adapter = str(first.folder / "adapter")
    plan = RunPlan(
        {},
        {"model": "demo", "adapter": adapter, "dtype": "float32"},
        0,
        teachers=[adapter, "demo-teacher"],
        inputs={"rollouts": str(first.folder)},
    )
    second = Run.create(place, "train", plan)
    before = (second.folder / "config.json").read_bytes()
    there = Path(shutil.move(place, tmp_path / "there"))
    moved = Run.open(there / second.id)
    assert moved.config.model == {
        "model": "demo",
        "adapter": str(there / first.id / "adapter"),
        "dtype": "float32",
    }
    assert moved.config.teachers == (str(there / first.id / "adapter"), "demo-teacher")
    assert moved.config.inputs == {"rollouts": str(there / first.id)}
    assert (moved.folder / "config.json").read_bytes() == before, "reading changes nothing"
    moved.label(name="mine")
    assert moved.config.teachers[0] == str(there / first.id / "adapter")


@pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="the demo model is not built")
def test_claims_of_a_moved_folder_stay_measured(tmp_path: Path) -> None:
    place = tmp_path / "here"
    compared = make(place, COMPARISON)
    trained = Run.create(place, "train", RunPlan({}, {"model": "demo"}, 0))
    (trained.folder / "adapter").mkdir()
    config = compared.folder / "config.json"
    data = json.loads(config.read_text()) | {"teachers": [str(trained.folder / "adapter")]}
    config.write_text(json.dumps(data))
    there = Path(shutil.move(place, tmp_path / "there"))
    scope = scope_in(there, teacher=str(there / trained.id / "adapter"))
    (row,) = claims_table(scope, ["rm-rank"])
    assert row.verdict is Verdict.HOLDS
