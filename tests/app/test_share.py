"""The Share button: its forms and its link, on Explore and on the page of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from drawn_app import drawn, needs_demo, state
from streamlit.testing.v1 import AppTest

from core.export.files import can_draw_png
from core.models.spec import DEMO_TEACHER_FOLDER

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
FORMS = ["HTML", "PNG", "SVG", "Markdown", "LaTeX"]
pytestmark = needs_demo


def forms(app: AppTest) -> dict[str, bool]:
    """The buttons that share, and whether each can be pressed."""
    buttons = [each.proto for each in app.get("download_button")]
    return {each.label: not each.disabled for each in buttons if each.label in FORMS}


def links(app: AppTest) -> list[str]:
    return [each.value for each in app.code if each.value.startswith("?")]


def test_a_chain_is_shared_in_five_forms_and_by_a_link(app: AppTest) -> None:
    found = forms(app)
    assert list(found) == FORMS
    assert found == {**dict.fromkeys(FORMS, True), "PNG": can_draw_png()}
    assert links(app) == [f"?session={state(app).opened.id}&branch=b1"]


@pytest.mark.skipif(not DEMO_TEACHER_FOLDER.is_dir(), reason="the demo's teacher is not built")
def test_a_run_is_shared_from_its_card(user_folder: Path) -> None:
    shutil.copytree(STORED / "evaluate-first", user_folder / "runs" / "evaluate-first")
    app = drawn()
    app.switch_page("../pages/evaluate.py")
    app.query_params["run"] = "evaluate-first"
    app.run()
    assert not app.exception
    assert [each for each in FORMS if each in forms(app)] == FORMS
    assert links(app) == ["?run=evaluate-first"]
