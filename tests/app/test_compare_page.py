"""Compare without a browser: what is wrong with a run is said, never thrown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.disagreement.task import COMPARE, plan_comparison
from core.distillation.plan import plan_distillation
from core.distillation.recipe import recipe_of
from core.distillation.task import DISTIL
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.runs.context import DONE, carry_out
from core.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


def opened(**link: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)
    app.run()
    app.switch_page("../pages/compare.py")
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def prepared(user_folder: Path) -> Run:
    plan = plan_comparison(ModelSpec(), demo_problems()[:4], {}, teachers=["demo-teacher"])
    return Run.create(user_folder / "runs", COMPARE.name, plan, name="**mine**")


def test_an_empty_page_says_what_to_do_first() -> None:
    app = opened()
    assert any("press **Compare**" in each.value for each in app.info)
    assert app.multiselect[0].value == ["demo-teacher"]


def test_a_finished_run_is_shown_beside_the_paper(user_folder: Path) -> None:
    run = prepared(user_folder)
    assert carry_out(run, COMPARE.carry_out, bar=False) == DONE
    app = opened()
    table = app.dataframe[0].value
    assert list(table.columns) == ["measure", "demo teacher (GRPO)", "paper"]
    says = dict(zip(table["measure"], table["paper"], strict=True))
    assert says["reranked"] == "1–4.1 %"
    assert says["mean base rank of changes"] == "2.14–2.39"
    assert any(each.value.startswith(r"**\*\*mine\*\*") for each in app.markdown)


def test_a_link_to_a_distillation_shows_it_and_its_teacher_can_be_changed_afterwards(
    user_folder: Path,
) -> None:
    plan = plan_distillation(
        ModelSpec(),
        str(DEMO_TEACHER_FOLDER),
        demo_training_problems()[:4],
        demo_problems()[:4],
        recipe_of("demo"),
    )
    run = Run.create(user_folder / "runs", DISTIL.name, plan, name="**small**")

    def shown(app: AppTest) -> bool:
        return any(r"**\*\*small\*\***" in each.value for each in app.markdown)

    app = opened(run=run.id)
    assert shown(app)
    teacher = app.text_input(key="distillation teacher")
    assert teacher.value == str(DEMO_TEACHER_FOLDER)
    teacher.set_value("elsewhere").run()
    assert not app.exception
    assert app.text_input(key="distillation teacher").value == "elsewhere"
    assert not shown(app), "it has another teacher"


def test_a_folder_that_can_t_be_read_is_said(user_folder: Path) -> None:
    user_folder.mkdir(parents=True)
    (user_folder / "runs").write_text("a file")
    assert opened().error


@pytest.mark.parametrize(
    "damage",
    [
        ("results.json", "{"),
        ("results.json", json.dumps({"schema_version": 1, "n": 3})),
        ("config.json", "teachers"),
        ("units.jsonl", '{"unit": "000000", "result": 5}\n'),
        ("problems.jsonl", "{broken"),
    ],
    ids=lambda damage: f"{damage[0]} {damage[1][:9]}",
)
def test_damaged_files_of_a_run_are_said_on_the_page(
    user_folder: Path, damage: tuple[str, str]
) -> None:
    run = prepared(user_folder)
    assert carry_out(run, COMPARE.carry_out, bar=False) == DONE
    file, content = run.folder / damage[0], damage[1]
    if content == "teachers":
        config = json.loads(file.read_text())
        config["model"]["teachers"] = 5
        content = json.dumps(config)
    file.write_text(content)
    app = opened()
    if damage[0] != "units.jsonl":
        assert app.error
