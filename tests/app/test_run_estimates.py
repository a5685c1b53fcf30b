"""How long a run takes, beside the button that starts it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.task import EVALUATE
from core.models.spec import DEMO_FOLDER
from core.reasonmaxxer.recipe import PROBLEM_SETS, suited_preset
from core.runs import jobs
from core.runs.estimate import PhaseEstimate, RunEstimate
from core.runs.kind import RunKind
from core.runs.measurements import NotMeasuredError
from core.runs.runs_folder import RunsFolder
from explorer.tasks import Task

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)
ASK = "How long will it take?"
FOUND = RunEstimate((PhaseEstimate("loading", 4, 3, 5), PhaseEstimate("sampling", 180, 120, 300)))
HOURS = RunEstimate((PhaseEstimate("sampling", 9000, 7000, 12000, setting="samples"),))


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


class Measured:
    """In the place of a kind's estimate: known only once a task has measured it."""

    def __init__(self, found: RunEstimate) -> None:
        self.found, self.known = found, False
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.times = 0

    def __call__(self, meter: Any, plan: Any, settings: Any) -> RunEstimate:
        if not self.known:
            if not meter._may_measure:
                raise NotMeasuredError
            self.times += 1
            self.begun.set()
            assert self.go_on.wait(60)
            self.known = True
        return self.found


def measured(
    monkeypatch: pytest.MonkeyPatch, kind: RunKind[Any, Any], found: RunEstimate
) -> Measured:
    made = Measured(found)
    monkeypatch.setattr(type(kind), "estimate", made, raising=False)
    monkeypatch.setitem(vars(kind), "estimate", made)
    return made


def opened(app: AppTest, page: str) -> AppTest:
    app.run()
    app.switch_page(f"../pages/{page}.py")
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.caption, *app.warning)).replace("\\", "")


def labels(app: AppTest) -> set[str]:
    return {each.label for each in app.button}


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def finish(app: AppTest, kind: str) -> None:
    task: Task = app.session_state[f"measuring {kind}"]
    assert task.wait(60)
    app.run()


def test_nothing_is_measured_until_a_person_asks_and_then_it_is_known(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, user_folder: Path
) -> None:
    asked = measured(monkeypatch, EVALUATE, FOUND)
    opened(app, "evaluate")
    assert asked.times == 0
    button(app, ASK).click().run()
    assert asked.begun.wait(60)
    app.run()
    assert "measuring…" in said(app)
    assert ASK not in labels(app)
    asked.go_on.set()
    finish(app, "evaluate")
    assert "This takes about 3 min (2-5): loading 4 s, sampling 3 min" in said(app)
    assert not app.warning
    assert asked.times == 1
    monkeypatch.setattr(jobs, "start", lambda run, **_: None)
    button(app, "Run").click().run()
    (run,) = RunsFolder(user_folder / "runs").list()
    assert RunEstimate.from_json(run.config.estimate) == FOUND


def test_hours_are_a_warning_with_the_field_to_lower(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, EVALUATE, HOURS).known = True
    opened(app, "evaluate")
    assert "Lower “Samples per problem”, which shortens it most." in said(app)
    assert ASK not in labels(app)


@pytest.mark.parametrize("page", ["interventions", "compare", "finetune"])
def test_every_form_that_starts_a_run_can_be_asked(app: AppTest, page: str) -> None:
    assert ASK in labels(opened(app, page))


def test_a_measurement_that_fails_says_so_and_can_be_asked_again(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = measured(monkeypatch, EVALUATE, FOUND)
    opened(app, "evaluate")

    def fail(meter: Any, plan: Any, settings: Any) -> RunEstimate:
        if meter._may_measure:
            raise MemoryError("no room")
        raise NotMeasuredError

    monkeypatch.setitem(vars(EVALUATE), "estimate", fail)
    button(app, ASK).click().run()
    finish(app, "evaluate")
    assert "Measuring failed unexpectedly" in app.error[0].value
    assert ASK in labels(app)
    assert asked.times == 0


def test_quick_is_offered_for_small_real_models_on_a_processor() -> None:
    def preset(parameters: int | None, *, on_cpu: bool = True, is_demo: bool = False) -> str:
        return suited_preset(is_demo=is_demo, parameters=parameters, on_cpu=on_cpu, other="careful")

    assert preset(135_000_000) == "quick"
    assert preset(494_032_768) == "quick"
    assert preset(1_500_000_000) == preset(None) == "careful"
    assert preset(135_000_000, on_cpu=False) == "careful"
    assert preset(3_000_000, is_demo=True) == "demo"


def test_the_quick_preset_takes_word_problems(app: AppTest) -> None:
    opened(app, "finetune")
    boxes = {each.label: each for each in app.selectbox}
    assert (boxes["Preset"].value, boxes["Learn from"].value) == ("demo", "Demo training problems")
    boxes["Preset"].set_value("quick").run()
    assert not app.exception
    boxes = {each.label: each for each in app.selectbox}
    assert boxes["Learn from"].value == "Word problems (train)"
    assert boxes["Measure on, before and after"].value == "Word problems (test)"
    assert PROBLEM_SETS["quick"] == ("word-problems-train", "word-problems")
    assert "Up to 64 problems × 8 rollouts" in said(app)
    assert "32 problems × 2 to measure" in said(app)
