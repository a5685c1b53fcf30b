"""The runs of docs/real_models.md: made at once, on a machine that is noted, and what several seeds
of them say."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t
from small_runs import UNIT

from core.evaluation.records import ProblemSamples
from core.runs.run import Run

BUILD = Path(__file__).resolve().parents[2] / "sample_data" / "build"


@pytest.fixture(autouse=True)
def build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts stand outside what is installed, and read the small units of the fixtures."""
    monkeypatch.syspath_prepend(BUILD)
    monkeypatch.setattr("core.runs.problem_units.PROBLEMS_A_UNIT", UNIT)


def script(name: str) -> Any:
    return importlib.import_module(name)


def process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


def test_a_run_begins_when_what_it_needs_is_made_and_never_too_many_are_at_work(
    tmp_path: Path,
) -> None:
    begun: list[str] = []
    at_work: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        if name == "arm":
            assert (tmp_path / "rollouts").exists()
        assert sum(each.poll() is None for each in at_work) < 2
        begun.append(name)
        at_work.append(process(f"open({str(tmp_path / name)!r}, 'w')"))
        return at_work[-1]

    needs = {"arm": ["rollouts", "made long ago"], "rollouts": [], "sweep": [], "greedy": []}
    assert script("run_at_once").run_at_once(needs, start, 2) == {}
    assert sorted(begun) == sorted(needs)
    assert begun.index("rollouts") < begun.index("arm")
    assert {each.name for each in tmp_path.iterdir()} == set(needs)


def test_a_run_that_fails_takes_only_those_that_need_it() -> None:
    needs = {"rollouts": [], "arm": ["rollouts"], "compared": ["arm"], "sweep": []}
    begun: list[str] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        begun.append(name)
        return process(f"raise SystemExit({3 if name == 'rollouts' else 0})")

    assert script("run_at_once").run_at_once(needs, start, 4) == {
        "rollouts": "ended with code 3",
        "arm": "needs rollouts",
        "compared": "needs arm",
    }
    assert sorted(begun) == ["rollouts", "sweep"]


def test_when_the_first_process_is_interrupted_so_are_the_others() -> None:
    sleeping = process("import time; time.sleep(600)")

    def start(name: str) -> subprocess.Popen[bytes]:
        if name == "other":
            raise KeyboardInterrupt
        return sleeping

    with pytest.raises(KeyboardInterrupt):
        script("run_at_once").run_at_once({"one": [], "other": []}, start, 2)
    assert sleeping.returncode not in (0, None)


def test_jobs_name_what_they_need(tmp_path: Path) -> None:
    given = SimpleNamespace(
        runs=tmp_path, stage=["tune", "compare", "svamp"], svamp=None, model="demo", problems=4,
        learned=8, mixed=3, held_out=2, samples=2, batch=None, seeds=[0, 1], arms=["plain"],
        at_once=1,
    )  # fmt: skip
    jobs = script("real_stages").planned(given)
    assert {name: list(job.needs) for name, job in jobs.items()} == {
        "rollouts-0": [],
        "plain-0": ["rollouts-0"],
        "rollouts-1": [],
        "plain-1": ["rollouts-1"],
        "compared": ["plain-0"],
    }


def test_the_interval_over_seeds_and_problems_is_that_of_a_two_way_analysis() -> None:
    """By hand: MS of the seeds 4, of the problems 1, of the rest 0, so the variance of the mean is
    5 / 4, with 25 / (16 + 1) degrees of freedom."""
    found = script("real_seeds").over_seeds_and_problems(np.array([[1.0, 2.0], [3.0, 4.0]]))
    half = t.ppf(0.975, 25 / 17) * np.sqrt(5 / 4)
    assert found.value == 2.5
    assert found.high - found.value == pytest.approx(half)
    assert found.value - found.low == pytest.approx(half)


def test_where_seeds_vary_less_than_the_rest_the_interval_is_over_problems() -> None:
    """By hand: both seeds have the mean 1.5; MS of the problems 1, so the variance of the mean is
    1 / 4, with one degree of freedom."""
    same = script("real_seeds").over_seeds_and_problems(np.array([[1.0, 2.0], [1.0, 2.0]]))
    assert same.high - same.value == pytest.approx(t.ppf(0.975, 1) / 2)
    equal = script("real_seeds").over_seeds_and_problems(np.full((2, 3), 0.5))
    assert (equal.value, equal.low, equal.high) == (0.5, 0.5, 0.5)


def test_seeds_are_subtracted_problem_by_problem(tmp_path: Path, fine_tune_folder: Path) -> None:
    for name in ("plain-0", "plain-1", "random-0", "random-1", "positive-0", "positive-1"):
        shutil.copytree(fine_tune_folder / "train", tmp_path / name)
    seeds, runs = script("real_seeds"), script("real_runs").Runs(tmp_path)
    found = seeds.differences(runs, "plain", None, [0, 1])
    run = Run.open(tmp_path / "plain-0")
    before, after = (script("real_runs").sampled_in(run, each) for each in ("before/", "after/"))
    rates = {each.problem_id: each.pass_rate for each in before}
    expected = [each.pass_rate - rates[each.problem_id] for each in after]
    assert sorted(found[0]) == sorted(expected)
    assert (found[0] == found[1]).all()
    text = seeds.seeds_table(runs)
    less = [line.split(" | ")[:4] for line in text.splitlines() if line.startswith("| less")]
    copies = ["+0.000, +0.000", "+0.000"]  # all arms are copies of one run
    assert [each for each in less if each[0] != "| less the base"] == [
        ["| less the random gate", "ReasonMaxxer", *copies],
        ["| less the random gate", "ablation: right rollouts only", *copies],
        ["| less ReasonMaxxer", "ablation: right rollouts only", *copies],
    ]


def test_what_another_arm_measured_before_training_is_not_measured_again(
    tmp_path: Path, fine_tune_folder: Path
) -> None:
    """As far as the settings are the same, and with no more samples than are asked for."""
    other = tmp_path / "random-0"
    shutil.copytree(fine_tune_folder / "train", other)
    shutil.copytree(fine_tune_folder / "train", tmp_path / "plain-0")
    source = Run.open(other)
    measured = {key: unit for key, unit in source.units().items() if key.startswith("before/")}
    kept: dict[str, Any] = {}

    def take(finished: dict[str, Any]) -> None:
        kept.clear()
        run = Run.open(tmp_path / "plain-0")
        work = SimpleNamespace(run=run, keep=kept.__setitem__, finished=finished)
        script("real_before").take_before(work, tmp_path)

    take({})
    assert kept == measured
    first = next(iter(measured))
    take({first: measured[first]})
    assert kept.keys() == measured.keys() - {first}

    config = json.loads((other / "config.json").read_text())
    config["settings"]["evaluation"]["temperature"] = 0.123
    (other / "config.json").write_text(json.dumps(config))
    take({})
    assert kept == {}, "with another temperature the chains are others"


def test_of_more_samples_the_first_are_taken(fine_tune_folder: Path) -> None:
    run = Run.open(fine_tune_folder / "train")
    record = script("real_runs").sampled_in(run, "before/")[0]
    (sample,) = record.samples
    four: ProblemSamples = replace(record, samples=(sample,) * 4)
    assert script("real_before")._first(four, 2) == replace(record, samples=(sample,) * 2)


def test_the_machine_of_a_run_is_told_with_its_settings(tmp_path: Path) -> None:
    machine = script("real_machine")
    assert machine.machine_in_words(tmp_path) == ""
    machine.note_machine(tmp_path, at_once=1)
    assert machine.processor() in machine.machine_in_words(tmp_path)
    found = {"device": "NVIDIA H200", "processor": "Xeon, 16 cores", "at_once": 9}
    (tmp_path / machine.MACHINE).write_text(json.dumps(found))
    said = "NVIDIA H200 (Xeon, 16 cores), up to 9 runs at once"
    assert machine.machine_in_words(tmp_path) == said
