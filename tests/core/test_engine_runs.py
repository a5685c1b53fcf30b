"""Runs on a served engine: the same folders, units and results, whatever the server does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import tiny_language_model
from served_model import Fault, ServedModel
from small_runs import fine_tune_recipe, prepare_rollouts, training_problems

from core.cli.command_line import run_command
from core.engines import client, engine
from core.engines.finding import find_engine
from core.engines.served import Score
from core.errors import RunError, SamplerError, TrainingError
from core.evaluation.records import ProblemSamples
from core.evaluation.rescoring import wanted
from core.evaluation.task import EVALUATE, plan_evaluation
from core.export.of_runs import run_facts
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.results import ROLLOUTS_TASK
from core.reasonmaxxer.rollouts import rollout_entropies, rollout_records
from core.reasonmaxxer.selection import select_examples
from core.reasonmaxxer.settings import GATES
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.records import Problem
from core.runs import problem_units
from core.runs.context import CANCELLED, DONE, STOPPED, RunContext, carry_out
from core.runs.kind import RESULTS, TABLE
from core.runs.run import Run
from core.runs.served_chains import ENGINE

PROBLEMS = [Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(6)]
GREEDY = {"temperature": 0, "samples": 1, "max_new_tokens": 8}
FILES = (RESULTS, TABLE, "units.jsonl")


@pytest.fixture
def server() -> Iterator[ServedModel]:
    served = ServedModel(tiny_language_model())
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", 2)
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(client, "_LONGEST_WAIT", 0.1)


def prepare(
    folder: Path,
    model: str,
    server: ServedModel | None,
    score: Score = Score.NEVER,
    **settings: Any,
) -> Run:
    served = None if server is None else find_engine(server.url, score=score)
    plan = plan_evaluation(ModelSpec(model), PROBLEMS, GREEDY | settings, engine=served)
    return Run.create(folder, EVALUATE.name, plan)


def files(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> dict[str, bytes]:
    """The files of the same evaluation without a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_units, "PROBLEMS_A_UNIT", 2)
        run = prepare(tmp_path_factory.mktemp("own"), tiny_model, None)
        assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE
    return files(run)


def test_a_greedy_evaluation_on_an_engine_is_the_same_bytes(
    tmp_path: Path, tiny_model: str, server: ServedModel, own: dict[str, bytes]
) -> None:
    run = prepare(tmp_path, tiny_model, server)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE, run.log_tail()
    assert files(run) == own
    (used,) = run.read_json(ENGINE)
    assert (used["server"], used["version"], used["model"], used["texts"]) == (
        "vllm", "0.32.0", "tiny", 20
    )  # fmt: skip
    assert used["largest_difference"] < 1e-6
    found = Run.open(run.folder).config.engine
    assert found is not None
    assert (found.url, found.score) == (server.url, "never")
    assert run.repeat(tmp_path).config.engine == found
    assert ("sampled on", "vllm 0.32.0") in run_facts(run)
    asked = run_command(run).text
    assert f"--engine {server.url} --engine-model tiny --score never" in asked


def test_kept_entropies_are_those_of_our_own_decoding(
    tmp_path: Path, tiny_model: str, server: ServedModel
) -> None:
    def in_another_precision(answer: dict[str, Any]) -> None:
        for top in (answer["choices"][0]["logprobs"] or {}).get("top_logprobs", []):
            top.update({key: value - 0.03 for key, value in top.items()})

    server.change = in_another_precision
    runs = [
        prepare(tmp_path, tiny_model, where, Score.ALL, keep_entropy=True)
        for where in (server, None)
    ]
    for run in runs:
        assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE, run.log_tail()
    there, here = (EVALUATE.records_of(run) for run in runs)
    for a, b in zip(there, here, strict=True):
        assert a.samples[0].token_ids == b.samples[0].token_ids
        np.testing.assert_allclose(a.samples[0].entropy, b.samples[0].entropy, atol=2e-5)
    assert "it computes in another precision" in runs[0].log_tail()
    assert not runs[1].log_tail()


def watched(run: Run, at: Callable[[str], None]) -> Callable[[RunContext], None]:
    """The work of a run, which says what it waits for."""

    def task(work: RunContext) -> None:
        report = work.report_waiting
        work.report_waiting = lambda why: (report(why), at(why))[0]  # type: ignore[method-assign]
        EVALUATE.carry_out(work)

    return task


def test_killed_midway_the_server_is_waited_for(
    tmp_path: Path, tiny_model: str, server: ServedModel, own: dict[str, bytes]
) -> None:
    run = prepare(tmp_path, tiny_model, server)
    server.after, server.dies_after = 0, 20 + 3  # the check's texts, and half of the chains
    said: list[str] = []

    def at(why: str) -> None:
        said.append(why)
        if said.count("the engine: nothing answers at its address") == 4:
            server.start()

    assert carry_out(run, watched(run, at), bar=False) == DONE, run.log_tail()
    assert files(run) == own
    assert "the engine: the connection broke" in said
    events = [json.loads(line) for line in (run.folder / "progress.jsonl").open()]
    words = {each.get("what") for each in events}
    assert any("sampling; waiting: the engine: " in str(each) for each in words)


def test_a_server_that_stays_away_ends_the_run_in_words_and_another_one_resumes_it(
    tmp_path: Path,
    tiny_model: str,
    server: ServedModel,
    own: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = prepare(tmp_path, tiny_model, server)
    server.after, server.dies_after = 0, 20 + 3
    monkeypatch.setattr(engine, "PATIENCE", 0.3)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == STOPPED
    assert "nothing answers at its address" in str(run.status().error)
    assert list(run.units()) == ["000000"], "what is finished is kept"
    other = ServedModel(tiny_language_model())
    other.version = "0.33.0"
    try:

        def moved(work: RunContext) -> None:
            work.engine_url = other.url
            EVALUATE.carry_out(work)

        assert carry_out(run, moved, bar=False) == DONE
    finally:
        other.stop()
        server.start()
    assert files(run) == own
    assert [each["version"] for each in run.read_json(ENGINE)] == ["0.32.0", "0.33.0"]
    assert "version is 0.33.0, and was 0.32.0" in (run.folder / "progress.jsonl").read_text()


def test_cancelled_while_it_waits_it_is_resumed(
    tmp_path: Path, tiny_model: str, server: ServedModel, own: dict[str, bytes]
) -> None:
    run = prepare(tmp_path, tiny_model, server)
    server.faults.extend([Fault(503, {"Retry-After": "500"})] * 9)

    def task(work: RunContext) -> None:
        threading.Timer(0.3, work.stop.request).start()
        EVALUATE.carry_out(work)

    assert carry_out(run, task, bar=False) == CANCELLED
    server.faults.clear()
    assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE
    assert files(run) == own


def test_another_model_or_a_shorter_context_is_refused_before_any_unit(
    tmp_path: Path, tiny_model: str, server: ServedModel
) -> None:
    run = prepare(tmp_path, tiny_model, server)
    server.lm = tiny_language_model(seed=3)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == STOPPED
    assert "is not the one in hand" in str(run.status().error)
    server.lm, server.context_length = tiny_language_model(), 20
    short = prepare(tmp_path, tiny_model, server)
    assert carry_out(short, EVALUATE.carry_out, bar=False) == STOPPED
    assert "context" in str(short.status().error)
    assert run.units() == short.units() == {}


def test_rollouts_of_an_engine_have_our_entropies(tmp_path: Path) -> None:
    greedy = {"rollouts.temperature": 0, "rollouts.samples": 1, "max_new_tokens": 16, "problems": 2}
    recipe = fine_tune_recipe(**greedy)
    server = ServedModel(load_language_model(ModelSpec()), "demo")
    try:
        served = find_engine(server.url)
        plan = plan_rollouts(ModelSpec(), training_problems(), recipe, engine=served)
        there = Run.create(tmp_path, ROLLOUTS_TASK, plan)
        assert carry_out(there, SAMPLE_ROLLOUTS.carry_out, bar=False) == DONE, there.log_tail()
    finally:
        server.stop()
    here = Run.create(
        tmp_path, ROLLOUTS_TASK, plan_rollouts(ModelSpec(), training_problems(), recipe)
    )
    assert carry_out(here, SAMPLE_ROLLOUTS.carry_out, bar=False) == DONE
    for a, b in zip(rollout_records(there), rollout_records(here), strict=True):
        assert a.samples[0].token_ids == b.samples[0].token_ids
        np.testing.assert_allclose(a.samples[0].entropy, b.samples[0].entropy, atol=1e-4)


def test_gated_scores_are_those_of_problems_with_both_outcomes() -> None:
    right = [True, True, True, False, False, False]
    assert wanted(Score.GATED, right, 2) == [False, False, True, True, False, False]
    assert wanted(Score.ALL, right, 2) == [True] * 6
    assert wanted(Score.NEVER, right, 2) == [False] * 6


def test_what_gated_scores_leave_out_is_not_taken_for_all(tmp_path: Path) -> None:
    def record(name: str, entropy: list[float] | None) -> ProblemSamples:
        samples = [
            {"token_ids": [1, 2], "answer": "1", "verdict": verdict, "boxed": True,
             "stop_reason": "eos", "entropy": entropy}
            for verdict in ("correct", "wrong" if entropy else "correct")
        ]  # fmt: skip
        data = {"problem_id": name, "family": None, "prompt_ids": [1], "samples": samples}
        return ProblemSamples.from_json({"schema_version": 1, **data})

    records = [record("mixed", [0.5, 1.5]), record("all right", None)]
    recipe = fine_tune_recipe(**{"gate.tau": 1.0, "selection.drop_longest": 0})
    selection = select_examples(records, recipe.selection, recipe.gate)
    assert [each.gate for each in selection.examples] == [(False, True)] * 2
    kind = next(name for name, entry in GATES.items() if entry.sees_all)
    with pytest.raises(TrainingError, match=r"2 of 4 were not scored"):
        select_examples(records, recipe.selection, recipe.gate.model_copy(update={"kind": kind}))
    run = prepare_rollouts(tmp_path)
    unscored = record("", None).to_json()
    unit = [
        {**unscored, "problem_id": each.id, "samples": 2 * unscored["samples"]}
        for each in run.problems()[:2]
    ]
    run.units_path.write_text(json.dumps({"unit": "rollouts/000000", "result": unit}) + "\n")
    with pytest.raises(RunError, match="8 rollouts of the run"):
        rollout_entropies(run)


def test_what_does_not_go_together_is_refused_when_a_run_is_planned(
    tmp_path: Path, tiny_model: str, server: ServedModel
) -> None:
    with pytest.raises(RunError, match="there is nothing to score"):
        prepare(tmp_path, tiny_model, server, Score.ALL)
    with pytest.raises(RunError, match="keeps the entropies of its tokens"):
        prepare(tmp_path, tiny_model, server, Score.NEVER, keep_entropy=True)
    with pytest.raises(SamplerError, match="one temperature for all tokens"):
        prepare(tmp_path, tiny_model, server, temperature=0.5, fork_temperature=1.0)
    recipe, problems = fine_tune_recipe(), training_problems()
    never = find_engine(server.url, score=Score.NEVER)
    with pytest.raises(RunError, match="keeps the entropies of its tokens"):
        plan_rollouts(ModelSpec(), problems, recipe, engine=never)
    with pytest.raises(RunError, match="those of a run are given"):
        plan_training(
            ModelSpec(), [], problems, recipe, rollouts=tmp_path, engine=find_engine(server.url)
        )


@pytest.fixture
def common(tiny_model: str, tmp_path: Path) -> tuple[object, ...]:
    lines = [{"id": each.id, "question": each.question, "answer": each.answer} for each in PROBLEMS]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return ("evaluate", "--model", tiny_model, "--max-new-tokens", 8, "--temperature", 0,
            "--problems", tmp_path / "mine.jsonl")  # fmt: skip


def test_the_command_samples_there_and_keeps_no_key(
    run: Any,
    common: tuple[object, ...],
    tmp_path: Path,
    server: ServedModel,
    own: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.key = "secret-1"
    monkeypatch.setenv(client.KEY, server.key)
    folder = tmp_path / "run"
    code, out, err = run(*common, "--engine", f"{server.url}/v1", "--run", folder)
    assert code == 0, err
    assert "6 problems, 1 samples each" in out
    found = Run.open(folder)
    assert files(found) == own
    assert all(b"secret" not in each.read_bytes() for each in folder.iterdir() if each.is_file())
    assert "secret" not in out + err
    code, out, err = run("runs", "show", folder.name, "--runs-dir", tmp_path)
    assert f"engine    vllm 0.32.0, model tiny, scored: never at {server.url}" in out
    (folder / RESULTS).unlink()
    code, out, err = run("evaluate", "--run", folder, "--resume", "--engine", server.url)
    assert code == 0, err


def test_a_server_is_compared_before_a_run(
    run: Any, tiny_model: str, server: ServedModel, tmp_path: Path
) -> None:
    asked = ("engine", server.url, "--model", tiny_model)
    code, out, err = run(*asked, "--out", tmp_path / "check.json")
    assert code == 0, err
    context = f"{server.context_length} tokens long"
    assert out.startswith(f"vllm 0.32.0 serves tiny, {context}, and it is the model in hand:\n")
    assert sum("]  " in line for line in out.splitlines()) == 20, "a text each"
    data = json.loads((tmp_path / "check.json").read_text())
    assert data["url"] == server.url
    assert data["largest_difference"] < 1e-6
    assert all(each["low"] <= each["entropy"] <= each["high"] for each in data["texts"])
    server.lm = tiny_language_model(seed=1)
    code, _, err = run(*asked)
    assert code == 2
    assert "is not the one in hand" in err


def test_the_command_refuses_in_two_sentences(
    run: Any, common: tuple[object, ...], tmp_path: Path, server: ServedModel
) -> None:
    served = (*common, "--engine", server.url)
    for arguments, words in [
        ((*common, "--engine", "nowhere"), "'nowhere' is not the address of a server"),
        ((*common, "--score", "all"), "--engine-model and --score are of a served engine"),
        ((*served, "--score", "all"), "there is nothing to score"),
        ((*served, "--engine-model", "other"), "The engine has no model 'other'. It serves tiny."),
        ((*served, "--estimate"), "How fast a served engine is isn't known"),
        ((*served, "--ray", "auto"), "for a run of one process"),
    ]:
        code, _, err = run(*arguments)
        assert (code, words in err) == (2, True), err
    own = tmp_path / "own"
    assert run(*common, "--run", own)[0] == 0
    code, _, err = run("evaluate", "--run", own, "--resume", "--engine", server.url)
    assert code == 2
    assert "This run samples its chains itself" in err
