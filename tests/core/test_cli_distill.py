"""`fork-explorer distill`: its options, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.cli import main
from core.distillation.results import distillation_recipe
from core.distillation.task import DISTIL
from core.models.spec import DEMO_FOLDER
from core.problems.problem_sets import DEMO_PROBLEMS
from core.runs.run import Run

pytestmark = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
TINY = ["--set", "problems=3", "--set", "rollouts.samples=1", "--set", "max_new_tokens=80"]
TINY += ["--set", "training.epochs=2"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fork-explorer", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.training
def test_two_sizes_are_distilled_in_two_commands(
    random_teacher: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = tmp_path / "measured.jsonl"
    measured.write_text("\n".join(DEMO_PROBLEMS.read_text().splitlines()[:2]))
    common = ["distill", "--teacher", random_teacher, "--eval-problems", str(measured), *TINY]
    large, small = tmp_path / "large", tmp_path / "small"
    assert run(monkeypatch, *common, "--run", str(large)) == 0
    told = capsys.readouterr().out
    assert "Rank 32 on q_proj, k_proj, v_proj, o_proj: 229,376 parameters, 7.17 %" in told
    for line in ("base ", "teacher ", "student ", "student less teacher", "student less base"):
        assert f"\n{line}" in told
    assert "n = 2" in told
    assert "Teaching model" in told
    results = DISTIL.results_of(Run.open(large))
    assert results is not None
    assert f"student less teacher    {results.against_teacher.difference.value:+.3f} [" in told

    smaller = ["--rank", "8", "--targets", "o_proj", "--teacher-from", str(large), "--json"]
    assert run(monkeypatch, *common, "--run", str(small), *smaller) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["training"]["target_modules"] == ["o_proj"]
    assert data["training"]["trained_parameters"] == 4 * 8 * (256 + 256)
    assert data["teacher"] == results.to_json()["teacher"]
    recipe = distillation_recipe(Run.open(small))
    assert (recipe.training.lora_rank, recipe.training.alpha, recipe.problems) == (8, 16, 3)

    assert run(monkeypatch, "distill", "--run", str(small), "--resume", "--rank", "4") == 2
    assert "has its settings already, so --rank can't be given" in capsys.readouterr().err
    other = ["--run", str(tmp_path / "no"), "--teacher-from", str(large), "--seed", "7"]
    assert run(monkeypatch, *common, *other) == 2
    assert "is of another kind" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "No teacher is named"),
        (["--teacher", "./nowhere/at/all"], "no model folder"),
        (["--teacher", "demo", "--preset", "magic"], "The preset 'magic' is unknown"),
        (["--teacher", "demo", "--set", "rank=3"], "no setting 'rank'"),
        (["--teacher", "demo", "--targets", ","], "target_modules"),
        (["--teacher", "demo", "--teacher-from", "nowhere"], "holds no run"),
        (["--teacher", "demo", "--problems", str(DEMO_PROBLEMS)], "evaluated on, too"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "distill", "--run", "new", *arguments) == 2
    said = capsys.readouterr().err.strip()
    assert told in said
    assert "\n" not in said
    assert not Path("new").exists()
