"""The README of a distilled adapter: teacher, recipe, data, accuracy of all three."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from core.chains.prompting import prompt_in_words
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import DistillationResults
from core.models.spec import DEMO, ModelSpec
from core.statistics import Estimate


def distillation_card(
    spec: ModelSpec,
    teacher: str,
    recipe: DistillationRecipe,
    results: DistillationResults,
    versions: Mapping[str, str],
    models_style: str,
) -> str:
    """Markdown, with the header that model hubs read. A teacher's folder is named by its last
    part: a card goes to others, whom no path of this machine concerns. `models_style` is the
    base's prompt style."""
    training, learned, cost = results.training, results.rollouts, results.cost
    teaching = (
        "\nThe base is a teaching model of a few million parameters: what it gains here says "
        "nothing about large models.\n"
        if spec.model == DEMO
        else ""
    )
    name = Path(teacher).name if Path(teacher).is_absolute() else teacher
    sampler = recipe.evaluation
    seconds = ", ".join(f"{phase} {took:.0f} s" for phase, took in cost.seconds.items())
    made_with = ", ".join(f"{package} {version}" for package, version in versions.items())
    return f"""---
library_name: peft
base_model: {json.dumps(spec.model)}
tags: [lora, distillation]
---

# {json.dumps(name)} as a LoRA adapter for {json.dumps(spec.model)}

A teacher, distilled into a LoRA adapter of rank {training.rank} on
{", ".join(training.target_modules)}: {training.trained_parameters:,} parameters,
{training.trained_share:.2%} of the base's {training.parameters:,} (arXiv:2605.06241, section 4).
{teaching}
## Accuracy

{results.student.label} on {results.student.n} problems that were not trained on, at temperature
{sampler.temperature:g} and top-p {sampler.top_p:g}; 95 % intervals over problems. All problems
were asked with {prompt_in_words(recipe, models_style)}.

| | value | 95 % interval |
|---|---|---|
| base | {_row(results.base.pass_at_1)} |
| teacher | {_row(results.teacher.pass_at_1)} |
| student (this adapter) | {_row(results.student.pass_at_1)} |
| student, less teacher | {_row(results.against_teacher.difference)} |
| student, less base | {_row(results.against_base.difference)} |

Against the teacher: {results.against_teacher.word}. Against the base:
{results.against_base.word}.

## Data

- {learned.rollouts} rollouts of {learned.problems} problems by the teacher, {learned.right} of them
  right; all of them are learned from
- its {learned.top_k} most probable tokens at each of {learned.tokens:,} positions, which have
  {learned.kept_mass:.4%} of its probability, renormalised

## Cost

- {cost.total_seconds:.0f} s: {seconds}
- {training.steps} optimizer steps
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
