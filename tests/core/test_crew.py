"""Units solved by workers elsewhere, whatever happens to these: the run is the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import UNIT
from toy_kind import LENGTHS

from core.errors import ModelError
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs import problem_units
from core.runs.checkpoint import Checkpoint, json_bytes
from core.runs.config import RunPlan
from core.runs.context import CANCELLED, DONE, STOPPED, RunContext, carry_out
from core.runs.crew import TRIES, JobReport
from core.runs.kind import RESULTS, TABLE
from core.runs.models import model_fields
from core.runs.run import Run

UNITS = 5
PROBLEMS = [Problem(f"p{i}", "word " * (i + 1)) for i in range(UNITS * UNIT - 1)]


class CrewHere:
    """Workers that solve a job when they are waited for, in an order drawn by a seed.

    Args:
        ends: whether a worker ends with this job, asked at each try.
    """

    def __init__(
        self, size: int, seed: int = 0, ends: Callable[[int], bool] = lambda job: False
    ) -> None:
        self.size, self._random, self._ends = size, random.Random(seed), ends
        self._given: dict[int, Sequence[Problem]] = {}
        self.solved: list[int] = []
        self.is_open = False

    def open(self, work: RunContext) -> None:
        self.is_open = True

    @property
    def is_free(self) -> bool:
        return len(self._given) < self.size

    def give(self, job: int, problems: Sequence[Problem]) -> None:
        assert self.is_open
        assert self.is_free
        self._given[job] = problems

    def wait(self, seconds: float) -> list[JobReport]:
        job = self._random.choice(list(self._given))
        problems = self._given.pop(job)
        if self._ends(job):
            return [JobReport(job)]
        self.solved.append(job)
        found = LENGTHS.solve(None, problems, None, lambda: False, lambda *_: None)  # type: ignore[arg-type]
        return [JobReport(job, [each.to_json() for each in found or []])]

    def close(self) -> None:
        self.is_open = False


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> dict[str, bytes]:
    """The files of the run on one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
        run = prepare(tmp_path_factory.mktemp("whole"), tiny_model)
        assert carry_out(run, LENGTHS.carry_out, bar=False) == DONE
    return files(run)


def prepare(folder: Path, model: str) -> Run:
    plan = RunPlan({}, model_fields(ModelSpec(model)), 0, problems=PROBLEMS)
    return Run.create(folder, LENGTHS.name, plan)


def files(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in (RESULTS, TABLE, "units.jsonl")}


def work_with(crew: Any) -> Callable[[RunContext], None]:
    def task(work: RunContext) -> None:
        work.crew = crew
        LENGTHS.carry_out(work)

    return task


@given(size=st.integers(1, 7), seed=st.integers(0, 99), data=st.data())
@settings(max_examples=12)
def test_in_any_order_with_workers_that_end_it_is_the_same_run(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_model: str,
    whole: dict[str, bytes],
    size: int,
    seed: int,
    data: st.DataObject,
) -> None:
    ends = dict(enumerate(data.draw(st.lists(st.integers(0, TRIES - 1), max_size=UNITS))))

    def is_its_end(job: int) -> bool:
        ends[job] = ends.get(job, 0) - 1
        return ends[job] >= 0

    crew = CrewHere(size, seed, is_its_end)
    run = prepare(tmp_path_factory.mktemp("run"), tiny_model)
    assert carry_out(run, work_with(crew), bar=False) == DONE
    assert sorted(crew.solved) == list(range(UNITS)), "each job is solved once"
    assert files(run) == whole
    assert not crew.is_open
    events = (run.folder / "progress.jsonl").read_text()
    assert run.status().done == len(PROBLEMS)
    assert "counting words" in events


def test_problems_that_end_three_workers_are_named(
    tmp_path: Path, tiny_model: str, whole: dict[str, bytes]
) -> None:
    tries = []

    def ends(job: int) -> bool:
        tries.append(job)
        return job == 2

    run = prepare(tmp_path, tiny_model)
    assert carry_out(run, work_with(CrewHere(2, 1, ends)), bar=False) == STOPPED
    assert tries.count(2) == TRIES
    said = str(run.status().error)
    assert f"{TRIES} workers ended while they solved the same problems (p8, p9, p10, ...)" in said
    kept = run.units()
    assert "000002" not in kept
    assert kept, "what the others did is kept"
    assert carry_out(run, LENGTHS.carry_out, bar=False) == DONE
    assert files(run) == whole, "resumed without workers"


def test_what_a_worker_says_ends_the_run(tmp_path: Path, tiny_model: str) -> None:
    class Speaking(CrewHere):
        def wait(self, seconds: float) -> list[JobReport]:
            return [JobReport(0, error=ModelError("It is broken.", "Mend it."))]

    run, crew = prepare(tmp_path, tiny_model), Speaking(1)
    assert carry_out(run, work_with(crew), bar=False) == STOPPED
    assert str(run.status().error) == "It is broken. Mend it."
    assert not crew.is_open


def test_before_the_first_unit_is_done_a_run_says_what_it_does(
    tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit may take an hour, in which the models are long loaded."""
    said: list[str] = []

    class Watched(CrewHere):
        def open(self, work: RunContext) -> None:
            super().open(work)
            report = work.report
            monkeypatch.setattr(
                work, "report", lambda *given: (said.append(given[2]), report(*given))
            )

        def wait(self, seconds: float) -> list[JobReport]:
            said.append("(waiting)")
            return super().wait(seconds)

    run = prepare(tmp_path, tiny_model)
    assert carry_out(run, work_with(Watched(2)), bar=False) == DONE
    assert said[:2] == ["counting words, 2 workers", "(waiting)"]


def test_what_ends_together_with_an_error_is_kept(tmp_path: Path, tiny_model: str) -> None:
    class Together(CrewHere):
        def wait(self, seconds: float) -> list[JobReport]:
            return [JobReport(1, error=ModelError("No.", "Mend it.")), *super().wait(seconds)]

    run, crew = prepare(tmp_path, tiny_model), Together(3, 2)
    assert carry_out(run, work_with(crew), bar=False) == STOPPED
    assert str(run.status().error) == "No. Mend it."
    assert len(run.units()) == len(crew.solved) == 1


def test_cancelled_it_keeps_what_workers_finish_and_is_resumed(
    tmp_path: Path, tiny_model: str, whole: dict[str, bytes]
) -> None:
    run, crew = prepare(tmp_path, tiny_model), CrewHere(3, 2)

    def task(work: RunContext) -> None:
        keep = work.keep

        def keep_and_stop(key: str, result: Any) -> None:
            keep(key, result)
            if not work.stop.requested:
                work.stop.request()

        work.keep = keep_and_stop  # type: ignore[method-assign]
        work_with(crew)(work)

    assert carry_out(run, task, bar=False) == CANCELLED
    assert len(run.units()) == len(crew.solved) == 3
    assert carry_out(run, work_with(CrewHere(2, 3)), bar=False) == DONE
    assert files(run) == whole


def test_what_is_there_needs_no_workers(tmp_path: Path, tiny_model: str) -> None:
    run = prepare(tmp_path, tiny_model)
    assert carry_out(run, work_with(CrewHere(2)), bar=False) == DONE
    again = CrewHere(2)
    assert carry_out(run, work_with(again), bar=False) == DONE
    assert again.solved == []


@given(st.permutations([f"u{n}" for n in range(6)]), st.integers(0, 6))
def test_units_are_brought_into_order_and_other_lines_stay(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], place: int
) -> None:
    path = tmp_path_factory.mktemp("units") / "units.jsonl"
    keys = [*order[:place], "clock", *order[place:]]
    path.write_bytes(b"".join(json_bytes({"unit": key, "result": [key]}) + b"\n" for key in keys))
    Checkpoint(path).keep_in_order(sorted(order))
    found = Checkpoint(path).units()
    assert [key for key in found if key != "clock"] == sorted(order)
    assert list(found)[place] == "clock"
    assert all(value == [key] for key, value in found.items())
