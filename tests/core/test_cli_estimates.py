"""Commands that are runs say before they start how long they take; --estimate starts nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import run_command
from core.errors import ModelError
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import write_problems
from core.records import Problem
from core.runs.context import DONE
from core.runs.estimate import PhaseEstimate, RunEstimate
from core.runs.measurements import Meter
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.system.environment import cache_folder

PROBLEMS = [Problem(f"p{i}", "x" * (i % 7 + 1), "1", source="made up") for i in range(20)]
HOURS = RunEstimate((PhaseEstimate("sampling", 7500, 6000, 9000, "sampling", "samples"),))


@pytest.fixture
def asked(tmp_path: Path, tiny_model: str) -> tuple[object, ...]:
    write_problems(tmp_path / "p.jsonl", PROBLEMS)
    return ("--model", tiny_model, "--problems", tmp_path / "p.jsonl", "--prompt-style", "plain",
            "--max-new-tokens", 5, "--sample", 18)  # fmt: skip


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_command.KindWork, "estimate", lambda *_: HOURS)


@pytest.mark.usefixtures("estimates")
def test_a_run_says_what_it_takes_keeps_that_and_uses_the_model_it_was_measured_with(
    run: Any, asked: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run("evaluate", *asked, "-n", 2, "--run", tmp_path / "new")
    assert code == 0, err
    lines = err.splitlines()
    assert lines[0].startswith("fork-explorer: Measuring ")
    assert lines[1].startswith("fork-explorer: This takes about ")
    kept = RunEstimate.from_json(Run.open(tmp_path / "new").config.estimate)
    assert kept is not None
    assert [each.name for each in kept.phases] == ["loading", "sampling"]
    assert f"This takes {kept.words}" in lines[1]

    code, _, err = run("evaluate", *asked, "-n", 2, "--seed", 1, "--run", tmp_path / "again")
    assert (code, "Measuring" in err) == (0, False), "it is known now"
    assert "This takes about " in err


@pytest.mark.usefixtures("estimates")
@pytest.mark.parametrize(
    ("command", "phases"),
    [("evaluate", ["loading", "sampling"]), ("interventions", ["loading", "chains"])],
)
def test_estimate_only_prints(
    run: Any, asked: tuple[object, ...], command: str, phases: list[str]
) -> None:
    code, out, err = run(command, *asked, "--estimate")
    assert (code, out.startswith(f"{command} would take about ")) == (0, True), err
    code, out, err = run(command, *asked, "--estimate", "--json")
    found = json.loads(out)
    assert [each["name"] for each in found["phases"]][:2] == phases
    assert 0 < found["low"] <= found["seconds"] <= found["high"]
    assert RunsFolder().list() == []


@pytest.mark.usefixtures("estimates", "hours")
def test_hours_are_warned_of_with_the_setting_to_lower(
    run: Any, asked: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_command, "carry_out", lambda *_, **__: DONE)
    code, _, err = run("evaluate", *asked)
    assert code == 0
    assert "This takes about 2 h 5 min (1 h 40 min-2 h 30 min)" in err
    assert "Warning: This takes more than an hour. Lower samples, which shortens it most." in err
    code, out, err = run("evaluate", *asked, "--estimate")
    assert out == "evaluate would take about 2 h 5 min (1 h 40 min-2 h 30 min)\n"
    assert "Warning: This takes more than an hour." in err


@pytest.mark.usefixtures("estimates")
def test_a_model_that_is_not_here_is_not_fetched_to_be_measured(
    run: Any, tmp_path: Path, asked: tuple[object, ...]
) -> None:
    code, out, err = run("evaluate", "--model", "owner/absent", *asked[2:], "--estimate")
    assert (code, out) == (2, "")
    assert "owner/absent, which is not on this machine yet" in err
    assert "fork-explorer download owner/absent" in err


@pytest.mark.usefixtures("estimates")
def test_what_can_t_be_estimated_is_left_to_the_run_to_say(
    run: Any, asked: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ModelError("The model is damaged.", "Copy it again.")

    monkeypatch.setattr(run_command.KindWork, "estimate", fail)
    code, _, err = run("evaluate", *asked, "-n", 2, "--run", tmp_path / "new")
    assert (code, "damaged" in err) == (0, False)
    assert Run.open(tmp_path / "new").config.estimate is None
    code, _, err = run("evaluate", *asked, "--estimate")
    assert (code, "The model is damaged." in err) == (2, True)


def test_a_run_that_is_there_is_not_estimated_again(
    run: Any, asked: tuple[object, ...], tmp_path: Path
) -> None:
    assert run("evaluate", *asked, "-n", 2, "--run", tmp_path / "new")[0] == 0
    code, _, err = run("evaluate", "--run", tmp_path / "new", "--resume", "--estimate")
    assert code == 2
    assert "so --estimate can't be given" in err


@pytest.mark.training
@pytest.mark.usefixtures("estimates")
@pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
def test_a_fine_tune_is_estimated_in_its_phases_without_changing_the_model(run: Any) -> None:
    small = ("--sample", 12, "--set", "measured=6", "--set", "held_out.problems=0")
    code, out, err = run("train", *small, "--estimate", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [each["name"] for each in found["phases"]] == [
        "loading", "rollouts", "accuracy before", "training", "accuracy after", "side by side"
    ]  # fmt: skip
    assert [each["doing"][:1] for each in found["phases"]] == ["", "1", "2", "3", "4", "4"]
    known = Meter(ModelSpec(), pytest.fail, may_measure=False)  # type: ignore[arg-type]
    assert known.decoding.steps[0] > 0
    assert {file.name.partition("-")[0] for file in (cache_folder() / "measurements").iterdir()} \
        >= {"chains", "decoding", "training"}  # fmt: skip
