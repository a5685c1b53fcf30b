"""The model card of a published adapter, or of the model that it was merged into.

It says what the run measured: before and after with n and interval, what was chosen on held-out
problems, and the controls that there are, or that there are none. It names no folder of this
machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.distillation.adapter_card import distillation_card
from core.distillation.results import distillation_models, distillation_recipe
from core.distillation.task import DISTIL
from core.errors import ExplorerError, RunError
from core.export.scrubbing import Scrubber
from core.lora.card import CardExtras, front_matter
from core.models.files import adapter_facts
from core.models.spec import DEMO, DEMO_NOTICE, ModelSpec
from core.publishing.controls import Control
from core.publishing.source import AdapterSource
from core.reasonmaxxer.adapter_card import adapter_card
from core.reasonmaxxer.results import TRAIN_TASK, TrainingResults, chains_side_by_side, run_recipe
from core.reasonmaxxer.settings import GATES
from core.reasonmaxxer.task import TRAIN
from core.runs.headline import points
from core.runs.run import Run
from core.system.percent import percent


def model_card(
    source: AdapterSource,
    *,
    command: str = "",
    note: str = "",
    controls: Sequence[Control] = (),
    merged_as: str | None = None,
    scrubber: Scrubber | None = None,
) -> str:
    """Markdown with the header that the hub reads.

    Args:
        command: that makes the run again; empty without a run.
        note: what has to be put into the command.
        controls: of the run, from `controls_of`.
        merged_as: the precision of the merged model's weights; None: the card is the adapter's.
        scrubber: what must not leave this machine; of this machine when not given.

    Raises:
        RunError: the run has no results, or they can't be read.
    """
    scrubber = scrubber or Scrubber.of_this_machine()
    header = _header(source, merged_as)
    if source.run is None:
        text = _plain_card(source, header, merged_as)
    else:
        sections = [
            ("Base", _base(source, merged_as)),
            *_of_fine_tune(source.run, controls),
            ("How it was made", _made(source.run, command, note, scrubber)),
        ]
        text = _run_card(source, source.run, CardExtras(header, sections))
    return scrubber.prose(text)


def _header(source: AdapterSource, merged_as: str | None) -> Mapping[str, object]:
    is_adapter = merged_as is None
    method = {None: [], TRAIN_TASK: ["reasonmaxxer"]}.get(
        None if source.run is None else source.run.config.task, ["distillation"]
    )
    header: dict[str, object] = {
        "library_name": "peft" if is_adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["lora", *method] if is_adapter else ["merged-lora", *method],
    }
    if source.hub_base is not None:
        header["base_model"] = source.hub_base
        header["base_model_relation"] = "adapter" if is_adapter else "finetune"
    return header


def _run_card(source: AdapterSource, run: Run, extras: CardExtras) -> str:
    named = replace(source.base, model=_public_name(source.base))
    versions = run.config.versions
    if run.config.task == TRAIN_TASK:
        results = TRAIN.results_of(run)
        if results is None:
            raise _no_results(run)
        recipe = run_recipe(run)
        style, imported = _models_style(run), run.config.imported
        return adapter_card(named, recipe, results, versions, style, extras, imported)
    distilled = DISTIL.results_of(run)
    if distilled is None:
        raise _no_results(run)
    _, teacher = distillation_models(run)
    return distillation_card(
        named, teacher, distillation_recipe(run), distilled, versions, "the base's own", extras
    )


def _base(source: AdapterSource, merged_as: str | None) -> str:
    base = source.base
    lines = [f"- model: {_public_name(base)}"]
    if base.model == source.hub_base:
        lines.append(f"- revision: {base.revision or 'the main branch on the day of the run'}")
    elif source.hub_base is not None:
        lines.append(
            f"- measured on the weights that this program calls {base.model!r}, dequantised from "
            f"a GGUF file; those of {source.hub_base} differ from them by the rounding of that file"
        )
    if source.dtype is not None:
        lines.append(f"- measured in {source.dtype}")
    if base.quantization != "none":
        lines.append(f"- weights in {base.quantization}")
    if merged_as is not None:
        lines.append(f"- merged in float32, stored in {merged_as}")
    return "\n".join(lines)


def _of_fine_tune(run: Run, controls: Sequence[Control]) -> list[tuple[str, str]]:
    """What was chosen where, and the controls: of a fine-tune only."""
    if run.config.task != TRAIN_TASK:
        return []
    results = TRAIN.results_of(run)
    if results is None:
        raise _no_results(run)
    return [
        ("Gate and checkpoint", _chosen(run, results)),
        ("Controls", _controls(results, controls)),
    ]


def _chosen(run: Run, results: TrainingResults) -> str:
    recipe, training = run_recipe(run), results.training
    entry = GATES[recipe.gate.kind]
    size = {"tau": f", τ = {recipe.gate.tau:g} nats", "fraction": f", {recipe.gate.fraction:g}"}
    lines = [
        f"- gate: {recipe.gate.kind} ({entry.takes}{size.get(entry.share_by or '', '')}); "
        f"{percent(results.selection.gated_share)} of the tokens of the rollouts",
    ]
    measured = run.config.thresholds.get("gate.tau")
    if isinstance(measured, Mapping) and "share" in measured:
        lines.append(f"- τ was given as a share of the model's tokens: {measured['share']}")
    held_out, kept = training.held_out_accuracy, run.problems("held_out")
    if training.best_step is None or held_out is None:
        lines.append("- checkpoint: the last one; nothing was chosen on held-out problems")
    else:
        lines.append(
            f"- checkpoint: step {training.best_step} of {training.steps}, chosen by its accuracy "
            f"on {len(kept)} held-out training problems ({percent(held_out)}); the test problems "
            "had no part in the choice"
        )
    return "\n".join([*lines, *(f"- warning: {each}" for each in training.warnings)])


def _controls(results: TrainingResults, controls: Sequence[Control]) -> str:
    if not controls:
        return (
            "No control was run beside it: how much of the change comes from which tokens were "
            "trained is not known. A fine-tune of the same rollouts with a random gate would say."
        )
    rows = [
        f"| {each.words} | {each.comparison.before} | "
        f"{points(each.comparison.difference)}, n = {each.comparison.n}: {each.comparison.word} |"
        for each in controls
    ]
    table = [
        f"After training, this adapter: {results.comparison.after}. The same base, problems "
        "and seed, each trained in another way:",
        "",
        "| control | accuracy after, 95 % interval | this adapter less the control, paired |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(table)


def _made(run: Run, command: str, note: str, scrubber: Scrubber) -> str:
    """The day, and the command with its paths shortened to their last part."""
    made = f"On {run.config.day.isoformat()}, with Decision Fork Explorer."
    if not command:
        return made
    words = " ".join(shlex.quote(scrubber.prose(each)) for each in shlex.split(command))
    return f"{made}\n\n```\n{words}\n```" + (f"\n\n{note}" if note else "")


def _plain_card(source: AdapterSource, header: Mapping[str, object], merged_as: str | None) -> str:
    """The card of an adapter whose run is not here: its own, if it has one, else what its config
    says."""
    own = source.folder / "README.md"
    if merged_as is None and own.is_file():
        return own.read_text(encoding="utf-8", errors="replace")
    facts: dict[str, Any] = adapter_facts(source.folder)
    name = _public_name(source.base)
    modules = facts.get("target_modules")
    on = ", ".join(sorted(map(str, modules))) if isinstance(modules, list) else str(modules)
    what = "A LoRA adapter for" if merged_as is None else "A LoRA adapter merged into"
    notice = f"\n{DEMO_NOTICE}\n" if source.base.model == DEMO else ""
    return f"""{front_matter(header)}
# {what} {name}
{notice}
## Base

{_base(source, merged_as)}

## Adapter

- rank {facts.get("r")}, alpha {facts.get("lora_alpha")}, on {on}

## Accuracy

Not known: the run that trained it is not here.
"""


def _public_name(base: ModelSpec) -> str:
    """The base by a name that means something elsewhere."""
    return Path(base.model).name if Path(base.model).is_absolute() else base.model


def _models_style(run: Run) -> str:
    """The base's own prompt style, as the stored chains have it."""
    try:
        pairs = chains_side_by_side(run)
    except ExplorerError:
        pairs = []
    return pairs[0].before.prompt_style if pairs else "the base's own"


def _no_results(run: Run) -> RunError:
    return RunError(
        f"The run {run.id} has no results yet.",
        "Wait until it is finished, or resume it with `fork-explorer runs resume`.",
    )
