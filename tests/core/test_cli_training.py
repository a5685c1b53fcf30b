"""`fork-explorer rollouts` and `train`: their options, and what they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.cli import main
from core.models.spec import DEMO_FOLDER
from core.reasonmaxxer.results import run_recipe
from core.runs.run import Run

pytestmark = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
TINY = ["-k", "4", "--set", "problems=8", "--set", "held_out.problems=0"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fork-explorer", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.training
def test_rollouts_are_sampled_and_trained_from_in_two_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, folder = tmp_path / "rollouts", tmp_path / "tuned"
    assert run(monkeypatch, "rollouts", "--run", str(source), *TINY) == 0
    assert "8 problems, 4 rollouts each; pass@1 0." in capsys.readouterr().out
    evaluation = tmp_path / "mine.jsonl"
    evaluation.write_text(json.dumps({"question": "What is 1+1?", "answer": "2"}))
    train = ["train", "--rollouts", str(source), "--eval-problems", str(evaluation)]
    assert run(monkeypatch, *train, "--run", str(folder), "--tau", "0.9") == 0
    told = capsys.readouterr().out
    assert "The tuned model against its base: " in told
    assert "Teaching model" in told
    recipe = run_recipe(Run.open(folder))
    assert (recipe.gate.tau, recipe.rollouts.samples, recipe.problems) == (0.9, 4, 8)
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()

    for option in (
        ["--seed", "1"],
        ["-k", "3"],
        ["--set", "rollouts.temperature=0.5"],
        ["--set", "examples=2"],
    ):
        assert run(monkeypatch, *train, "--run", str(tmp_path / "no"), *option) == 2
        assert "bring their own" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--preset", "magic"], "The preset 'magic' is unknown"),
        (["--set", "tau"], "has no value"),
        (["--set", "gate.tao=1"], "no setting 'gate.tao'"),
        (["--set", "preset=paper"], "no setting 'preset'"),
        (["--tau", "-1"], "gate.tau"),
        (["--gate", "magic"], "gate.kind"),
        (["--set", "rollouts.temperature=0"], "greedy samples"),
        (["--rollouts", "nowhere"], "holds no run"),
        (["--problems", "nowhere.jsonl"], "The file nowhere.jsonl does not exist"),
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
    assert run(monkeypatch, "train", "--run", "new", *arguments) == 2
    said = capsys.readouterr().err.strip()
    assert told in said
    assert "\n" not in said
    assert not Path("new").exists()


def test_words_and_lists_need_no_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["--set", "training.target_modules=q_proj, v_proj", "--set", "gate.kind=random"]
    assert (
        run(monkeypatch, "rollouts", "--run", str(tmp_path / "a"), *TINY, *settings, "-k", "1") == 0
    )
    recipe = run_recipe(Run.open(tmp_path / "a"))
    assert recipe.training.target_modules == ("q_proj", "v_proj")
    assert recipe.gate.kind == "random"
