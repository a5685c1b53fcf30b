"""The sidebar's list of models, without a browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from drawn_app import needs_demo, state
from streamlit.testing.v1 import AppTest

from core.distillation.results import TASK as DISTILL_TASK
from core.lora.run_files import ADAPTER
from core.models.catalogue import MODELS, PAIRS, pair_named
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec
from core.models.worker_reports import CONVERTING, DownloadCancelledError
from core.reasonmaxxer.results import TRAIN_TASK
from core.runs.config import RunPlan
from core.runs.context import DONE, RunContext, carry_out
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.shared.teachers import compare_key, interventions_key, known_teachers
from explorer.workbench import Workbench, workbench

ROOT = Path(__file__).resolve().parents[2]
pytestmark = needs_demo


def box(app: AppTest, label: str) -> Any:
    return next(each for each in app.sidebar.selectbox if each.label == label)


def sidebar_text(app: AppTest) -> str:
    return "\n".join(str(each.value) for each in app.sidebar.caption)


def test_the_list_offers_real_models_with_size_and_licence(app: AppTest) -> None:
    options = box(app, "Model").options
    assert options[0] == "demo"
    assert options[1] == "SmolLM2-135M-Instruct · 92.9 MB · Apache-2.0"
    assert options[-1] == "Load another model…"
    assert len(options) == len(MODELS) + 3
    for entry in MODELS:
        box(app, "Model").set_value(entry.model).run()
        assert not app.exception
        assert entry.good_for.split(":")[0].split(";")[0] in sidebar_text(app).replace("\\", "")
        assert any(button.label == "Load" for button in app.sidebar.button)


def test_one_choice_fills_base_and_teacher(app: AppTest) -> None:
    box(app, "Model").set_value("a base and its RL-trained checkpoint").run()
    pair = pair_named("orz-1.5b")
    assert pair is not None
    box(app, "Pair").set_value(pair.name).run()
    assert not app.exception
    form = state(app).form
    assert form.value(interventions_key(pair.base), "", lambda _: True) == pair.teacher
    assert form.value(compare_key(pair.base), [], lambda _: True) == [pair.teacher]
    state(app).opened.spec = ModelSpec(pair.base)  # as once it is loaded
    app.switch_page(str(ROOT / "pages" / "compare.py")).run()
    (teachers,) = [each for each in app.multiselect if each.label == "Teachers"]
    assert teachers.value == [pair.teacher]
    app.switch_page(str(ROOT / "pages" / "interventions.py")).run()
    (teacher,) = [each for each in app.selectbox if each.label == "Teacher"]
    assert teacher.value == pair.teacher


def test_a_base_of_a_pair_knows_its_teachers(tmp_path: Path) -> None:
    for pair in PAIRS:
        assert pair.teacher in known_teachers(pair.base, RunsFolder(tmp_path))
    assert list(known_teachers("demo", RunsFolder(tmp_path))) in ([], ["demo-teacher"])


def test_a_distilled_adapter_is_offered_after_those_that_learned_by_themselves(
    tmp_path: Path,
) -> None:
    """Measuring claims distils the teacher, which must stay the one that is meant."""

    def write_adapter(work: RunContext) -> None:
        (work.run.folder / ADAPTER).mkdir()
        (work.run.folder / ADAPTER / "adapter_config.json").write_text("{}")

    folders = []
    for task in (TRAIN_TASK, DISTILL_TASK):  # the distilled one is newer
        run = Run.create(tmp_path, task, RunPlan({}, {"model": DEMO}, seed=0))
        assert carry_out(run, write_adapter, bar=False) == DONE
        folders.append(str((run.folder / ADAPTER).resolve()))
    known = [each for each in known_teachers("demo", RunsFolder(tmp_path)) if each != DEMO_TEACHER]
    assert known == folders


def test_a_conversion_is_followed_and_cancelled(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Workbench.model

    def model(
        self: Workbench, spec: ModelSpec, *, report: Any = None, cancelled: Any = None
    ) -> Any:
        if spec.model != "smollm2":
            return plain(self, spec, report=report, cancelled=cancelled)
        report(10, 10)
        report(5_000_000, 10_000_000, CONVERTING)
        while not cancelled():
            time.sleep(0.05)
        raise DownloadCancelledError("The conversion was stopped.", "Load it again.")

    monkeypatch.setattr(type(workbench()), "model", model)
    box(app, "Model").set_value("smollm2").run()
    next(button for button in app.sidebar.button if button.label == "Load").click().run()
    (bar,) = app.get("progress")
    assert bar.proto.text.startswith("Converting: 5.0 MB of 10.0 MB")
    _, task = app.session_state["model_task"]
    task.cancel()
    assert task.wait(10)
    app.run()
    assert any("was stopped" in str(each.value).replace("\\", "") for each in app.info)
    assert state(app).opened.spec == ModelSpec()
