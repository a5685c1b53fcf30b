"""The README of an adapter: recipe, data, accuracy before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping

from core.chains.prompting import prompt_in_words
from core.models.spec import DEMO, ModelSpec
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import TrainingResults
from core.statistics import Estimate


def adapter_card(
    spec: ModelSpec,
    recipe: Recipe,
    results: TrainingResults,
    versions: Mapping[str, str],
    models_style: str,
) -> str:
    """Markdown, with the header that model hubs read. `models_style` is the base's prompt style."""
    comparison, selection = results.comparison, results.selection
    training, cost = results.training, results.cost
    teaching = (
        "\nThe base is a teaching model of a few million parameters: what it gains here says "
        "nothing about large models.\n"
        if spec.model == DEMO
        else ""
    )
    sampler = recipe.evaluation
    seconds = ", ".join(f"{phase} {took:.0f} s" for phase, took in cost.seconds.items())
    made_with = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"""---
library_name: peft
base_model: {json.dumps(spec.model)}
tags: [lora, reasonmaxxer]
---

# A ReasonMaxxer adapter for {spec.model}

A LoRA adapter, trained with a contrastive loss at decision points only, without reinforcement
learning (arXiv:2605.06241, section 5).
{teaching}
## Accuracy before and after

{results.after.label} on {comparison.n} problems that were not trained on, at temperature
{sampler.temperature:g} and top-p {sampler.top_p:g}; 95 % intervals over problems. Problems were
asked, before, in training and after, with {prompt_in_words(recipe, models_style)}.

| | value | 95 % interval |
|---|---|---|
| before | {_row(comparison.before)} |
| after | {_row(comparison.after)} |
| difference | {_row(comparison.difference)} |
| boxed, before | {_row(results.before.boxed)} |
| boxed, after | {_row(results.after.boxed)} |

Verdict: {comparison.word}. Problems solved only after: {len(comparison.gained)}, only before:
{len(comparison.lost)}; McNemar p = {comparison.mcnemar_p:.2g}.

## Data

- {selection.rollouts} rollouts of {len(selection.pass_rates)} problems, by the base itself
- learned from: {selection.right} right and {selection.wrong} wrong ones of \
{len(selection.problems)} problems with both
- decision points: {selection.decisions} of {selection.tokens} tokens, \
{selection.gated_share:.1%} ({recipe.gate.kind} gate, tau {recipe.gate.tau:g} nats)

## Cost

- {cost.total_seconds:.0f} s: {seconds}
- {training.steps} optimizer steps, {training.trained_parameters:,} trained parameters of \
{training.parameters:,}
- {cost.sampled_tokens:,} tokens sampled, {cost.trained_tokens:,} trained on
- peak memory {cost.peak_memory_bytes / 2**20:.0f} MiB

## Recipe

Seed {recipe.seed}. {made_with}.

```json
{json.dumps(recipe.model_dump(mode="json"), indent=1)}
```
"""


def _row(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} | [{estimate.low:.3f}, {estimate.high:.3f}]"
