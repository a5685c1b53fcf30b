"""The page of a run: what is run in one line, the form folded, Edit, New run, CLI, warnings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.chains.session import SessionFolder
from core.cli.command_line import run_command
from core.evaluation.task import EVALUATE, plan_evaluation
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, DEMO_TEACHER_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.records import Problem
from core.runs import jobs
from core.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "tests" / "data" / "stored_runs"
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)
Opened = Callable[..., AppTest]


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


def opened(app: AppTest, page: str, run: Run | None = None) -> AppTest:
    """A page, by the link of a run in a fresh session."""
    app.run()
    app.switch_page(f"../pages/{page}.py")
    if run is not None:
        app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception
    return app


def number(app: AppTest, label: str) -> Any:
    return next(each for each in app.number_input if each.label.startswith(label))


def labels(app: AppTest) -> set[str]:
    return {each.label for each in app.number_input}


def words(app: AppTest) -> str:
    """Everything that is said, without the signs that escape markdown."""
    said = [each.value for each in (*app.markdown, *app.warning, *app.caption, *app.info)]
    return "\n".join(said).replace("\\", "").replace("\u2060", "")


SETTINGS: dict[str, Any] = {
    "samples": 2,
    "temperature": 0.3,
    "top_p": 0.5,
    "seed": 7,
    "max_new_tokens": 60,
    "prompt_style": "plain",
    "template": "Q: {problem}",
    "stop": ("\nQuestion:", "END"),
}


def prepared(user_folder: Path, problems: list[Problem] | None = None, **settings: Any) -> Run:
    chosen = problems or demo_problems()
    plan = plan_evaluation(
        ModelSpec(), chosen, SETTINGS | settings, sample=None if problems else 12
    )
    return Run.create(user_folder / "runs", EVALUATE.name, plan, name="Mine <b>")


def stored(user_folder: Path, name: str, change: Callable[[Any], None] = lambda data: None) -> Run:
    """A stored run among the app's own, with changed results."""
    folder = Path(shutil.copytree(STORED / name, user_folder / "runs" / name))
    results = json.loads((folder / "results.json").read_text())
    change(results)
    (folder / "results.json").write_text(json.dumps(results))
    return Run.open(folder)


def test_one_line_says_what_is_run(app: AppTest, user_folder: Path) -> None:
    run = prepared(user_folder)
    said = words(opened(app, "evaluate", run))
    line = next(each for each in said.split("\n") if "violet-badge" in each)
    assert line == (
        ":violet-badge[:material/memory: demo] · Demo problems (12) · 2 samples per problem · "
        "temperature 0.3, top-p 0.5 · prompt plain · stop at \\nQuestion:, END · up to 60 tokens · "
        "seed 7"
    ).replace("\\", "")
    assert "Mine <b>" in said


def test_a_comparison_names_the_adapter_of_its_teacher(app: AppTest, user_folder: Path) -> None:
    """Its results say which model made them (bug B14)."""
    said = words(opened(app, "compare", stored(user_folder, "compare")))
    assert "memory: demo] and teacher :violet-badge[:material/memory: demo + adapter demo-t" in said


def test_with_a_run_on_screen_the_form_is_folded_until_it_is_asked_for(
    app: AppTest, user_folder: Path
) -> None:
    opened(app, "evaluate")
    assert "Number of problems" in labels(app)  # no run yet
    prepared(user_folder)
    app.run()
    assert labels(app) == set()
    press(app, "New run")
    assert "Number of problems" in labels(app)
    press(app, "Close")
    assert labels(app) == set()


def test_a_link_in_a_fresh_session_gives_the_form_the_run_s_settings(
    app: AppTest, user_folder: Path
) -> None:
    """Bug B14: the form said 333 problems, the run had 12."""
    run = prepared(user_folder)
    press(opened(app, "evaluate", run), "New run")
    shows_settings(app)


def shows_settings(app: AppTest) -> None:
    assert number(app, "Number of problems").value == 12
    for label, value in (("Samples", 2), ("Temperature", 0.3), ("Top-p", 0.5), ("Seed", 7)):
        assert number(app, label).value == value
    assert {60} <= {each.value for each in app.number_input}
    assert "plain" in {each.value for each in app.selectbox}
    areas = {each.value for each in app.text_area}
    assert {"Q: {problem}", "\\nQuestion:\nEND"} <= areas


def test_edit_shows_the_run_s_settings_and_new_run_what_the_person_had(
    app: AppTest, user_folder: Path
) -> None:
    opened(app, "evaluate")
    number(app, "Seed").set_value(5).run()
    number(app, "Number of problems").set_value(99).run()
    prepared(user_folder)
    app.run()
    press(app, "Edit")
    shows_settings(app)
    press(app, "Close")
    press(app, "New run")
    assert number(app, "Seed").value == 5
    assert number(app, "Number of problems").value == 99
    assert number(app, "Temperature").value == 0.6


def test_a_form_that_is_filled_with_a_run_is_saved_once(
    app: AppTest, user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with each of its fields."""
    opened(app, "evaluate")
    number(app, "Seed").set_value(5).run()
    prepared(user_folder)
    app.run()
    saved = []
    save = SessionFolder.save
    monkeypatch.setattr(
        SessionFolder, "save", lambda *given: saved.append(dict(given[2].form)) or save(*given)
    )
    press(app, "Edit")
    shows_settings(app)
    assert saved == [app.session_state["browser_state"].opened.session.form]
    press(app, "Close")
    press(app, "New run")
    assert number(app, "Seed").value == 5
    assert len(saved) == 2


def test_editing_a_run_and_starting_it_plans_the_same_run(
    app: AppTest, user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every field of the form takes part: the new run has the old one's settings and problems."""
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)
    own = [Problem("a <b>", "1 + 1?", "2"), Problem("b", "2 + 2?", "4")]
    old = prepared(user_folder, own)
    opened(app, "evaluate", old)
    press(app, "Edit")
    press(app, "Run")
    assert labels(app) == set()  # the form folds at once
    (new,) = (each for each in map(Run.open, (user_folder / "runs").iterdir()) if each.id != old.id)
    assert new.config.settings == old.config.settings
    assert new.problems() == own
    assert app.session_state["browser_state"].run_ids["evaluate"] == new.id


@pytest.mark.parametrize("teacher", [None, "demo-teacher"])
def test_so_it_does_for_interventions(
    app: AppTest, user_folder: Path, monkeypatch: pytest.MonkeyPatch, teacher: str | None
) -> None:
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)
    settings = {"arms": ("no_op", "base_only"), "positions": 3, "tau": 0.5, "seed": 2}
    plan = plan_interventions(ModelSpec(), demo_problems(), settings, teacher=teacher, sample=9)
    old = Run.create(user_folder / "runs", INTERVENTIONS.name, plan)
    opened(app, "interventions", old)
    press(app, "Edit")
    press(app, "Run")
    (new,) = (each for each in map(Run.open, (user_folder / "runs").iterdir()) if each.id != old.id)
    assert new.config.settings == old.config.settings
    assert (new.config.teachers, new.problems()) == (old.config.teachers, old.problems())


def test_the_command_to_copy_is_the_run_s(app: AppTest, user_folder: Path) -> None:
    run = prepared(user_folder)
    opened(app, "evaluate", run)
    assert run_command(run).text in {each.value for each in app.code}


def test_the_result_comes_in_one_sentence_with_what_to_heed(
    app: AppTest, user_folder: Path
) -> None:
    """Bug B21: 8 of 12 chains were cut, without a word of warning."""

    def cut(results: Any) -> None:
        chains = results["n"] * results["samples"]
        results["truncated"] |= {"value": (chains - 2) / chains, "low": 0.1, "high": 1.0}

    run = stored(user_folder, "evaluate-first", cut)
    results = EVALUATE.results_of(run)
    assert results is not None
    chains = results.n * results.samples
    said = words(opened(app, "evaluate", run))
    assert "correct on average (" in said
    assert f"{chains - 2} of {chains} chains were cut at 80 tokens" in said
    assert "raise *Max new tokens*" in said
    assert "give *Stop strings*" in said  # the run was made without any
    assert f"Only {results.n} problems" in said
    assert DEMO_NOTICE in said


def test_an_arm_is_unclear_where_interval_and_test_disagree(
    app: AppTest, user_folder: Path
) -> None:
    """Bug B15: "better, p = 0.12"."""

    def disagree(results: Any) -> None:
        for arm in results["arms"]:
            if arm["arm"] == "random_substitution_matched":
                arm["comparison"] |= {"word": "better", "mcnemar_p": 0.12}

    run = stored(user_folder, "interventions", disagree)
    opened(app, "interventions", run)
    table = app.dataframe[0].value.set_index("arm")
    assert table.loc["random substitution, matched", "against base"] == "unclear"
    assert table.loc["random substitution, matched", "McNemar p"] == "= 0.12"
    assert list(table.columns[:2]) == ["problems", "model"]


@pytest.mark.parametrize(
    ("page", "name"),
    [("evaluate", "evaluate-against"), ("finetune", "train"), ("finetune", "rollouts")],
)
def test_every_stored_run_is_shown_and_can_be_edited(
    app: AppTest, user_folder: Path, page: str, name: str
) -> None:
    run = stored(user_folder, name)
    opened(app, page, run)
    press(app, "Edit")
    assert "Seed" in labels(app)
