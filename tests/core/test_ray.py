"""Runs on a Ray cluster are those of one process, whoever is killed. Skipped without Ray."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from killable import fork_server as new_fork_server
from small_runs import UNIT, fine_tune_recipe, finish

import core.runs.ray_crew
from core.errors import ExplorerError
from core.evaluation.task import plan_evaluation
from core.interventions.task import plan_interventions
from core.kinds import KINDS
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.reasonmaxxer.plan import plan_rollouts
from core.runs import problem_units
from core.runs.config import RunPlan
from core.runs.context import DONE, STOPPED, RunContext, carry_out
from core.runs.kind import RESULTS
from core.runs.ray_crew import RayCrew
from core.runs.run import Run
from core.runs.status import RunState

MOMENTS = int(os.environ.get("FORK_EXPLORER_MOMENTS", "2"))
"""At how many moments something is killed. Where they are random, `-s` prints the table."""

SEED = int(os.environ.get("FORK_EXPLORER_SEED", "0"))
"""Of the random ones."""

LIMIT = 180.0  # seconds for one start of a run


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


@pytest.fixture(scope="session")
def fork_server() -> ForkServerContext:
    return new_fork_server()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray_runs import Cluster

    made = Cluster()
    yield made
    made.kill()


needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


def plan_of(task: str, units: int) -> RunPlan:
    spec, problems = ModelSpec(), demo_problems()[: units * UNIT - 1]
    if task == "evaluate":
        return plan_evaluation(spec, problems, {"samples": 1, "max_new_tokens": 24})
    if task == "interventions":
        how = {"positions": 1, "max_new_tokens": 24}
        return plan_interventions(spec, problems, how, teacher=DEMO_TEACHER)
    recipe = fine_tune_recipe(problems=units * UNIT - 2, max_new_tokens=24)
    return plan_rollouts(spec, problems, recipe)


def files(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in (RESULTS, "units.jsonl")}


def on_one_process(folder: Path, task: str, plan: RunPlan) -> dict[str, bytes]:
    return files(finish(Run.create(folder, task, plan), KINDS[task].load().carry_out))


@needs_demo
@pytest.mark.slow
@pytest.mark.parametrize("task", ["evaluate", "interventions", "rollouts"])
def test_the_same_bytes_as_one_process(task: str, tmp_path: Path, cluster: Any) -> None:
    from ray_runs import work_on

    plan = plan_of(task, 3)
    run = Run.create(tmp_path, task, plan)
    assert carry_out(run, lambda work: work_on(cluster.address, work), bar=False) == DONE
    assert files(run) == on_one_process(tmp_path, task, plan)
    assert "2 workers" in (run.folder / "progress.jsonl").read_text()
    assert cluster.workers() == []


@needs_demo
@pytest.mark.slow
@pytest.mark.kill
def test_workers_are_killed(tmp_path: Path, cluster: Any) -> None:
    """One of the two after each of the first units, by turns: a unit whose worker is killed three
    times would end the run."""
    from ray_runs import work_on

    plan = plan_of("evaluate", MOMENTS + 3)
    run = Run.create(tmp_path, "evaluate", plan)
    killed = []

    def task(work: RunContext) -> None:
        keep = work.keep

        def keep_and_kill(key: str, result: Any) -> None:
            keep(key, result)
            if len(killed) < MOMENTS:
                there = cluster.workers()
                killed.append(there[len(killed) % len(there)])
                killed[-1].kill()

        work.keep = keep_and_kill  # type: ignore[method-assign]
        work_on(cluster.address, work)

    assert carry_out(run, task, bar=False) == DONE
    assert len(killed) == MOMENTS
    assert files(run) == on_one_process(tmp_path, "evaluate", plan)


@needs_demo
@pytest.mark.slow
def test_the_run_itself_is_killed(
    tmp_path: Path, cluster: Any, fork_server: ForkServerContext
) -> None:
    """In the middle of writing a unit: later every time, the last time after the end."""
    from ray_runs import in_a_child

    plan = plan_of("evaluate", MOMENTS)
    whole = on_one_process(tmp_path, "evaluate", plan)
    run = Run.create(tmp_path, "evaluate", plan)
    codes = []
    for _ in range(MOMENTS):  # each start keeps one unit and dies with the second one
        child = fork_server.Process(target=in_a_child, args=(run.folder, cluster.address, 2))
        child.start()
        child.join()
        codes.append(child.exitcode)
    assert codes == [-9] * (MOMENTS - 1) + [DONE]
    assert run.status().state is RunState.DONE
    assert files(run) == whole


@needs_demo
@pytest.mark.slow
def test_the_whole_cluster_is_killed(tmp_path: Path, fork_server: ForkServerContext) -> None:
    """The run ends, and is resumed on another cluster, or on one process."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray_runs import Cluster, in_a_child

    plan = plan_of("evaluate", MOMENTS + 1)
    run = Run.create(tmp_path, "evaluate", plan)
    for moment in range(1, MOMENTS + 1):
        dying = Cluster()
        child = fork_server.Process(target=in_a_child, args=(run.folder, dying.address, None))
        child.start()
        while len(run.units()) < moment and child.is_alive():
            child.join(0.05)
        dying.kill()
        child.join(120)
        assert child.exitcode not in (None, DONE) or run.status().state is RunState.DONE
        assert run.status().state in (RunState.FAILED, RunState.INTERRUPTED, RunState.DONE)
    finish(run, KINDS["evaluate"].load().carry_out)
    assert files(run) == on_one_process(tmp_path, "evaluate", plan)


# ---- at random moments


HEAD = f"{'killed':8} {'after':>8} {'units':>5} {'ended':12} {'starts':>6} {'same bytes':>11}"


@dataclass(frozen=True)
class Undisturbed:
    """The run that nothing happens to."""

    plan: RunPlan
    files: dict[str, bytes]
    seconds: float  # on a cluster


@pytest.fixture(scope="module")
def whole(
    cluster: Any, fork_server: ForkServerContext, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    problems = demo_problems()[: 6 * UNIT - 1]
    plan = plan_evaluation(ModelSpec(), problems, {"samples": 2, "max_new_tokens": 48})
    run = finish(Run.create(folder, "evaluate", plan), KINDS["evaluate"].load().carry_out)
    on_cluster = Run.create(folder, "evaluate", plan)
    begun = time.monotonic()
    child = start(fork_server, on_cluster, cluster)
    child.join(LIMIT)
    seconds = time.monotonic() - begun
    assert child.exitcode == DONE
    assert files(on_cluster) == files(run)
    return Undisturbed(plan, files(run), seconds)


def start(fork_server: ForkServerContext, run: Run, cluster: Any) -> Any:
    from ray_runs import in_a_child

    child = fork_server.Process(target=in_a_child, args=(run.folder, cluster.address, None))
    child.start()
    return child


def moments(what: str) -> list[float]:
    """Shares of the undisturbed time."""
    drawn = random.Random(f"{SEED} {what}")
    return sorted(drawn.uniform(0.0, 1.0) for _ in range(MOMENTS))


@needs_demo
@pytest.mark.slow
@pytest.mark.kill
@pytest.mark.parametrize("what", ["worker", "run", "cluster"])
def test_a_kill_at_any_moment_ends_with_the_same_bytes(
    what: str, whole: Undisturbed, cluster: Any, fork_server: ForkServerContext, tmp_path: Path
) -> None:
    from ray_runs import Cluster

    print(f"\n{HEAD}  (undisturbed: {whole.seconds:.1f} s, seed {SEED})")
    for share in moments(what):
        run = Run.create(tmp_path, "evaluate", whole.plan)
        own = Cluster() if what == "cluster" else cluster
        child, begun = start(fork_server, run, own), time.monotonic()
        child.join(share * whole.seconds)
        if what == "worker":
            while child.is_alive() and not own.workers():  # the first one is about to start
                child.join(0.05)
        after, units = time.monotonic() - begun, len(run.units())
        victims = own.workers()[:1] if what == "worker" else []
        if what == "run":
            child.kill()
        elif what == "cluster":
            own.kill()
        for victim in victims:
            victim.kill()
        child.join(LIMIT)
        assert child.exitcode is not None, "it neither ends nor continues"
        state = run.status().state
        assert state is RunState.DONE if what == "worker" else not state.is_live, run.log_tail()
        starts = 1
        while run.status().state is not RunState.DONE:
            again = start(fork_server, run, cluster)
            again.join(LIMIT)
            starts += 1
            assert starts < 3, run.log_tail()
        same = files(run) == whole.files
        line = f"{what:8} {after:6.1f} s {units:5} {state:12} {starts:6}"
        print(f"{line} {'yes' if same else 'NO':>11}", flush=True)
        assert same
        assert cluster.workers() == [] or what == "run"  # a killed run's end when Ray notices


# ---- what can't be used


def refusal(*arguments: Any, **how: Any) -> str:
    with pytest.raises(ExplorerError) as refused:
        RayCrew(*arguments, **how)
    return str(refused.value)


def test_without_ray(monkeypatch: pytest.MonkeyPatch, run: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(core.runs.ray_crew, "find_spec", lambda name: None)
    code, _, err = run("evaluate", "--ray", "auto", "--run", tmp_path / "new")
    assert (code, "Ray is not installed." in err) == (2, True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("address", ["", "here", "a:b", ":7", "h:0", "h:99999", "ray://h:1/"])
def test_what_is_no_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(core.runs.ray_crew, "find_spec", lambda name: object())
    assert "is not the address of a Ray cluster" in refusal(address, KINDS["evaluate"].place)


def test_an_address_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.runs.ray_crew, "find_spec", lambda name: object())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        said = refusal(address, KINDS["evaluate"].place)
    assert f"No Ray cluster answers at {address} (" in said


def test_no_worker_is_waited_for_when_none_has_anything_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a stop is requested just after the last job ended: Ray refuses to wait for nothing."""
    monkeypatch.setattr(core.runs.ray_crew, "find_spec", lambda name: object())
    assert RayCrew("auto", KINDS["evaluate"].place).wait(0.1) == []


def test_options_that_need_ray_or_independent_units(run: Any, tmp_path: Path) -> None:
    code, _, err = run("evaluate", "--workers", 2, "--run", tmp_path / "new")
    assert (code, "Give --ray auto, too." in err) == (2, True)
    code, _, err = run("train", "--ray", "auto", "--run", tmp_path / "new")
    assert (code, "A run of train can't be divided" in err) == (2, True)


@needs_demo
@pytest.mark.slow
def test_more_workers_than_the_cluster_has_room_for(tmp_path: Path, cluster: Any) -> None:
    from ray_runs import work_on

    run = Run.create(tmp_path, "evaluate", plan_of("evaluate", 1))
    assert carry_out(run, lambda work: work_on(cluster.address, work, 5), bar=False) == STOPPED
    assert "has room for 2 workers, not for 5." in str(run.status().error)


@needs_demo
@pytest.mark.slow
@pytest.mark.parametrize("what", ["versions", "model"])
def test_nodes_that_are_otherwise(
    what: str, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version here than there, and a model that isn't there."""
    from ray_runs import work_on

    run = Run.create(tmp_path, "evaluate", plan_of("evaluate", 1))
    if what == "versions":
        monkeypatch.setattr(core.runs.ray_crew, "versions", lambda: {"torch": "9"})
        wanted = "The workers have other versions than this machine (torch "
    else:
        run.config.model["model"] = str(tmp_path / "nowhere")
        wanted = "A worker on "
    assert carry_out(run, lambda work: work_on(cluster.address, work), bar=False) == STOPPED
    assert wanted in str(run.status().error)
