"""The script of docs/real_models.md: its tables are made of the runs' own results."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import UNIT, finish

from core.disagreement.task import COMPARE, plan_comparison
from core.evaluation.task import EVALUATE, plan_evaluation
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems, read_problems
from core.reasonmaxxer.rollouts import rollout_records
from core.reasonmaxxer.task import TRAIN
from core.runs.run import Run

BUILD = Path(__file__).resolve().parents[2] / "sample_data" / "build"
FIGURE = re.compile(r"(\d\.\d{3}) \[(\d\.\d{3}), (\d\.\d{3})\]")


@pytest.fixture(scope="module")
def tables() -> Iterator[Any]:
    """The module of the tables, which stands outside what is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BUILD)
        yield importlib.import_module("real_tables")


@pytest.fixture(scope="module")
def effects(tables: Any) -> Any:
    """The module of the tables that stand beside the demo's."""
    return importlib.import_module("real_effects")


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the fixtures have small units, and are read with the same."""
    monkeypatch.setattr("core.runs.problem_units.PROBLEMS_A_UNIT", UNIT)


@pytest.fixture
def runs(tmp_path: Path, fine_tune_folder: Path, rollouts_folder: Path, small_units: None) -> Path:
    """A fine-tune under the names of two arms and two seeds, rollouts, and an evaluation."""
    folder = tmp_path / "runs"
    for name in ("plain-0", "plain-1", "random-0"):
        shutil.copytree(fine_tune_folder / "train", folder / name)
    shutil.copytree(rollouts_folder / "rollouts", folder / "sampled")
    settings = {"samples": 1, "temperature": 0.0, "max_new_tokens": 80}
    plan = plan_evaluation(ModelSpec(), demo_problems()[:4], settings)
    finish(Run.create(folder, EVALUATE.name, plan, folder=folder / "greedy"), EVALUATE.carry_out)
    return folder


@pytest.fixture
def studies(tmp_path: Path, random_teacher: str, small_units: None) -> Path:
    """An intervention study and a comparison, both small, and an evaluation of a level each."""
    folder = tmp_path / "studies"
    problems = demo_problems()[:8]
    short = {"max_new_tokens": 80}
    sweeps = {**short, "arms": ["no_op", "base_only", "base_only_control"]}
    plan = plan_interventions(ModelSpec(), problems, sweeps)
    run = Run.create(folder, INTERVENTIONS.name, plan, folder=folder / "sweep")
    finish(run, INTERVENTIONS.carry_out)
    plan = plan_comparison(ModelSpec(), problems, short, teachers=[random_teacher])
    finish(Run.create(folder, COMPARE.name, plan, folder=folder / "compared"), COMPARE.carry_out)
    plan = plan_evaluation(
        ModelSpec(), read_problems("word-problems")[::60], {"temperature": 0.0, "max_new_tokens": 8}
    )
    finish(Run.create(folder, EVALUATE.name, plan, folder=folder / "greedy"), EVALUATE.carry_out)
    return folder


def rows(text: str, beginning: str) -> list[list[str]]:
    """The cells of all table rows whose first cell begins so."""
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line] for line in found]
    return [row for row in cells if row[0].startswith(beginning)]


def test_the_tables_show_what_the_runs_found(tables: Any, runs: Path) -> None:
    text = tables.report(runs)

    results = TRAIN.results_of(Run.open(runs / "plain-0"))
    assert results is not None
    one, other, together = rows(text, "ReasonMaxxer")
    assert [one[1], other[1], together[1]] == ["0", "1", "2 seeds"]
    assert one[4] == together[4] == tables.shown(results.comparison.after)
    assert one[6].startswith("+0.000"), "its control is a copy of the same run"
    assert one[5].startswith(f"{results.comparison.difference.value:+.3f}")

    found = rollout_records(Run.open(runs / "sampled"))
    tokens = [nats for record in found for each in record.samples for nats in each.entropy or ()]
    (median,) = rows(text, "percentile 50")
    (above,) = rows(text, "share above 1.4")
    assert median[1].startswith(f"{np.median(tokens):.3f} [")
    assert above[1].startswith(f"{np.mean(np.array(tokens) > 1.4):.1%} [")

    (greedy,) = rows(text, "word problems, greedy")
    evaluation = EVALUATE.results_of(Run.open(runs / "greedy"))
    assert evaluation is not None
    assert greedy[1:3] == ["4", tables.shown(evaluation.pass_at_1)]


def test_every_figure_links_to_settings_that_are_there(tables: Any, runs: Path) -> None:
    text = tables.report(runs)
    links = set(re.findall(r"\(#run-([\w-]+)\)", text))
    assert links == {"plain-0", "plain-1", "random-0", "sampled", "greedy"}
    assert links <= set(re.findall(r'<a id="run-([\w-]+)">', text))
    (settings,) = re.findall(r"\*\*greedy\*\*: (.*)", text)
    assert settings.startswith("evaluate, model demo, 4 problems, `max_new_tokens` 80, `samples` 1")
    assert str(runs) not in text, "no path of a machine"


def test_what_is_missing_is_named(tables: Any, runs: Path) -> None:
    missing = tables.report(runs).partition("## Not measured yet\n\n")[2].partition("\n\n")[0]
    assert missing.splitlines() == [
        "- One forced token: no run",
        "- Base and tuned: no run",
        "- Accuracy: SVAMP, greedy",
        "- Accuracy: SVAMP, pass@1 and pass@8 of samples",
        "- ReasonMaxxer: seeds 2",
        "- control: random gate: seeds 1, 2",
        "- ablation: right rollouts only: seeds 0, 1, 2",
        "- control: advantages shuffled: seeds 0, 1, 2",
    ]


def test_an_unfinished_run_has_no_figures(tables: Any, runs: Path, fine_tune_folder: Path) -> None:
    shutil.copytree(fine_tune_folder / "prepared", runs / "shuffled-0")
    text = tables.report(runs)
    assert not rows(text, "control: advantages shuffled")
    assert "- control: advantages shuffled: seeds 0, 1, 2" in text


def test_every_level_has_a_row_and_all_have_one(tables: Any, studies: Path) -> None:
    text = tables.by_level(studies)
    assert [row[0] for row in rows(text, "")[2:]] == ["1", "2", "3", "4", "5", "all"]
    (every,) = rows(text, "all")
    assert FIGURE.match(every[1])
    assert every[1].endswith("n = 5")


def test_sweeps_and_comparisons_stand_beside_the_demos(
    tables: Any, effects: Any, studies: Path
) -> None:
    text = tables.report(studies)
    results = INTERVENTIONS.results_of(Run.open(studies / "sweep"))
    assert results is not None
    (sweep,) = (each.sweep for each in results.arms if each.arm == "base_only")
    assert sweep is not None
    (forks,) = rows(text, "the 5 positions of highest entropy")
    assert forks[1] == str(sweep.attempts)
    assert forks[2].startswith(f"{sweep.rescues.value:.3f} [")
    assert len(rows(text, "the demo model, ")) == 2

    compared = COMPARE.results_of(Run.open(studies / "compared"))
    assert compared is not None
    (reranked,) = rows(text, "reranked")
    assert reranked[1].startswith(f"{compared.teachers[0].reranked.value:.2%}")
    assert reranked[2] == effects.card_rows("compared", ("reranked",))[0][2]
    assert reranked[3] == "1 to 4.1 %"


def test_percentiles_have_an_interval_over_problems(tables: Any) -> None:
    """Two problems of like tokens: with one of them drawn twice, all percentiles are its own."""
    median, *_, last = tables.percentiles([np.full(3, 0.5), np.full(3, 1.5)])
    assert (median.value, median.low, median.high, median.n) == (1.0, 0.5, 1.5, 2)
    assert (last.value, last.low, last.high) == (1.5, 0.5, 1.5)


def test_the_demos_rows_come_from_its_card(effects: Any) -> None:
    forks, random = effects.card_rows("measured", ("the 5 highest", "random other"))
    assert float(forks[2].partition("%")[0]) > float(random[2].partition("%")[0])
