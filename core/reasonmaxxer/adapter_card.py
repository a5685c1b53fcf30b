"""The README of a ReasonMaxxer adapter."""

from __future__ import annotations

from collections.abc import Mapping

from core.chains.prompting import prompt_in_words
from core.lora.card import NO_EXTRAS, AccuracySection, CardExtras, card
from core.models.spec import ModelSpec
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import TrainingResults
from core.runs.imported import ImportedRollouts
from core.system.percent import percent


def adapter_card(
    spec: ModelSpec,
    recipe: Recipe,
    results: TrainingResults,
    versions: Mapping[str, str],
    models_style: str,
    extras: CardExtras = NO_EXTRAS,
    imported: ImportedRollouts | None = None,
) -> str:
    """Markdown: what the adapter is, its accuracy before and after, data, cost and recipe.
    `models_style` is the base's prompt style; `imported` says where rollouts come from that were
    not sampled for it."""
    found, selection, training = results.comparison, results.selection, results.training
    when, by = "before, in training and after", "by the base itself"
    if imported is not None:
        when = "before and after; those in training are the file's"
        by = f"{imported.words}, sampled by {imported.sampled_by}"
    return card(
        spec,
        tag="reasonmaxxer",
        title=f"A ReasonMaxxer adapter for {spec.model}",
        about="A LoRA adapter, trained with a contrastive loss at decision points only, without "
        "reinforcement\nlearning (arXiv:2605.06241, section 5).",
        accuracy=AccuracySection(
            heading="Accuracy before and after",
            measured=results.after,
            sampler=recipe.evaluation,
            asked=f"The prompts, {when}: {prompt_in_words(recipe, models_style)}.",
            rows=[
                ("before", found.before),
                ("after", found.after),
                ("difference", found.difference),
                ("boxed, before", results.before.boxed),
                ("boxed, after", results.after.boxed),
            ],
            verdict=f"Verdict: {found.word}. Problems solved only after: {len(found.gained)}, only "
            f"before:\n{len(found.lost)}; McNemar p = {found.mcnemar_p:.2g}.",
        ),
        data=[
            f"{selection.rollouts} rollouts of {len(selection.pass_rates)} problems, {by}",
            f"learned from: {selection.right} correct and {selection.wrong} wrong ones of "
            f"{len(selection.problems)} problems with both",
            f"decision points: {selection.decisions} of {selection.tokens} tokens, "
            f"{percent(selection.gated_share)} ({recipe.gate.kind} gate, "
            f"tau {recipe.gate.tau:g} nats)",
        ],
        steps=f"{training.steps} optimizer steps, {training.trained_parameters:,} trained "
        f"parameters of {training.parameters:,}",
        cost=results.cost,
        recipe=recipe,
        seed=recipe.seed,
        versions=versions,
        extras=extras,
    )
