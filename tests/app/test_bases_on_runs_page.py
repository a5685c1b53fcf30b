"""Comparisons of several bases, side by side on the page of runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.disagreement.task import COMPARE
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "tests" / "data" / "stored_runs"


def compared(folder: Path, base: str) -> Run:
    """A comparison of a base whose results are those of a stored run."""
    plan = RunPlan(
        settings={},
        model=asdict(ModelSpec(base)),
        teachers=["/m/teacher"],
        seed=0,
        problems=[Problem("p", "q", "1")],
    )
    run = Run.create(folder, COMPARE.name, plan)
    (run.folder / "results.json").write_bytes((STORED / "compare" / "results.json").read_bytes())
    return run


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


def test_bases_stand_side_by_side_beside_the_paper(app: AppTest, user_folder: Path) -> None:
    runs = [compared(user_folder / "runs", base) for base in ("/m/<b>small</b>", "org/Large")]
    app.run()
    app.switch_page("../pages/runs.py").run()
    app.session_state["runs side by side"] = [each.id for each in runs]
    app.run()
    assert not app.exception
    (table,) = (each.value for each in app.dataframe if "measure" in each.value)
    teachers = json.loads((runs[0].folder / "results.json").read_text())["teachers"]
    assert len(table.columns) == 2 + 2 * len(teachers)
    assert dict(zip(table["measure"], table["paper"], strict=True))["reranked"] == "1–4.1 %"
    assert not any("**Bases" in each.value for each in app.error)
