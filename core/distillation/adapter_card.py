"""The README of a distilled adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from core.chains.prompting import prompt_in_words
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import DistillationResults
from core.lora.card import NO_EXTRAS, AccuracySection, CardExtras, card
from core.models.spec import ModelSpec
from core.system.percent import percent


def distillation_card(
    spec: ModelSpec,
    teacher: str,
    recipe: DistillationRecipe,
    results: DistillationResults,
    versions: Mapping[str, str],
    models_style: str,
    extras: CardExtras = NO_EXTRAS,
) -> str:
    """Markdown: what the adapter is, the accuracy of all three models, data, cost and recipe.

    A teacher's folder is named by its last part: a card may be published, and must not show paths
    of this machine. `models_style` is the base's prompt style.
    """
    training, learned = results.training, results.rollouts
    against_teacher, against_base = results.against_teacher, results.against_base
    name = Path(teacher).name if Path(teacher).is_absolute() else teacher
    return card(
        spec,
        tag="distillation",
        title=f"{json.dumps(name)} as a LoRA adapter for {json.dumps(spec.model)}",
        about=f"A teacher, distilled into a LoRA adapter of rank {training.rank} on\n"
        f"{', '.join(training.target_modules)}: {training.trained_parameters:,} parameters,\n"
        f"{percent(training.trained_share, 2)} of the base's {training.parameters:,} "
        "(arXiv:2605.06241, section 4).",
        accuracy=AccuracySection(
            heading="Accuracy",
            measured=results.student,
            sampler=recipe.evaluation,
            asked=f"The prompts of all three models: {prompt_in_words(recipe, models_style)}.",
            rows=[
                ("base", results.base.pass_at_1),
                ("teacher", results.teacher.pass_at_1),
                ("student (this adapter)", results.student.pass_at_1),
                ("student, less teacher", against_teacher.difference),
                ("student, less base", against_base.difference),
            ],
            verdict=f"Against the teacher: {against_teacher.word}. Against the base:\n"
            f"{against_base.word}.",
        ),
        data=[
            f"{learned.rollouts} rollouts of {learned.problems} problems by the teacher, "
            f"{learned.right} of them\n  correct; all of them are learned from",
            f"its {learned.top_k} most probable tokens at each of {learned.tokens:,} positions, "
            f"which have\n  {percent(learned.kept_mass, 4)} of its probability, renormalised",
        ],
        steps=f"{training.steps} optimizer steps",
        cost=results.cost,
        recipe=recipe,
        seed=recipe.seed,
        versions=versions,
        extras=extras,
    )
