"""The README of a trained adapter, in the form that model hubs read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from core.evaluation.results import EvaluationResults
from core.lora.cost import Cost
from core.lora.recipe import Sampling
from core.models.spec import DEMO, ModelSpec
from core.statistics import Estimate


@dataclass(frozen=True)
class AccuracySection:
    """What the card says about accuracy."""

    heading: str
    measured: EvaluationResults  # of the tuned model
    sampler: Sampling
    asked: str  # one sentence: with which prompts
    rows: Sequence[tuple[str, Estimate]]
    verdict: str


@dataclass(frozen=True)
class CardExtras:
    """What a card says beside what its run knows when it ends: see `core.publishing.model_card`."""

    header: Mapping[str, object] | None = None  # in place of the header of an adapter in its run
    sections: Sequence[tuple[str, str]] = ()  # heading and markdown, after the accuracy


NO_EXTRAS = CardExtras()


def card(
    spec: ModelSpec,
    *,
    tag: str,
    title: str,
    about: str,
    accuracy: AccuracySection,
    data: Sequence[str],
    steps: str,
    cost: Cost,
    recipe: BaseModel,
    seed: int,
    versions: Mapping[str, str],
    extras: CardExtras,
) -> str:
    """Markdown with the header that model hubs read.

    Args:
        spec: the base.
        tag: the method, for the hub's search.
        title: of the page.
        about: what the adapter is, in markdown.
        accuracy: on problems that were not trained on.
        data: what was learned from, as list items.
        steps: the steps of the training, in words.
        cost: of the run.
        recipe: all settings, printed as JSON.
        seed: of the run.
        versions: of the libraries, by name.
        extras: a header and sections of its own.
    """
    header = {"library_name": "peft", "base_model": spec.model, "tags": ["lora", tag]}
    teaching = (
        "\nThe base is a teaching model of a few million parameters: what it gains here says "
        "nothing about large models.\n"
        if spec.model == DEMO
        else ""
    )
    made_with = ", ".join(f"{package} {version}" for package, version in versions.items())
    rows = "\n".join(f"| {name} | {_row(estimate)} |" for name, estimate in accuracy.rows)
    learned_from = "\n".join(f"- {each}" for each in data)
    sections = "".join(f"## {heading}\n\n{text}\n\n" for heading, text in extras.sections)
    return f"""{front_matter(header if extras.header is None else extras.header)}
# {title}

{about}
{teaching}
## {accuracy.heading}

{accuracy.measured.label} on {accuracy.measured.n} problems that were not trained on, at temperature
{accuracy.sampler.temperature:g} and top-p {accuracy.sampler.top_p:g}; 95 % intervals over problems.
{accuracy.asked}

| | value | 95 % interval |
|---|---|---|
{rows}

{accuracy.verdict}

{sections}## Data

{learned_from}

## Cost

- {cost.total_seconds:.0f} s: {cost.phases_in_words}
- {steps}
- {cost.sampled_tokens:,} tokens sampled, {cost.trained_tokens:,} trained on
- peak memory {cost.peak_memory_bytes / 2**20:.0f} MiB

## Recipe

Seed {seed}. {made_with}.

```json
{json.dumps(recipe.model_dump(mode="json"), indent=1)}
```
"""


def front_matter(header: Mapping[str, object]) -> str:
    """The header of a card, as YAML between lines of dashes."""
    lines = [f"{name}: {json.dumps(value)}" for name, value in header.items()]  # JSON is YAML
    return "\n".join(["---", *lines, "---", ""])


def _row(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} | {estimate.brackets()}"
