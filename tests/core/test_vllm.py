"""The real vLLM with SmolLM2, by `make test-vllm`: what the server of the tests stands for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_vllm import PYTHON, RealVllm

from core.engines.finding import find_engine
from core.engines.served import Score
from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.spec import ModelSpec
from core.problems.problem_sets import read_problems
from core.reasonmaxxer.plan import plan_rollouts
from core.reasonmaxxer.recipe import recipe_of
from core.reasonmaxxer.results import ROLLOUTS_TASK
from core.reasonmaxxer.rollouts import rollout_records
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.records import StopReason
from core.runs.context import DONE, RunContext, carry_out
from core.runs.kind import RESULTS
from core.runs.run import Run
from core.runs.settings import changed

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no Python with vLLM"),
]

SPEC = ModelSpec("smollm2", dtype="float32")
GREEDY = {
    "temperature": 0,
    "samples": 1,
    "max_new_tokens": 40,
    "prompt_style": "few_shot",
    "keep_entropy": True,
}


@pytest.fixture(scope="module")
def vllm(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealVllm]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORK_EXPLORER_CACHE", str(real_cache))
        server = RealVllm(tmp_path_factory.mktemp("vllm") / "log.txt")
        try:
            server.wait()
            yield server
        finally:
            server.kill()


def prepare(folder: Path, server: RealVllm | None, **settings: Any) -> Run:
    problems = read_problems(Path("word-problems"))[:24]
    served = None if server is None else find_engine(server.url)
    plan = plan_evaluation(SPEC, problems, GREEDY | settings, engine=served)
    return Run.create(folder, EVALUATE.name, plan)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, real_cache: Path) -> Run:
    """The evaluation without a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORK_EXPLORER_CACHE", str(real_cache))
        run = prepare(tmp_path_factory.mktemp("own"), None)
        assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE
    return run


def test_an_evaluation_there_is_ours(
    tmp_path: Path, real_model: str, vllm: RealVllm, own: Run
) -> None:
    run = prepare(tmp_path, vllm)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE, run.log_tail()
    check_equal(run, own)


def check_equal(run: Run, own: Run) -> None:
    apart = []
    for there, here in zip(EVALUATE.records_of(run), EVALUATE.records_of(own), strict=True):
        (a,), (b,) = there.samples, here.samples
        assert (a.token_ids, a.stop_reason, a.verdict) == (b.token_ids, b.stop_reason, b.verdict)
        apart.append(np.abs(np.array(a.entropy) - np.array(b.entropy)).max(initial=0.0))
    assert run.read_json(RESULTS) == own.read_json(RESULTS)
    print(f"\n{len(apart)} chains, same ids; entropies differ by {max(apart):.1e} nats at most")
    print(f"engine.json: {run.read_json('engine.json')}")
    assert max(apart) < 1e-3


def test_rollouts_there_are_drawn_by_their_seeds(
    tmp_path: Path, real_model: str, vllm: RealVllm
) -> None:
    recipe = changed(
        recipe_of("quick"),
        {"problems": 4, "rollouts.samples": 4, "held_out.problems": 1, "max_new_tokens": 40},
    )
    problems = read_problems(Path("word-problems"))[24:34]

    def rolled_out(score: Score) -> Run:
        served = find_engine(vllm.url, score=score)
        plan = plan_rollouts(SPEC, problems, recipe, engine=served)
        run = Run.create(tmp_path, ROLLOUTS_TASK, plan)
        assert carry_out(run, SAMPLE_ROLLOUTS.carry_out, bar=False) == DONE, run.log_tail()
        return run

    first, again = (rollout_records(rolled_out(score)) for score in (Score.ALL, Score.GATED))
    samples = [sample for record in first for sample in record.samples]
    assert len({sample.token_ids for sample in samples}) > len(samples) / 2
    for one, two in zip(first, again, strict=True):
        assert [each.token_ids for each in one.samples] == [each.token_ids for each in two.samples]
        scored = 0 < two.correct < two.n
        assert all((each.entropy is not None) is scored for each in two.samples)
        for each in one.samples:
            assert len(each.entropy or ()) == len(each.token_ids)
    ends = {sample.stop_reason for sample in samples}
    assert ends & {StopReason.STOP, StopReason.EOS}


def test_killed_midway_the_real_server_is_waited_for(
    tmp_path: Path, real_model: str, vllm: RealVllm, own: Run
) -> None:
    run = prepare(tmp_path, vllm)
    said: list[str] = []

    def task(work: RunContext) -> None:
        report, report_waiting = work.report, work.report_waiting

        def on_report(done: float, *more: Any) -> None:
            report(done, *more)
            if done > 8 and "killed" not in said:
                said.append("killed")
                vllm.kill()
                threading.Timer(5, vllm.start).start()

        def on_wait(why: str) -> None:
            report_waiting(why)
            said.append(why)

        work.report = on_report  # type: ignore[method-assign]
        work.report_waiting = on_wait  # type: ignore[method-assign]
        EVALUATE.carry_out(work)

    assert carry_out(run, task, bar=False) == DONE, run.log_tail()
    assert "killed" in said
    assert "the engine: nothing answers at its address" in said
    print(f"\nwaited {len(said)} times")
    check_equal(run, own)
