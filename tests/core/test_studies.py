"""Studies: the grid, the honest choice, one set of rollouts, the same bytes after kills."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from small_runs import UNIT, fine_tune_recipe, finish, held_out_problems, training_problems

from core.errors import ProblemError, RunError
from core.evaluation import sampling
from core.lora import phases as lora_phases
from core.lora.cost import Cost
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.reasonmaxxer.results import STUDY_TASK
from core.reasonmaxxer.selection import Selection, SelectionReport
from core.runs import problem_units
from core.runs.context import CANCELLED, RunContext, carry_out
from core.runs.estimate import merged, phase
from core.runs.kind import RESULTS, TABLE
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.statistics import mean_over_problems, share
from core.studies import estimate
from core.studies.cells import CELLS
from core.studies.fine_tunes import signal_mass
from core.studies.headline import study_headline
from core.studies.plan import plan_study
from core.studies.recipe import StudyRecipe
from core.studies.results import CellResult, StudyResults, choose
from core.studies.task import STUDY

needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


def study(*vary: str, seeds: tuple[int, ...] = (0,), **changes: Any) -> StudyRecipe:
    recipe = fine_tune_recipe(**changes).model_dump(mode="json")
    return checked_settings(StudyRecipe, {**recipe, "vary": vary, "training_seeds": seeds})


# The grid.


def test_every_combination_is_a_cell_and_is_trained_with_every_seed() -> None:
    cells = study("gate.tau=1.0, 1.4", "selection.positive_only=true,false", seeds=(0, 7)).cells()
    assert [(each.setting, each.seed) for each in cells] == [
        (0, 0), (0, 7), (1, 0), (1, 7), (2, 0), (2, 7), (3, 0), (3, 7),
    ]  # fmt: skip
    assert cells[2].values == {"gate.tau": 1.0, "selection.positive_only": False}
    assert cells[2].recipe.gate.tau == 1.0
    assert not cells[2].recipe.selection.positive_only
    assert [each.name for each in cells[:2]] == ["cell-000", "cell-001"]


def test_words_that_belong_together_are_joined_by_a_plus() -> None:
    cells = study("training.target_modules=o_proj,q_proj+v_proj").cells()
    assert [each.recipe.training.target_modules for each in cells] == [
        ("o_proj",),
        ("q_proj", "v_proj"),
    ]


def test_without_a_grid_the_recipe_itself_is_the_only_cell() -> None:
    (cell,) = study().cells()
    assert (cell.values, cell.recipe) == ({}, study().fine_tune)


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        (("rollouts.samples=2,4",), "'rollouts.samples' can't vary: all cells share"),
        (("seed=1,2",), "'seed' can't vary"),
        (("gate.tau",), "has no values; write gate.tau=VALUE,VALUE"),
        (("gate.tau=1,",), "has no values"),
        (("gate.tau=1", "gate.tau=2"), "a setting varies twice"),
        (("gate.tau=" + ",".join(map(str, range(40))),) * 1 + (
            "training.learning_rate=" + ",".join(f"{i}e-5" for i in range(1, 40)),
        ), "the grid has 1,560 cells; use at most 1,000"),
    ],
)  # fmt: skip
def test_a_grid_that_can_t_be_made_is_refused(vary: tuple[str, ...], said: str) -> None:
    with pytest.raises(RunError, match=said):
        study(*vary)


@pytest.mark.parametrize("vary", ["gate.nonsense=1,2", "gate.tau=-1,1", "gate.kind=all,no-gate"])
def test_values_are_checked_before_any_work(vary: str) -> None:
    with pytest.raises(RunError):
        study(vary).cells()


def test_a_value_or_a_seed_that_is_given_twice_is_refused() -> None:
    with pytest.raises(RunError, match=r"A value of gate\.tau is given twice"):
        study("gate.tau=1,1.0").cells()
    with pytest.raises(RunError, match="a training seed is given twice"):
        study(seeds=(1, 1))


def test_there_is_always_something_to_choose_on() -> None:
    with pytest.raises(RunError, match="a study chooses on held-out problems"):
        study(**{"held_out.problems": 0})
    with pytest.raises(ProblemError, match="No problem is left to choose the settings on"):
        plan_study(ModelSpec(), training_problems()[:2], held_out_problems(), study())


# The choice.


def cell(
    number: int, setting: int, held_out: float | None, rates: Sequence[float] = (), seed: int = 0
) -> CellResult:
    failure = "no" if held_out is None else None
    found = None if held_out is None else mean_over_problems([held_out] * 4)
    values = {"gate.tau": str(setting)}
    return CellResult(number, setting, values, seed, failure, found, pass_rates=tuple(rates))


def chosen_by(cell: CellResult, value: float) -> CellResult:
    """The same cell with another figure on held-out problems."""
    assert cell.held_out is not None
    return replace(cell, held_out=replace(cell.held_out, value=value))


def test_the_highest_mean_on_held_out_is_chosen_and_quoted_with_its_own_test_figure() -> None:
    cells = [
        cell(0, 0, 0.75, (1, 1)), cell(1, 0, 0.25, (1, 1), 1),  # mean .5
        cell(2, 1, 0.5, (0.5, 0)), cell(3, 1, 0.75, (1, 0), 1),  # mean .625
        cell(4, 2, 1.0, (1, 1)), cell(5, 2, None, seed=1),  # not trained with every seed
    ]  # fmt: skip
    chosen = choose(cells, [0.25, 0.25])
    assert chosen is not None
    assert (chosen.setting, chosen.seeds, chosen.held_out) == (1, 2, 0.625)
    assert chosen.test.value == pytest.approx(0.375)  # of .75 and 0
    assert chosen.difference.value == pytest.approx(0.125)
    assert chosen.test.n == 2


def test_of_equal_settings_the_first_is_chosen_and_none_of_none() -> None:
    found = choose([cell(0, 0, 0.5, (0, 1)), cell(1, 1, 0.5, (1, 1))], [0, 0])
    assert found is not None
    assert found.setting == 0
    assert choose([cell(0, 0, None)], [0]) is None


def test_a_study_of_pure_noise_reports_no_winner() -> None:
    """All 20 cells solve each problem as often as the base: the quoted interval has 0 inside in at
    least 90 of 100 studies, while that of the best test figure has not."""
    rng = np.random.default_rng(0)
    honest = looked_at_test = 0
    for seed in range(100):
        skill = rng.beta(1, 1, 60)
        base = (rng.binomial(4, skill) / 4).tolist()
        cells = [
            cell(n, n, float(rng.binomial(40, 0.5) / 40), (rng.binomial(4, skill) / 4).tolist())
            for n in range(20)
        ]
        found = choose(cells, base, seed)
        assert found is not None
        honest += found.difference.low <= 0 <= found.difference.high
        by_test = [chosen_by(each, float(np.mean(each.pass_rates))) for each in cells]
        cheated = choose(by_test, base, seed)
        assert cheated is not None
        looked_at_test += cheated.difference.low <= 0 <= cheated.difference.high
    assert honest >= 90
    assert looked_at_test < honest - 10, "the test would not notice a choice on the test problems"


def test_the_signal_mass_by_hand() -> None:
    from core.reasonmaxxer.examples import Example

    examples = (
        Example("p", (1,), (1, 2, 3, 4), (True, False, False, False), -2.0),
        Example("p", (1,), (1, 2), (True, True), 0.5),
    )
    report = SelectionReport({}, (), 2, 0, 0, 0, 1, 1, 6, 3)
    assert signal_mass(Selection(examples, report)) == pytest.approx((2 + 1) / (8 + 1))


def test_the_headline_says_what_was_chosen_on_what() -> None:
    cost = Cost({}, 0, 0, 0, 1.0)
    base = share(2, 8)
    so_far = StudyResults(2, 1, base, None, (cell(0, 0, 0.5),), None, cost)
    assert study_headline(so_far).figure == "1 of 2 cells"
    done = [cell(0, 0, 0.5, [1] * 8), cell(1, 1, 0.75, [0.5] * 8)]
    chosen = choose(done, [0.25] * 8)
    found = study_headline(StudyResults(2, 1, base, 0.5, tuple(done), chosen, cost))
    assert found.figure == "25.0 % → 50.0 %"
    assert (
        "Of 2 settings the one with the highest accuracy on held-out problems is gate.tau = 1"
        in (found.sentence)
    )
    assert "On 8 test problems, which took no part in the choice" in found.sentence
    half = (cell(0, 0, 0.5, [1] * 8), cell(1, 0, None, seed=1))
    found = study_headline(StudyResults(1, 2, base, 0.5, half, choose(half, [0.25] * 8), cost))
    assert found.figure == "none chosen"
    assert "no settings could be trained with every seed" in found.sentence


# The run.


def prepared(folder: Path) -> Run:
    recipe = study("gate.tau=1.0,9.0", "training.lora_rank=2,1")
    plan = plan_study(ModelSpec(), training_problems(), held_out_problems(), recipe)
    return Run.create(folder, STUDY_TASK, plan)


def work(context: RunContext) -> None:
    STUDY.carry_out(context)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[int]]:
    """A finished study of four cells, two of which can't be trained, and the number of chains of
    every call of the model."""
    calls: list[int] = []
    own = sampling.evaluate

    def counted(lm: Any, problems: Any, settings: Any, **others: Any) -> Any:
        calls.append(len(problems) * settings.samples)
        return own(lm, problems, settings, **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lora_phases, "evaluate", counted)
        return finish(prepared(tmp_path_factory.mktemp("study")), work), calls


@needs_demo
@pytest.mark.training
def test_cells_share_the_rollouts_and_each_is_measured(whole: tuple[Run, list[int]]) -> None:
    run, calls = whole
    recipe = STUDY.settings_of(run)
    rollouts = len(run.problems()) * recipe.rollouts.samples
    test = len(run.problems("evaluation")) * recipe.evaluation.samples
    assert sum(calls) == rollouts + 3 * test  # the base and the two cells that can be trained
    results = STUDY.results_of(run)
    assert results is not None
    assert [each.failure is None for each in results.cells] == [True, True, False, False]
    assert "highest entropy" in (results.cells[2].failure or "")
    for each in results.cells[:2]:
        assert each.held_out is not None
        assert each.held_out.n == len(run.problems("held_out"))
        assert each.gated_share is not None
        assert 0 < each.gated_share < 1
        assert (run.folder / CELLS / f"cell-{each.number:03}" / "adapter").is_dir()
    assert results.chosen is not None
    assert results.chosen.setting in (0, 1)
    assert results.base_held_out is not None
    assert {*results.cost.seconds} == {"rollouts", "before", *(f"cell {n}" for n in range(1, 5))}
    assert StudyResults.from_json(json.loads(json.dumps(results.to_json()))) == results
    table = (run.folder / TABLE).read_text()
    assert table.count("\n") == 5
    assert not (run.folder / "adapter").exists()
    assert not (run.folder / "checkpoints").exists()


def without_cost(run: Run) -> dict[str, Any]:
    data: dict[str, Any] = run.read_json(RESULTS)
    return {name: data[name] for name in data if name != "cost"}


@needs_demo
@pytest.mark.training
def test_stopped_in_the_middle_of_cells_it_ends_with_the_same_bytes(
    whole: tuple[Run, list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(tmp_path)
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
    own_keep, own_report = RunContext.keep, RunContext.report

    def stops_at(when: Callable[[RunContext, str], bool]) -> None:
        def report(self: RunContext, done: Any, total: Any, what: str, *others: Any) -> None:
            own_report(self, done, total, what, *others)
            if when(self, f"{what} {done:g}"):
                self.stop.request()
                self.stop.request()

        monkeypatch.setattr(RunContext, "report", report)
        assert carry_out(run, work, bar=False) == CANCELLED

    class Killed(BaseException):
        """In place of a kill: nothing after it runs."""

    def dies(self: RunContext, key: str, result: Any) -> None:
        own_keep(self, key, result)
        if key == "done/cell-000":
            raise Killed

    stops_at(lambda _, said: said.startswith("cell 1 of 4: training 1"))
    monkeypatch.setattr(RunContext, "report", own_report)
    monkeypatch.setattr(RunContext, "keep", dies)
    with pytest.raises(Killed):
        carry_out(run, work, bar=False)
    monkeypatch.setattr(RunContext, "keep", own_keep)
    stops_at(lambda _, said: said.startswith("cell 2 of 4: accuracy"))
    monkeypatch.setattr(RunContext, "report", own_report)
    finish(run, work)
    first, _ = whole
    assert without_cost(run) == without_cost(first)
    assert (run.folder / TABLE).read_bytes() == (first.folder / TABLE).read_bytes()
    for name in ("cell-000", "cell-001"):
        weights = f"{CELLS}/{name}/adapter/adapter_model.safetensors"
        assert (run.folder / weights).read_bytes() == (first.folder / weights).read_bytes()


@needs_demo
@pytest.mark.training
def test_a_study_learns_from_the_rollouts_of_another(
    whole: tuple[Run, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)
    plan = plan_study(ModelSpec(), [], held_out_problems(), study(), rollouts=whole[0].folder)
    assert plan.problems == whole[0].problems()
    assert isinstance(checked_settings(StudyRecipe, plan.settings), StudyRecipe)


def test_settings_survive_json() -> None:
    recipe = study("gate.tau=1,2", seeds=(3,))
    assert StudyRecipe.model_validate(json.loads(recipe.model_dump_json())) == recipe
    with pytest.raises(ValidationError):
        StudyRecipe(training_seeds=())


def test_an_estimate_has_the_cells_one_by_one_and_says_them_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = [
        phase("loading", 2.0, 0.5),
        phase("rollouts", 10.0, 0.1, doing="1 of 4: rollouts"),
        phase("training", 20.0, 0.0, doing="3 of 4: training"),
        phase("accuracy after", 5.0, 0.0, doing="4 of 4: accuracy after"),
        phase("side by side", 3.0, 0.0),
    ]
    monkeypatch.setattr(estimate, "estimate_training", lambda *_: merged(parts))
    recipe = study("gate.tau=1,2,3")
    found = estimate.estimate_study(None, None, recipe)  # type: ignore[arg-type]
    assert [each.doing for each in found.phases] == [
        "",
        "rollouts",
        *(f"cell {n} of 3: {what}" for n in (1, 2, 3) for what in ("training", "accuracy")),
    ]
    assert found.seconds == 3 * (2 + 20 + 5) + 10
    assert found.words.endswith("loading 6 s, rollouts 10 s, training 60 s, accuracy after 15 s")
    # Cells that are wrong are wrong together: three times 10 s, not the root of it.
    late = [replace(each, high=each.seconds + 10) for each in parts if each.name == "training"]
    monkeypatch.setattr(estimate, "estimate_training", lambda *_: merged(late))
    found = estimate.estimate_study(None, None, recipe)  # type: ignore[arg-type]
    assert found.high - found.seconds == pytest.approx(30)
