"""The screen of claims: verdicts beside figures and controls, and the way to a claim's run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from claim_runs import make_all
from made_once import MadeOnce
from streamlit.testing.v1 import AppTest

from core.claims.registry import CLAIMS
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, DEMO_TEACHER_FOLDER
from core.system.project_root import project_root
from explorer.claims import queue

APP = project_root() / "explorer" / "app.py"
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=300).run()


def opened(app: AppTest) -> AppTest:
    app.switch_page("../pages/claims.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    said = [each.value for each in (*app.markdown, *app.caption, *app.info, *app.warning)]
    return "\n".join(said).replace("\\", "").replace("\u2060", "")


def labels(app: AppTest) -> list[str]:
    return [each.label for each in app.button]


def test_before_any_run_the_page_says_what_to_do(app: AppTest) -> None:
    said = words(opened(app))
    assert "Nothing has been measured on this model and these problems yet." in said
    for claim in CLAIMS.values():
        assert claim.sentence in said
        assert claim.stated.replace("\n", " ") in said
    assert said.count("○ not measured") == len(CLAIMS) + 1  # each, and their number
    assert labels(app).count("Measure") == len(CLAIMS)
    assert DEMO_NOTICE in said


def test_figures_stand_beside_controls_and_open_their_run(
    app: AppTest, user_folder: Path, made_once: MadeOnce
) -> None:
    shutil.copytree(made_once("runs of claims", make_all), user_folder / "runs")
    said = words(opened(app))
    assert "10 times [10, 10], n = 12 chains" in said
    assert "Control: entropy at unchanged tokens: 0.20 nats" in said
    assert "✗ does not hold" in said
    assert "? can't tell with this n" in said
    assert "It would take about 73 problems." in said
    assert said.count("exploration\n") >= 5
    assert "Measure" not in labels(app)
    forms = [each.proto for each in app.get("download_button")]
    assert [each.label for each in forms] == ["HTML", "PNG", "SVG", "Markdown", "LaTeX"]
    assert not forms[0].disabled
    (shared,) = (each for each in app.selectbox if each.label == "What to share")
    assert len(shared.options) == len(CLAIMS) + 1, "the table, or one claim"
    (entropy,) = [each for each in app.button if each.key == "open rm-entropy comparison"]
    assert entropy.label == "Open the comparison"
    entropy.click().run()
    assert not app.exception
    assert "### Compare" in [each.value for each in app.markdown]
    assert re.match("compare-", str(app.query_params["run"]))


def test_measure_begins_with_the_claim_s_own_runs(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    class Noted:
        running, run, left, failed = False, None, 0, ()
        task = type("Task", (), {"error": None})()

        def __init__(self, state: Any, folder: Any, look: Any, ids: Any) -> None:
            asked.append(ids)

    monkeypatch.setattr(queue, "Queue", Noted)
    opened(app)
    (one,) = [each for each in app.button if each.key == "measure rm-rank"]
    assert one.help == "comparison along the base's chains"
    one.click().run()
    next(each for each in app.button if each.label == "Measure everything missing").click().run()
    assert not app.exception
    assert asked == [["rm-rank"], None]
