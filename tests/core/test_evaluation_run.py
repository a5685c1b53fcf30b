"""An evaluation as a run: what it leaves, what it refuses, and that it stands alone."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.errors import FileError, ModelError, ProblemError, RunError
from core.evaluation.comparison import compare
from core.evaluation.task import AGAINST, EVALUATE, earlier_evaluation, plan_evaluation
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs import problem_units
from core.runs.config import RunPlan
from core.runs.context import CANCELLED, DONE, STOPPED, carry_out
from core.runs.kind import RESULTS, TABLE
from core.runs.models import read_model
from core.runs.run import Run

SETTINGS = {"samples": 3, "max_new_tokens": 8}
PROBLEMS = [Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(5)]


@pytest.fixture
def model(tiny_model: str) -> str:
    return tiny_model


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", 2)


def prepare(folder: Path, model: str, against: Path | None = None, **settings: Any) -> Run:
    plan = plan_evaluation(ModelSpec(model), PROBLEMS, SETTINGS | settings, against=against)
    return Run.create(folder, EVALUATE.name, plan)


def done(run: Run) -> Run:
    assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE, run.log_tail()
    return run


def test_the_results_count_every_problem_once_however_they_are_cut_into_units(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare(tmp_path, model)
    assert EVALUATE.results_of(run) is None
    assert EVALUATE.records_of(run) == []
    done(run)
    records = EVALUATE.records_of(run)
    assert [record.problem_id for record in records] == [p.id for p in PROBLEMS]
    assert EVALUATE.record_of(run, "p3") == records[3]
    results = EVALUATE.results_of(run)
    assert results is not None
    assert results.to_json() == run.read_json(RESULTS)
    assert (results.n, results.samples, sum(results.verdicts.values())) == (5, 3, 15)
    assert results.comparison is None
    assert earlier_evaluation(run) is None
    assert len((run.folder / TABLE).read_text().splitlines()) == 1 + len(results.to_rows())
    status = run.status()
    assert (status.done, status.total, status.unit) == (5, 5, "problems")
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", 16)
    in_one = done(prepare(tmp_path, model))
    assert len(in_one.units()) == 1
    assert EVALUATE.records_of(in_one) == records
    assert in_one.read_json(RESULTS) == run.read_json(RESULTS)


def test_a_comparison_stands_alone_when_the_earlier_run_is_gone(tmp_path: Path, model: str) -> None:
    first = prepare(tmp_path, model, seed=1)
    with pytest.raises(RunError, match="is not finished"):
        prepare(tmp_path, model, first.folder)
    first.rename("before")
    done(first)
    records = EVALUATE.records_of(first)
    second = done(prepare(tmp_path, model, first.folder))
    first.delete()
    results = EVALUATE.results_of(second)
    assert results is not None
    assert results.comparison == compare(records, EVALUATE.records_of(second))
    earlier = earlier_evaluation(second)
    assert earlier is not None
    assert (earlier.run_id, earlier.name, earlier.model) == (first.id, "before", ModelSpec(model))
    assert earlier.records == tuple(records)

    (second.folder / RESULTS).unlink()
    assert carry_out(second, EVALUATE.carry_out, bar=False) == DONE, "the copy is all it needs"
    assert EVALUATE.results_of(second) == results
    again = second.repeat(tmp_path)
    assert carry_out(again, EVALUATE.carry_out, bar=False) == STOPPED
    assert "holds no run" in str(again.status().error)

    (second.folder / AGAINST).write_text('{"schema_version": 1, "records": [5]}')
    with pytest.raises(FileError, match="damaged"):
        earlier_evaluation(second)
    assert carry_out(second, EVALUATE.carry_out, bar=False) == STOPPED


def test_what_can_t_be_compared_is_refused_before_any_work(tmp_path: Path, model: str) -> None:
    earlier = done(prepare(tmp_path, model))
    for problems in (PROBLEMS[:4], [*PROBLEMS[:4], Problem("other", "1+1?", "2")]):
        with pytest.raises(ProblemError, match="different problems"):
            plan_evaluation(ModelSpec(model), problems, SETTINGS, against=earlier.folder)
    reworded = [*PROBLEMS[:4], Problem("p4", "Why?", "4")]
    with pytest.raises(ProblemError, match=r"under the same ids: 1 \(p4\)"):
        plan_evaluation(ModelSpec(model), reworded, SETTINGS, against=earlier.folder)
    with pytest.raises(RunError, match="holds no run"):
        prepare(tmp_path, model, tmp_path / "nowhere")
    other = Run.create(tmp_path, "toy", RunPlan({}, {}, 0))
    with pytest.raises(RunError, match="a run of toy"):
        prepare(tmp_path, model, other.folder)


def test_what_can_t_be_run_fails_with_its_reason(tmp_path: Path, model: str) -> None:
    plan = plan_evaluation(ModelSpec(model), [Problem("p", "Why?")], SETTINGS)
    run = Run.create(tmp_path / "a", EVALUATE.name, plan)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == STOPPED
    assert "without a gold answer" in str(run.status().error)
    with pytest.raises(ModelError, match="no model folder"):
        prepare(tmp_path / "b", str(tmp_path / "nowhere"))
    with pytest.raises(ProblemError, match="no problems"):
        plan_evaluation(ModelSpec(model), [], SETTINGS)
    with pytest.raises(ProblemError, match="6 problems"):
        plan_evaluation(ModelSpec(model), PROBLEMS, SETTINGS, sample=6)
    with pytest.raises(RunError, match="all alike"):
        prepare(tmp_path / "b", model, temperature=0)
    assert not (tmp_path / "b").exists(), "nothing is left of what can't be run"
    run = Run.create(tmp_path, EVALUATE.name, replace(plan, model={"weights": "x"}))
    with pytest.raises(RunError, match="model can't be read"):
        read_model(run.config.model)
    run = Run.create(tmp_path, EVALUATE.name, replace(plan, settings={"samples": "x"}))
    for read in (EVALUATE.settings_of, EVALUATE.records_of):
        with pytest.raises(RunError, match="setting can't be used"):
            read(run)


def test_code_of_the_model_s_own_runs_only_where_this_person_allows_it(
    tmp_path: Path, model: str
) -> None:
    plan = plan_evaluation(ModelSpec(model, trust_remote_code=True), PROBLEMS, SETTINGS)
    run = Run.create(tmp_path, EVALUATE.name, plan)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == STOPPED
    assert "Python code of its own" in str(run.status().error)
    assert carry_out(run, partial(EVALUATE.carry_out, trust_remote_code=True), bar=False) == DONE


def test_a_cancel_keeps_the_finished_units(tmp_path: Path, model: str) -> None:
    run = prepare(tmp_path, model)

    def stop_after_one(work: Any) -> None:
        keep = work.keep

        def keep_and_stop(key: str, result: Any) -> None:
            keep(key, result)
            work.stop.request()

        work.keep = keep_and_stop
        EVALUATE.carry_out(work)

    assert carry_out(run, stop_after_one, bar=False) == CANCELLED
    kept = run.units()
    assert len(kept) == 1
    so_far = EVALUATE.results_of(run)
    assert so_far is not None
    assert so_far.n == 2
    done(run)
    assert len(run.units()) == 3
    assert {key: run.units()[key] for key in kept} == kept


@pytest.mark.parametrize(
    "spoil",
    [
        lambda unit: unit.pop(),
        lambda unit: unit[0]["samples"].pop(),
        lambda unit: unit[0].update(problem_id="another"),
        lambda unit: unit.reverse(),
        lambda unit: unit[0].update(prompt_ids="x"),
        lambda unit: 5,
    ],
    ids=["missing", "a sample less", "another problem", "order", "damaged", "number"],
)
def test_a_unit_that_is_not_what_it_should_be_is_done_again(
    tmp_path: Path, model: str, spoil: Any
) -> None:
    run = done(prepare(tmp_path, model))
    before = run.read_json(RESULTS)
    lines = [json.loads(line) for line in run.units_path.read_text().splitlines()]
    lines[1]["result"] = spoil(lines[1]["result"]) or lines[1]["result"]
    run.units_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [record.problem_id for record in EVALUATE.records_of(run)] == ["p0", "p1", "p4"]
    with pytest.raises(RunError, match="no chains of the problem p2"):
        EVALUATE.record_of(run, "p2")
    done(run)
    assert run.read_json(RESULTS) == before
    assert "problems and samples: 1 of 3. They are computed again" in str(run.status().error)
