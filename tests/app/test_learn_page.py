"""The lesson's page where there is little to show; a browser plays the whole lesson."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn_app import needs_demo, state
from streamlit.testing.v1 import AppTest

from core.errors import ProblemError
from core.lessons.chains import LessonChains
from core.lessons.outline import STEPS
from core.lessons.preparing import Part
from core.lessons.settings import LessonSettings
from core.models.spec import DEMO_TEACHER, DEMO_TEACHER_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, find_problem
from core.records import Problem
from explorer.learn.material import Material, material
from explorer.tasks import Task

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "learn.py")
pytestmark = [needs_demo, pytest.mark.usefixtures("sessions")]


@pytest.fixture
def without_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model writes three chains, and none of them has a fork."""

    def start(self: Material, part: Part, teacher: str = "") -> None:
        self.lesson = replace(self.lesson, chains=LessonChains(3, 0, None, None, None, None))

    monkeypatch.setattr(Material, "start", start)
    monkeypatch.setattr("explorer.learn.scope.material", lambda spec, problems, settings:
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
        assert "so there are no forks to look at" in said(go_to(app, key))
        assert not app.radio
    assert "What the papers claim" in said(go_to(app, "claims"))
    assert len(app.checkbox) >= len(STEPS)


@pytest.mark.usefixtures("without_forks")
def test_what_a_session_file_says_of_the_lesson_is_checked(app: AppTest) -> None:
    form = state(app).opened.session.form
    form |= {"learn step": "nowhere", "learn projector": "yes", "learn sample": 7}
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
    assert {key for key in form if key.startswith("learn ")} == {"learn projector", "learn sample"}
    assert "1 of 8" in said(app)


@pytest.mark.usefixtures("without_forks")
def test_a_class_sees_no_sign_of_a_verdict_that_is_hidden(app: AppTest) -> None:
    form = state(app).opened.session.form
    form |= {"learn projector": True, "learn answer entropy demo here": ["50", "50", "0", "0", "0"]}
    opened(app)
    assert not app.success
    assert "0 of 8 done" in [each.value for each in app.caption]
    assert app.button(key="learn go entropy").label == "1"
    app.button(key="learn show entropy").click().run()
    assert "as an even choice between two tokens" in said(app)
    assert "1 of 8 done" in [each.value for each in app.caption]


def test_the_projector_can_be_left_where_the_lesson_can_t_be_made(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_material(state: object) -> Material:
        raise ProblemError("There are no problems to run on.", "Choose a set that has some.")

    monkeypatch.setattr("explorer.learn.page.chosen_material", no_material)
    state(app).opened.session.form["learn projector"] = True
    opened(app)
    assert "There are no problems" in said(app)
    app.button(key="learn projector button").click().run()
    assert not app.exception
    assert state(app).opened.session.form["learn projector"] is False
    assert app.button(key="learn projector button").label == "Projector"


def test_a_cancelled_search_stays_cancelled(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def start(self: Material, part: Part, teacher: str = "") -> None:
        begun.append(part)
        self.task = Task("Cancelled at once", lambda task: None)
        assert self.task.wait(10)

    monkeypatch.setattr(Material, "start", start)
    once = Material("demo here", ModelSpec(), [Problem("p", "?", "1")], LessonSettings())
    monkeypatch.setattr("explorer.learn.scope.material", lambda *given: once)
    go_to(opened(app), "heatmap")
    assert begun == ["chains"]
    app.button(key="learn start chains").click().run()
    assert begun == ["chains", "chains"]


def test_uploads_of_the_same_name_are_different_lessons() -> None:
    mine, other = ([Problem("p", each, "1")] for each in ("mine", "another person's"))
    found = material(ModelSpec(), mine, LessonSettings())
    assert material(ModelSpec(), list(mine), LessonSettings()) is found
    assert material(ModelSpec(), other, LessonSettings()) is not found
    assert material(ModelSpec(), other, LessonSettings()).name != found.name


@pytest.mark.skipif(not DEMO_TEACHER_FOLDER.is_dir(), reason="the demo's teacher is not built")
def test_each_trained_model_is_measured_by_itself(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = [find_problem(demo_problems(), "test-fence-006")]
    once = Material("demo here", ModelSpec(), problems, LessonSettings())
    once.lesson = replace(once.lesson, chains=LessonChains(1, 0, None, None, None, None))
    once.task = Task("Chains", lambda task: None)
    monkeypatch.setattr("explorer.learn.scope.material", lambda *given: once)
    teachers = {DEMO_TEACHER: "demo teacher", "another": "another one"}
    monkeypatch.setattr("explorer.learn.measured.known_teachers", lambda *given: teachers)
    go_to(opened(app), "tuning")
    app.button(key="learn start tuning").click().run()
    assert once.task.wait(100)
    app.run()
    assert once.error is None
    (options,) = [each.options for each in app.radio]
    assert "Up to 5 %" in options
    app.selectbox(key="learn teacher of demo").select("another").run()
    assert not app.exception
    assert not app.radio
    assert app.button(key="learn start tuning").label == "Measure"
    app.selectbox(key="learn teacher of demo").select(DEMO_TEACHER).run()
    assert len(app.radio) == 1
