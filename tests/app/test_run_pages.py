"""Interventions and Runs without a browser: what is wrong with a folder is said, never thrown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from component_messages import component_messages
from streamlit.testing.v1 import AppTest

from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


def opened(app: AppTest, page: str) -> AppTest:
    app.run()
    app.switch_page(f"../pages/{page}.py")
    app.run()
    assert not app.exception
    return app


def prepared(user_folder: Path, **settings: Any) -> Run:
    plan = plan_interventions(ModelSpec(), demo_problems()[:4], settings)
    return Run.create(user_folder / "runs", INTERVENTIONS.name, plan, name="**mine**")


@pytest.mark.parametrize("page", ["explore", "interventions", "runs"])
def test_a_runs_folder_that_can_t_be_read_is_said(
    app: AppTest, user_folder: Path, page: str
) -> None:
    user_folder.mkdir(parents=True)
    (user_folder / "runs").write_text("a file")
    opened(app, page)
    assert bool(app.error) == (page != "explore")


@pytest.mark.parametrize(
    "damage",
    [
        ("results.json", "{"),
        ("results.json", json.dumps({"schema_version": 1, "n": 3})),
        ("results.json", json.dumps({"schema_version": 99})),
        ("problems.jsonl", "{broken"),
        ("progress.jsonl", "garbage\n" * 20),
        ("config.json", "{"),
        ("units.jsonl", '{"unit": "000000", "result": 5}\n'),
    ],
    ids=lambda damage: f"{damage[0]} {damage[1][:9]}",
)
def test_damaged_files_of_a_run_are_said_on_the_page(
    app: AppTest, user_folder: Path, damage: tuple[str, str]
) -> None:
    run = prepared(user_folder)
    (run.folder / damage[0]).write_text(damage[1])
    for page in ("interventions", "runs"):
        opened(app, page)
    if damage[0] in ("results.json", "config.json", "progress.jsonl"):
        opened(app, "interventions" if damage[0] == "results.json" else "runs")
        rows = [each.get("rows") for each in component_messages(app)]
        in_row = any("can't be read" in json.dumps(each) for each in rows)
        assert app.error or app.warning or (damage[0] == "progress.jsonl" and in_row)
