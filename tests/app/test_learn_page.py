"""The lesson's page where there is little to show; a browser plays the whole lesson."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn_app import needs_demo, state
from streamlit.testing.v1 import AppTest

from core.lessons.chains import LessonChains
from core.lessons.outline import STEPS
from explorer.learn.material import Material, Part

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "learn.py")
pytestmark = [needs_demo, pytest.mark.usefixtures("sessions")]


@pytest.fixture
def without_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model writes three chains, and none of them has a fork."""

    def start(self: Material, part: Part, teacher: str = "") -> None:
        self.lesson = replace(self.lesson, chains=LessonChains(3, 0, None, None, None))

    monkeypatch.setattr(Material, "start", start)
    monkeypatch.setattr("explorer.learn.scope.material", lambda spec, name, problems, settings:
                        Material(f"{spec.model} here", spec, problems[:3], settings))  # fmt: skip


def opened(app: AppTest) -> AppTest:
    app.switch_page(PAGE).run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.info, *app.error, *app.success))


def go_to(app: AppTest, key: str) -> AppTest:
    app.button(key=f"learn go {key}").click().run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("without_forks")
def test_a_model_without_forks_gets_a_sentence_and_no_check(app: AppTest) -> None:
    opened(app)
    for key in ("heatmap", "guess", "force", "idle"):
        assert "so there is no fork to look at" in said(go_to(app, key))
        assert not app.radio
    assert "What the papers claim" in said(go_to(app, "claims"))
    assert len(app.checkbox) >= len(STEPS)


@pytest.mark.usefixtures("without_forks")
def test_what_a_session_file_says_of_the_lesson_is_checked(app: AppTest) -> None:
    form = state(app).opened.session.form
    form |= {"learn step": "nowhere", "learn projector": "yes"}
    for step in STEPS:
        for what in ("answer", "weights", "forced", "tried", "done"):
            form[f"learn {what} {step.key} demo here"] = ["<b>", "-7", "99999999999999"]
    opened(app)
    assert "1 of 8" in said(app)
    for step in STEPS:
        go_to(app, step.key)
    assert not app.success
    app.button(key="learn reset").click().run()
    assert not app.exception
    assert [key for key in form if key.startswith("learn ") and key != "learn projector"] == []
    assert "1 of 8" in said(app)
