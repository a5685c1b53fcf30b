"""The table of runs without a browser: rows, tags, side by side, dialogs, links when empty."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from component_messages import component_messages
from streamlit.testing.v1 import AppTest

from core.evaluation.task import EVALUATE, plan_evaluation
from core.kinds import KINDS
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE, carry_out
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.runs.run_facts import run_facts
from explorer.runs.run_table import runs_table

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "tests" / "data" / "stored_runs"
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


@pytest.fixture(autouse=True, scope="module")
def kinds() -> None:
    """Results are shown once the kinds are loaded, for which a page doesn't wait."""
    for entry in KINDS.values():
        entry.load()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three finished evaluations; the last one is of other problems."""
    folder = tmp_path_factory.mktemp("made") / "runs"
    for seed, problems in ((0, slice(4)), (1, slice(4)), (2, slice(4, 8))):
        settings = {"samples": 2, "seed": seed}
        plan = plan_evaluation(ModelSpec(), demo_problems()[problems], settings)
        run = Run.create(folder, EVALUATE.name, plan, name=f"seed {seed}")
        assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE
    return folder


@pytest.fixture
def runs(made: Path, user_folder: Path) -> Path:
    return Path(shutil.copytree(made, user_folder / "runs"))


def opened(app: AppTest) -> AppTest:
    app.run()
    app.switch_page("../pages/runs.py")
    app.run()
    assert not app.exception
    return app


def table_of(app: AppTest) -> Any:
    (found,) = component_messages(app)
    return found


def named(runs: Path, name: str) -> Run:
    return next(run for run in RunsFolder(runs).list() if run.config.name == name)


def click(app: AppTest, label: str) -> None:
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception


def test_an_empty_page_links_to_the_four_pages_that_start_runs(app: AppTest) -> None:
    opened(app)
    links = [each.proto.label or each.proto.page for each in app.main.get("page_link")]
    assert len(links) == 4
    for name in ("interventions", "compare", "finetune", "evaluate"):
        assert any(name in str(each.proto).lower().replace("-", "") for each in
                   app.main.get("page_link"))  # fmt: skip


def test_a_row_says_model_set_size_and_result_with_its_interval(app: AppTest, runs: Path) -> None:
    opened(app)
    table = table_of(app)
    names = [column["name"] for column in table["columns"]]
    assert len(table["rows"]) == 3
    for row in table["rows"]:
        cells = dict(zip(names, row["cells"], strict=True))
        results = EVALUATE.results_of(Run.open(runs / row["id"]))
        assert results is not None
        assert cells["status"]["text"] == "✓ done"
        assert (cells["model"], cells["set"], cells["n"]) == ("demo", "demo", 4)
        assert cells["result"]["text"].startswith(f"{100 * results.pass_at_1.value:.0f}")
        assert "95 % interval" in cells["result"]["hint"]
        assert "cancel" not in row["menu"]
        assert {"open", "again", "edit", "command", "delete"} <= set(row["menu"])


def test_tags_and_notes_are_searched_and_shown_as_they_are(app: AppTest, runs: Path) -> None:
    named(runs, "seed 1").label(tags=["<b>base</b>"], notes="half\nthe **budget**")
    opened(app)
    (row,) = [row for row in table_of(app)["rows"] if "budget" in row["find"]]
    assert row["cells"][1]["note"] == "seed 1 #<b>base</b> ✎"
    assert "<b>base</b>" in row["find"]


def test_a_prepared_run_offers_its_start(app: AppTest, user_folder: Path) -> None:
    plan = plan_evaluation(ModelSpec(), demo_problems()[:4], {})
    Run.create(user_folder / "runs", EVALUATE.name, plan, name="**mine**")
    opened(app)
    (row,) = table_of(app)["rows"]
    assert row["cells"][0]["text"] == "○ not started"
    assert row["cells"][1]["note"] == "**mine**"
    assert "start" in row["menu"]
    assert "resume" not in row["menu"]
    folder = str(user_folder / "runs")
    assert any(folder in each.value.replace("\\", "") for each in app.caption)


def test_two_evaluations_of_the_same_problems_are_paired_and_others_are_not(
    app: AppTest, runs: Path
) -> None:
    opened(app)
    ids = [named(runs, f"seed {seed}").id for seed in (0, 1, 2)]
    app.session_state["runs side by side"] = ids
    app.run()
    assert not app.exception
    (figures,) = (each.value for each in app.dataframe)
    assert list(figures["n"]) == ["4", "4", "4"]
    reference = next(each for each in app.selectbox if each.label == "Differences from")
    reference.set_value(ids[0]).run()
    (figures,) = (each.value for each in app.dataframe)
    first, second, third = figures["Difference"]
    assert first == "reference"
    assert "points (95 % interval" in second
    assert third == "not comparable: other problems"
    click(app, "Close")
    assert not app.dataframe


def test_name_tags_and_notes_are_edited_in_a_dialog(app: AppTest, runs: Path) -> None:
    run = named(runs, "seed 0")
    opened(app)
    app.session_state["dialog about runs"] = ("edit", [run.id])
    app.run()
    next(each for each in app.text_input if each.label == "Name").set_value("the *first*").run()
    next(each for each in app.text_area if each.label == "Notes").set_value("see <b>this</b>").run()
    click(app, "Save")
    config = Run.open(run.folder).config
    assert (config.name, config.notes) == ("the *first*", "see <b>this</b>")
    assert not any(each.label == "Save" for each in app.button), "the dialog has closed"


def test_the_command_of_a_run_can_be_copied(app: AppTest, runs: Path) -> None:
    run = named(runs, "seed 1")
    opened(app)
    app.session_state["dialog about runs"] = ("command", [run.id])
    app.run()
    (command,) = app.code
    assert command.value.startswith("fork-explorer evaluate ")
    assert "--seed 1" in command.value


def test_deleting_asks_first(app: AppTest, runs: Path) -> None:
    ids = [named(runs, f"seed {seed}").id for seed in (0, 1)]
    opened(app)
    app.session_state["dialog about runs"] = ("delete", ids)
    app.run()
    assert any("Deletes 2 folders and all their results permanently." in each.value
               for each in app.markdown)  # fmt: skip
    click(app, "Keep")
    assert len(RunsFolder(runs).list()) == 3
    app.session_state["dialog about runs"] = ("delete", ids)
    app.run()
    click(app, "Delete permanently")
    assert [run.config.name for run in RunsFolder(runs).list()] == ["seed 2"]


def test_a_run_that_was_deleted_meanwhile_is_said(app: AppTest, runs: Path) -> None:
    opened(app)
    app.session_state["dialog about runs"] = ("edit", ["../../etc"])
    app.run()
    assert not app.exception
    assert app.error
    app.run()
    assert not app.error


def test_runs_of_every_kind_and_version_have_a_row(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STORED, tmp_path / "runs"))
    runs = RunsFolder(folder).list()
    table = runs_table([(run, run.status()) for run in runs])
    assert {row.id for row in table.rows} == {run.id for run in runs}
    facts = {run.id: run_facts(run) for run in runs}
    assert all(each.model for each in facts.values())
    assert all(each.headline is not None for each in facts.values()), facts
    assert facts["compare"].model == "demo v demo-teacher"


def test_damaged_results_leave_the_rest_of_a_row(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STORED, tmp_path / "runs"))
    (folder / "evaluate-first" / "results.json").write_text("{")
    (folder / "evaluate-first" / "problems.jsonl").write_text("{broken")
    facts = run_facts(Run.open(folder / "evaluate-first"))
    assert (facts.headline, facts.problem_set, facts.n) == (None, "", 0)
