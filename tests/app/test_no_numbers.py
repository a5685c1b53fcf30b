"""A model whose logits become NaN ends every kind of run, and its page says why in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models import save_tiny_model
from safetensors.torch import load_file, save_file
from streamlit.testing.v1 import AppTest

from core.disagreement.task import COMPARE, plan_comparison
from core.distillation.plan import plan_distillation
from core.distillation.recipe import DistillationRecipe
from core.distillation.task import DISTIL
from core.evaluation.task import EVALUATE, plan_evaluation
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.spec import ModelSpec
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS, TRAIN
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.context import RunContext, carry_out
from core.runs.run import Run

ROOT = Path(__file__).resolve().parents[2]
EXPLORER_ERROR = 2  # exit code
SHORT = {"max_new_tokens": 4, "prompt_style": "plain"}
PROBLEMS = [Problem(f"p{i}", f"What is {i}?", str(i)) for i in range(4)]
OTHERS = [Problem(f"q{i}", f"How many are {i}?", str(i)) for i in range(4)]

Plan = Callable[[ModelSpec, str], RunPlan]
KINDS: dict[str, tuple[str, Plan, Callable[[RunContext], None]]] = {
    "evaluate": (
        "evaluate",
        lambda spec, _: plan_evaluation(spec, PROBLEMS, {"samples": 1, **SHORT}),
        EVALUATE.carry_out,
    ),
    "interventions": (
        "interventions",
        lambda spec, _: plan_interventions(spec, PROBLEMS, SHORT),
        INTERVENTIONS.carry_out,
    ),
    "interventions with a teacher": (
        "interventions",
        lambda spec, teacher: plan_interventions(spec, PROBLEMS, SHORT, teacher=teacher),
        INTERVENTIONS.carry_out,
    ),
    "compare": (
        "compare",
        lambda spec, teacher: plan_comparison(spec, PROBLEMS, SHORT, teachers=[teacher]),
        COMPARE.carry_out,
    ),
    "rollouts": (
        "rollouts",
        lambda spec, _: plan_rollouts(spec, PROBLEMS, Recipe(**SHORT)),
        SAMPLE_ROLLOUTS.carry_out,
    ),
    "train": (
        "train",
        lambda spec, _: plan_training(spec, PROBLEMS, OTHERS, Recipe(**SHORT)),
        TRAIN.carry_out,
    ),
    "distill": (
        "distill",
        lambda spec, teacher: plan_distillation(
            spec, teacher, PROBLEMS, OTHERS, DistillationRecipe(problems=4, **SHORT)
        ),
        DISTIL.carry_out,
    ),
}
WITH_TEACHER = ["interventions with a teacher", "compare", "distill"]
PAGES = {"rollouts": "finetune", "train": "finetune", "distill": "compare"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A whole model, and one that gives numbers until it reads a question mark."""
    whole = save_tiny_model(tmp_path_factory.mktemp("models") / "whole")
    broken = save_tiny_model(whole.with_name("broken"))
    weights = load_file(broken / "model.safetensors")
    mark = ord("?") - ord("!") + 1  # of the byte-level alphabet, after the end token
    weights["model.embed_tokens.weight"][mark] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    return {"whole": str(whole), "broken": str(broken)}


def said(app: AppTest) -> str:
    return "\n".join(str(each.value) for each in (*app.error, *app.warning, *app.markdown))


@pytest.mark.parametrize(
    ("kind", "broken"),
    [(kind, "base") for kind in KINDS] + [(kind, "teacher") for kind in WITH_TEACHER],
)
def test_a_run_of_a_model_without_numbers_ends_in_a_sentence_on_its_page(
    kind: str, broken: str, models: dict[str, str], user_folder: Path
) -> None:
    task, plan, work = KINDS[kind]
    base, teacher = (
        models["broken" if broken == each else "whole"] for each in ("base", "teacher")
    )
    prepared: Any = plan(ModelSpec(base), teacher)
    run = Run.create(user_folder / "runs", task, prepared)
    assert carry_out(run, work, bar=False) == EXPLORER_ERROR
    reason = run.status().error
    assert reason is not None
    assert "are not finite numbers (NaN or infinite), in float32" in str(reason)
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300).run()
    app.switch_page(f"../pages/{PAGES.get(kind, task)}.py")
    app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    assert "are not finite numbers" in said(app).replace("\\", "")
