"""The intervention study as a run: what it leaves, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peft
import pytest
from models import byte_level_tokenizer, save_tiny_model, tiny_language_model

from core.errors import ModelError, ProblemError, RunError
from core.interventions.task import INTERVENTIONS, plan_interventions, run_models
from core.models.spec import ModelSpec, teacher_spec
from core.records import Problem
from core.runs import problem_units
from core.runs.context import CANCELLED, DONE, STOPPED, carry_out
from core.runs.kind import RESULTS, TABLE
from core.runs.run import Run
from core.runs.status import RunState

SETTINGS = {"max_new_tokens": 8, "positions": 2}
PROBLEMS = [Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(5)]
TRUST = "trust_remote_code"


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A LoRA adapter for the tiny model that changes what it says."""
    folder = tmp_path_factory.mktemp("adapter")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    peft.get_peft_model(tiny_language_model().model, config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def model(tiny_model: str) -> str:
    return tiny_model


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", 2)


def prepare(folder: Path, model: str, teacher: str | None = None, **settings: Any) -> Run:
    plan = plan_interventions(ModelSpec(model), PROBLEMS, SETTINGS | settings, teacher=teacher)
    return Run.create(folder, INTERVENTIONS.name, plan)


def test_the_results_count_every_problem_once(tmp_path: Path, model: str, adapter: str) -> None:
    run = prepare(tmp_path, model, adapter)
    assert INTERVENTIONS.results_of(run) is None
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE
    assert [record.problem_id for record in INTERVENTIONS.records_of(run)] == [
        p.id for p in PROBLEMS
    ]
    results = run.read_json(RESULTS)
    read = INTERVENTIONS.results_of(run)
    assert read is not None
    assert read.to_json() == results
    assert results["n"] == len(PROBLEMS)
    assert {arm["arm"] for arm in results["arms"]} >= {"oracle", "teacher", "base_only"}
    for arm in results["arms"]:
        assert sum(arm["verdicts"].values()) == len(PROBLEMS)
    lines = (run.folder / TABLE).read_text().splitlines()
    assert len(lines) == 1 + len(results["arms"])
    status = run.status()
    assert (status.done, status.total, status.unit) == (5, 5, "problems")


def test_what_can_t_be_run_fails_with_its_reason_and_leaves_the_run(
    tmp_path: Path, model: str, adapter: str
) -> None:
    other = save_tiny_model(tmp_path / "other")
    byte_level_tokenizer(vocab_size=300).save_pretrained(other)
    run = prepare(tmp_path / "a", model, str(other))
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == STOPPED
    assert "another vocabulary" in str(run.status().error)

    some_are_open = [PROBLEMS[0], Problem("b<b>", "Why?")]
    plan = plan_interventions(ModelSpec(model), some_are_open, SETTINGS)
    run = Run.create(tmp_path / "b", INTERVENTIONS.name, plan)
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == STOPPED
    assert "without a gold answer" in str(run.status().error)
    assert "1 of 2 (b<b>)" in str(run.status().error)

    with pytest.raises(ModelError, match="no model folder"):
        prepare(tmp_path / "c", str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="no model folder"):
        prepare(tmp_path / "c", model, str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="need a teacher"):
        prepare(tmp_path / "c", model, arms=["oracle"])
    with pytest.raises(ModelError, match="no model folder"):
        prepare(tmp_path / "c", "~nobody-has-this-name/model")
    with pytest.raises(ModelError, match="no adapter"):
        plan_interventions(ModelSpec(model, str(tmp_path / "nowhere")), PROBLEMS, SETTINGS)
    with pytest.raises(ModelError, match=r"no config\.json"):
        prepare(tmp_path / "c", adapter)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="no weights"):
        prepare(tmp_path / "c", model, str(tmp_path / "empty"))
    assert not (tmp_path / "c").exists(), "nothing is left of what can't be run"

    with pytest.raises(ProblemError, match="no problems"):
        plan_interventions(ModelSpec(model), [], SETTINGS)
    with pytest.raises(RunError, match="tau"):
        plan_interventions(ModelSpec(model), PROBLEMS, {"tau": -1})
    with pytest.raises(RunError, match="unknown arm"):
        plan_interventions(ModelSpec(model), PROBLEMS, {"arms": ["magic"]})


def test_code_of_the_model_s_own_runs_only_where_this_person_allows_it(
    tmp_path: Path, model: str
) -> None:
    plan = plan_interventions(ModelSpec(model, trust_remote_code=True), PROBLEMS, SETTINGS)
    run = Run.create(tmp_path, INTERVENTIONS.name, plan)
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == STOPPED
    assert "Python code of its own" in str(run.status().error)
    trusting = partial(INTERVENTIONS.carry_out, trust_remote_code=True)
    assert carry_out(run, trusting, bar=False) == DONE


def test_a_sample_is_drawn_by_the_seed_and_kept_in_order(model: str) -> None:
    def drawn(seed: int) -> list[str]:
        plan = plan_interventions(ModelSpec(model), PROBLEMS, {"seed": seed}, sample=3)
        return [problem.id for problem in plan.problems]

    assert drawn(1) == drawn(1) == sorted(drawn(1))
    assert len({tuple(drawn(seed)) for seed in range(9)}) > 1
    with pytest.raises(ProblemError, match="6 problems"):
        plan_interventions(ModelSpec(model), PROBLEMS, SETTINGS, sample=6)


def test_a_cancel_keeps_the_finished_units(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare(tmp_path, model)

    def stop_after_one(work: Any) -> None:
        keep = work.keep

        def keep_and_stop(key: str, result: Any) -> None:
            keep(key, result)
            work.stop.request()

        work.keep = keep_and_stop
        INTERVENTIONS.carry_out(work)

    assert carry_out(run, stop_after_one, bar=False) == CANCELLED
    assert len(run.units()) == 1
    assert run.status().state is RunState.CANCELLED
    so_far = INTERVENTIONS.results_of(run)
    assert so_far is not None
    assert so_far.n == 2
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE
    assert len(run.units()) == 3


def test_a_config_without_a_model_is_said(tmp_path: Path, model: str) -> None:
    plan = plan_interventions(ModelSpec(model), PROBLEMS, SETTINGS)
    run = Run.create(tmp_path, INTERVENTIONS.name, replace(plan, model={"weights": "x"}))
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == STOPPED
    assert "model can't be read" in str(run.status().error)
    assert not isinstance(run.status().error, ModelError)


@pytest.mark.parametrize(
    ("name", "value"),
    [("model", 5), ("model", None), ("adapter", []), ("device", None), ("dtype", 3),
     ("trust_remote_code", "perhaps")],
)  # fmt: skip
def test_a_model_of_the_wrong_type_is_said(
    tmp_path: Path, model: str, name: str, value: Any
) -> None:
    plan = plan_interventions(ModelSpec(model), PROBLEMS, SETTINGS)
    run = Run.create(tmp_path, INTERVENTIONS.name, replace(plan, model=plan.model | {name: value}))
    with pytest.raises(RunError, match="model can't be read"):
        run_models(run)


@pytest.mark.parametrize("change", [{"max_new_tokens": "x"}, {"prompt_style": 5}, {"new": 1}])
def test_settings_that_make_no_sense_are_said(
    tmp_path: Path, model: str, change: dict[str, Any]
) -> None:
    plan = plan_interventions(ModelSpec(model), PROBLEMS, SETTINGS)
    run = Run.create(tmp_path, INTERVENTIONS.name, plan)
    assert INTERVENTIONS.settings_of(run).max_new_tokens == SETTINGS["max_new_tokens"]
    run = Run.create(tmp_path, INTERVENTIONS.name, replace(plan, settings=plan.settings | change))
    for read in (INTERVENTIONS.settings_of, INTERVENTIONS.records_of):
        with pytest.raises(RunError, match="setting can't be used"):
            read(run)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda unit: unit.pop(),
        lambda unit: unit.append(unit[0]),
        lambda unit: unit[0]["chains"].pop(),
        lambda unit: unit[0].update(problem_id="another"),
        lambda unit: unit.reverse(),
        lambda unit: unit[0].update(prompt_ids="x"),
        lambda unit: unit.clear(),
        lambda unit: 5,
    ],
    ids=[
        "missing",
        "twice",
        "an arm less",
        "another problem",
        "order",
        "damaged",
        "empty",
        "number",
    ],
)
def test_a_unit_that_is_not_what_it_should_be_is_done_again(
    tmp_path: Path, model: str, spoil: Any
) -> None:
    run = prepare(tmp_path, model)
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE
    before = run.read_json(RESULTS)
    lines = [json.loads(line) for line in run.units_path.read_text().splitlines()]
    lines[1]["result"] = spoil(lines[1]["result"]) or lines[1]["result"]
    run.units_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    kept = [record.problem_id for record in INTERVENTIONS.records_of(run)]
    assert kept == ["p0", "p1", "p4"]
    with pytest.raises(RunError, match="no chains of the problem p2"):
        INTERVENTIONS.record_of(run, "p2")
    assert INTERVENTIONS.record_of(run, "p4").problem_id == "p4"
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE
    assert run.read_json(RESULTS) == before
    assert "problems and arms: 1 of 3. They are computed again" in str(run.status().error)
    assert "1 of 3" in run.log_tail()
    assert carry_out(run, INTERVENTIONS.carry_out, bar=False) == DONE
    assert run.status().error is None, "it is said once"


def test_a_teacher_s_own_code_is_never_run(tmp_path: Path) -> None:
    trusting = ModelSpec("base", trust_remote_code=True)
    assert not teacher_spec(trusting, "some/teacher").trust_remote_code
    (tmp_path / "adapter_config.json").write_text("{}")
    assert teacher_spec(trusting, str(tmp_path)) == replace(trusting, adapter=str(tmp_path))


def test_consent_to_a_model_s_code_is_for_that_model_however_its_folder_is_named(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.shared import run_panel

    run = prepare(tmp_path, model)
    monkeypatch.chdir(Path(model).parent)
    asked: list[bool] = []
    monkeypatch.setattr(run_panel.jobs, "start", lambda run, **how: asked.append(how[TRUST]))
    for name in (model, Path(model).name, "demo"):
        spec = ModelSpec(name, trust_remote_code=True)
        run_panel.start(SimpleNamespace(opened=SimpleNamespace(spec=spec)), run)
    assert asked == [True, True, False]


def test_names_of_folders_become_absolute_and_the_demo_stays_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "mine")
    (tmp_path / "demo").mkdir()
    plan = plan_interventions(ModelSpec("mine"), PROBLEMS, SETTINGS, teacher="owner/model")
    assert (plan.model["model"], plan.teachers) == (str(tmp_path / "mine"), ("owner/model",))
    assert plan_interventions(ModelSpec(), PROBLEMS, SETTINGS).model["model"] == "demo"
