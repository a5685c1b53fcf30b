"""A kind of run is one file: what it gets from `Kind` for nothing, shown by a toy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_kind import LENGTHS, Length, MeanLength

from core.errors import RunError
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.context import CANCELLED, DONE, STOPPED, RunContext, carry_out
from core.runs.models import model_fields
from core.runs.problem_units import PROBLEMS_A_UNIT, units_of_a_batch
from core.runs.run import Run
from core.runs.status import RunState

PROBLEMS = [Problem(f"p{i}", "word " * (i + 1)) for i in range(2 * PROBLEMS_A_UNIT + 3)]
MEAN = sum(range(1, len(PROBLEMS) + 1)) / len(PROBLEMS)


@pytest.fixture
def model(tiny_model: str) -> str:
    return tiny_model


def prepare(folder: Path, model: str, **settings: Any) -> Run:
    fields = model_fields(ModelSpec(model))
    return Run.create(folder, LENGTHS.name, RunPlan(settings, fields, 0, problems=PROBLEMS))


def files(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in ("results.json", "results.csv")}


def test_records_and_results_are_those_of_its_functions(tmp_path: Path, model: str) -> None:
    run = prepare(tmp_path, model)
    assert LENGTHS.results_of(run) is None
    assert carry_out(run, LENGTHS.carry_out, bar=False) == DONE
    assert LENGTHS.results_of(run) == MeanLength(len(PROBLEMS), MEAN)
    assert LENGTHS.record_of(run, "p4") == Length("p4", 5)
    assert [each.problem_id for each in LENGTHS.records_of(run)] == [p.id for p in PROBLEMS]
    with pytest.raises(RunError, match="no chains of the problem nothing"):
        LENGTHS.record_of(run, "nothing")


@pytest.mark.parametrize("stop_after", [1, 2])
def test_stopped_and_resumed_it_ends_with_the_same_bytes(
    tmp_path: Path, model: str, stop_after: int
) -> None:
    whole = prepare(tmp_path / "whole", model)
    assert carry_out(whole, LENGTHS.carry_out, bar=False) == DONE
    run = prepare(tmp_path / "stopped", model)

    def stopping(work: RunContext) -> None:
        keep, kept = work.keep, []

        def keep_and_stop(key: str, result: Any) -> None:
            keep(key, result)
            kept.append(key)
            if len(kept) == stop_after:
                work.stop.request()

        work.keep = keep_and_stop  # type: ignore[method-assign]
        LENGTHS.carry_out(work)

    assert carry_out(run, stopping, bar=False) == CANCELLED
    so_far = LENGTHS.results_of(run)
    assert so_far is not None
    assert so_far.n == stop_after * PROBLEMS_A_UNIT
    assert carry_out(run, LENGTHS.carry_out, bar=False) == DONE
    assert files(run) == files(whole)
    assert not (run.folder / "so_far.json").exists()


def test_the_pace_is_measured_from_the_end_of_loading(tmp_path: Path, model: str) -> None:
    reported = []

    def listening(work: RunContext) -> None:
        report = work.report

        def hear(done: float, total: float | None, what: str = "", *more: Any) -> None:
            reported.append((done, what))
            report(done, total, what, *more)

        work.report = hear  # type: ignore[method-assign]
        LENGTHS.carry_out(work)

    assert carry_out(prepare(tmp_path, model), listening, bar=False) == DONE
    working = [done for done, what in reported if what == LENGTHS.doing]
    assert working[0] == 0
    assert working == sorted(working)
    assert working[-1] == len(PROBLEMS)


def test_units_solved_together_are_kept_apart_and_their_batch_never_changes(
    tmp_path: Path, model: str
) -> None:
    """Where one unit of a batch is missing, the whole batch is solved again, and only that unit is
    kept: what a chain is decoded beside doesn't depend on where a run was interrupted."""
    solved: list[list[str]] = []

    def solve(models: Any, problems: Any, *others: Any) -> Any:
        solved.append([each.id for each in problems])
        return LENGTHS.solve(models, problems, *others)

    pairs = replace(LENGTHS, solve=solve, at_once=lambda settings: 2)
    alone = prepare(tmp_path / "alone", model)
    assert carry_out(alone, LENGTHS.carry_out, bar=False) == DONE
    run = prepare(tmp_path / "pairs", model)
    assert carry_out(run, pairs.carry_out, bar=False) == DONE
    names = [each.id for each in PROBLEMS]
    assert solved == [names[: 2 * PROBLEMS_A_UNIT], names[2 * PROBLEMS_A_UNIT :]]
    assert run.units() == alone.units()
    assert files(run) == files(alone)

    first, *others = run.units_path.read_text().splitlines(keepends=True)
    run = prepare(tmp_path / "again", model)
    run.units_path.write_text(first)
    assert carry_out(run, pairs.carry_out, bar=False) == DONE
    assert solved[2:] == solved[:2]
    assert run.units_path.read_text().splitlines(keepends=True) == [first, *others]


def test_only_a_batch_larger_than_the_default_takes_several_units() -> None:
    assert [units_of_a_batch(64, chains) for chains in (1, 2, 4, 8)] == [1, 1, 1, 1]
    assert [units_of_a_batch(512, chains) for chains in (1, 4, 8, 32)] == [8, 8, 4, 1]
    assert units_of_a_batch(100, 1) == 1


@pytest.mark.parametrize(
    "damage",
    [5, [], [{"problem_id": "p0"}], [{"problem_id": "other", "words": 1}] * PROBLEMS_A_UNIT],
    ids=["no list", "empty", "half a record", "of other problems"],
)
def test_a_damaged_unit_is_said_and_done_again(tmp_path: Path, model: str, damage: Any) -> None:
    run = prepare(tmp_path, model)
    line = json.dumps({"unit": "000000", "result": damage})
    (run.folder / "units.jsonl").write_text(line + "\n")
    assert LENGTHS.records_of(run) == []
    assert carry_out(run, LENGTHS.carry_out, bar=False) == DONE
    assert LENGTHS.results_of(run) == MeanLength(len(PROBLEMS), MEAN)
    assert "not of this run's problems: 1 of 1" in str(run.status().error)


def test_what_does_not_go_together_is_refused_before_any_work(tmp_path: Path, model: str) -> None:
    run = prepare(tmp_path, model, longest=3)
    assert carry_out(run, LENGTHS.carry_out, bar=False) == STOPPED
    status = run.status()
    assert status.state is RunState.FAILED
    assert "p3 is too long" in str(status.error)
    assert run.units() == {}


@pytest.mark.parametrize("settings", [{"longest": 0}, {"longest": "x"}])
def test_settings_out_of_range_are_refused(
    tmp_path: Path, model: str, settings: dict[str, Any]
) -> None:
    run = prepare(tmp_path, model, **settings)
    with pytest.raises(RunError, match="A setting can't be used"):
        LENGTHS.settings_of(run)
