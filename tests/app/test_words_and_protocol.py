"""Words of a run, the paper's protocol and weights of decisions, on their pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import explorer.shared.words
from core.disagreement.task import COMPARE, plan_comparison
from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, DEMO_TEACHER_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.config import RunPlan
from core.runs.context import DONE, carry_out
from core.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


@pytest.fixture(autouse=True)
def unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is drawn once it is opened, drawn at once."""
    monkeypatch.setattr(explorer.shared.words, "folded", lambda label, key, draw: draw())


def opened(page: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)
    app.run()
    app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception
    return app


def labelled(elements: Any, label: str) -> Any:
    return next(each for each in elements if each.label == label)


def finished(folder: Path, kind: Any, plan: RunPlan) -> Run:
    run = Run.create(folder, kind.name, plan)
    assert carry_out(run, kind.carry_out, bar=False) == DONE
    return run


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.info, *app.error))


def test_the_words_of_a_comparison_with_both_ends_and_what_changes(user_folder: Path) -> None:
    plan = plan_comparison(ModelSpec(), demo_problems()[:8], {}, teachers=[DEMO_TEACHER])
    finished(user_folder / "runs", COMPARE, plan)
    app = opened("compare")
    words = labelled(app.selectbox, "Words")
    assert words.options == ["highest entropy", "lowest entropy", "changed most", "all"]
    labelled(app.number_input, "At least so often").set_value(2).run()
    high = next(each.value for each in app.dataframe if "word" in each.value)
    labelled(app.selectbox, "Words").set_value("lowest entropy").run()
    low = next(each.value for each in app.dataframe if "word" in each.value)
    assert high["entropy"].min() > low["entropy"].max()
    assert (high["count"] >= 2).all()
    assert any(each.startswith("␣") for each in [*high["word"], *low["word"]])
    assert {"changed", "most often to", "95 % interval"} <= set(high.columns)
    assert "the words are the base's first choices" in said(app)
    assert not app.exception


def test_an_evaluation_says_how_to_get_its_words_and_shows_them_where_it_kept_entropies(
    user_folder: Path,
) -> None:
    for keep in (True, False):
        how = {"samples": 2, "keep_entropy": keep}
        finished(
            user_folder / "runs", EVALUATE, plan_evaluation(ModelSpec(), demo_problems()[:3], how)
        )
        app = opened("evaluate")  # shows the newest run
        labelled(app.number_input, "At least so often").set_value(2).run()
        shown = [each for each in app.dataframe if "word" in each.value]
        assert bool(shown) is keep
        assert ("Keep entropies" in "\n".join(each.value for each in app.error)) is not keep
        assert all("changed" not in each.value for each in shown)


def test_the_protocol_fills_the_fields_and_names_what_is_missing() -> None:
    app = opened("evaluate")
    labelled(app.number_input, "Temperature").set_value(1.0).run()
    labelled(app.selectbox, "Protocol").set_value("reasonmaxxer").run()
    assert not app.exception
    heat, samples = (
        labelled(app.number_input, each) for each in ("Temperature", "Samples per problem")
    )
    assert (heat.value, heat.disabled) == (0.6, True)
    assert (samples.value, samples.disabled) == (8, True), "the demo isn't a benchmark: avg@8"
    length = labelled(app.number_input, "Max new tokens")
    assert (length.value, length.disabled) == (8192, False)
    for name in ("GSM8K", "MATH-500", "Minerva Math", "OlympiadBench", "AIME24", "AMC23"):
        assert f"[{name}](https://huggingface.co/datasets/" in said(app)
    length.set_value(200).run()
    assert labelled(app.number_input, "Max new tokens").value == 200, "it may be less"
    labelled(app.selectbox, "Protocol").set_value("none").run()
    assert not labelled(app.number_input, "Temperature").disabled


def test_weights_of_decisions_are_asked_for_once_there_is_a_teacher() -> None:
    app = opened("finetune")
    label = "Weights of decisions"
    assert not [each for each in app.selectbox if each.label == label]
    labelled(app.selectbox, "Teacher for weights of decisions").set_value(DEMO_TEACHER).run()
    assert not app.exception
    weights = labelled(app.selectbox, label)
    assert weights.value == "none"
    assert weights.options == ["none", "divergence", "divergence-permuted"]
