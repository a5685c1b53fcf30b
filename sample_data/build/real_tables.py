"""The tables of docs/real_models.md, from the runs that `real_models.py` made."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real_effects import compared_table, sweep_table, tuned_table
from real_machine import machine_in_words
from real_runs import ARMS, Runs, shown, table

from core.evaluation.records import ProblemSamples
from core.evaluation.task import EVALUATE
from core.kinds import kind_entry
from core.reasonmaxxer.results import ROLLOUTS_TASK
from core.reasonmaxxer.rollouts import OF_ROLLOUTS, rollout_records
from core.runs.run import Run
from core.statistics import (
    Estimate,
    mean_over_problems,
    ratio_over_chains,
    share,
)

PERCENTILES = (50, 80, 90, 95, 98)
THRESHOLDS = (0.69, 1.0, 1.2, 1.4, 1.8)  # nats
SEEDS = (0, 1, 2)  # of the fine-tunes
RESAMPLES = 499  # of the intervals of percentiles


def report(folder: Path) -> str:
    """All tables as markdown, with what is not measured yet and the settings of every run.

    Args:
        folder: of the runs.
    """
    runs = Runs(folder)
    parts: dict[str, str] = {
        "Entropy": entropy_table(runs),
        "Accuracy": accuracy_table(runs),
        "One forced token": sweep_table(runs),
        "ReasonMaxxer": tuned_table(runs),
        "Base and tuned": compared_table(runs),
    }
    sections = [f"## {title}\n\n{text}" for title, text in parts.items() if text]
    missing = _not_measured(runs, [title for title, text in parts.items() if not text])
    if missing:
        listed = "\n".join(f"- {each}" for each in missing)
        sections.append(f"## Not measured yet\n\n{listed}")
    return "\n\n".join([_how(), *sections, settings_section(runs)])


def _not_measured(runs: Runs, empty: Sequence[str]) -> list[str]:
    """What has no finished run: sections, sampling, SVAMP, and the seeds of every arm."""
    missing = [f"{title}: no run" for title in empty if title != "ReasonMaxxer"]
    for name, what in (
        ("sampled", "Accuracy: pass@1 and pass@8 of samples"),
        ("svamp-greedy", "Accuracy: SVAMP, greedy"),
        ("svamp-sampled", "Accuracy: SVAMP, pass@1 and pass@8 of samples"),
    ):
        if runs.finished(name) is None:
            missing.append(what)
    for arm, label in ARMS.items():
        seeds = [str(seed) for seed in SEEDS if seed not in runs.seeds(arm)]
        if seeds:
            missing.append(f"{label}: seeds {', '.join(seeds)}")
    return missing


def _how() -> str:
    return (
        "In brackets the 95 % interval: by bootstrap over problems or chains, Wilson for counts. "
        "Every figure's run is named beside it, with its settings [below](#settings). Seconds are "
        "of the machine that is named there, which the run may have shared with others."
    )


def entropies(run: Run) -> list[NDArray[np.float64]]:
    """The entropies of a run's sampled chains in nats, (tokens,) a problem."""
    return [
        np.concatenate([np.asarray(each.entropy, np.float64) for each in record.samples])
        for record in rollout_records(run)
    ]


def percentiles(chains: Sequence[NDArray[np.float64]]) -> list[Estimate]:
    """The `PERCENTILES` of all tokens with bootstrap intervals over problems.

    Args:
        chains: the entropies of a problem's tokens, (tokens,) each.
    """
    n = len(chains)
    tokens = np.concatenate(chains)
    order = np.argsort(tokens)
    owner = np.repeat(np.arange(n), [len(each) for each in chains])[order]
    rng = np.random.default_rng(0)
    drawn = np.empty((RESAMPLES, len(PERCENTILES)))
    for each in drawn:
        times = np.bincount(rng.integers(0, n, n), minlength=n)  # how often a problem is drawn
        below = np.cumsum(times[owner])
        places = np.searchsorted(below, np.array(PERCENTILES) / 100 * below[-1])
        each[:] = tokens[order[places]]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    values = np.percentile(tokens, PERCENTILES)
    return [Estimate(*map(float, each), n) for each in zip(values, low, high, strict=True)]


def entropy_table(runs: Runs) -> str:
    """Percentiles of the tokens' entropy, and shares above thresholds; a column a model."""
    columns: dict[str, list[str]] = {}
    for name, title in (("sampled", "SmolLM2-135M-Instruct"), ("demo-sampled", "the demo model")):
        run = runs.finished(name)
        if run is None:
            continue
        found = entropies(run)
        lengths = [len(each) for each in found]
        above = [
            ratio_over_chains([int((each > tau).sum()) for each in found], lengths)
            for tau in THRESHOLDS
        ]
        columns[title] = [
            f"{len(found)}, {sum(lengths):,}",
            *map(shown, percentiles(found)),
            *(f"{each.value:.1%} [{each.low:.1%}, {each.high:.1%}]" for each in above),
            runs.link(name),
        ]
    if "SmolLM2-135M-Instruct" not in columns:
        return ""
    labels = [
        "problems, tokens",
        *(f"percentile {percent}, nats" for percent in PERCENTILES),
        *(f"share above {tau:g} nats" for tau in THRESHOLDS),
        "run",
    ]
    papers = dict.fromkeys(labels, "")
    papers["percentile 80, nats"] = ".672 (arXiv:2506.01939)"
    papers["share above 1.4 nats"] = "5.2 % (arXiv:2605.06241)"
    papers["share above 1.8 nats"] = "2.6 % (arXiv:2605.06241)"
    rows = [
        [label, *(cells[i] for cells in columns.values()), papers[label]]
        for i, label in enumerate(labels)
    ]
    return table(["entropy of sampled tokens", *columns, "papers, larger models"], rows)


def accuracy_table(runs: Runs) -> str:
    """pass@1 and pass@8; a line a run."""
    rows = []
    for name, label in (
        ("greedy", "word problems, greedy"),
        ("sampled", "word problems, temperature .7, top-p .95"),
        ("svamp-greedy", "SVAMP, greedy"),
        ("svamp-sampled", "SVAMP, temperature .7, top-p .95"),
        ("demo-sampled", "the demo model on its own test problems, temperature 1"),
    ):
        run = runs.finished(name)
        if run is None:
            continue
        results = kind_entry(run).load().results_of(run)
        assert results is not None
        last = results.pass_at_k[-1]
        rows.append(
            [
                label,
                results.n,
                shown(results.pass_at_1),
                shown(last.estimate) if last.k > 1 else "",
                shown(results.boxed),
                shown(results.truncated),
                runs.link(name),
            ]
        )
    own = [row for row in rows if not str(row[0]).startswith("the demo")]
    head = ["problems", "n", "pass@1", "pass@8", "boxed", "cut at the limit", "run"]
    return table(head, rows) if own else ""


def by_level(folder: Path) -> str:
    """Accuracy on the word problems by level: greedy, sampled, and how many problems have right
    and wrong samples.

    Args:
        folder: of the runs.
    """
    runs = Runs(folder)
    greedy, sampled = runs.finished("greedy"), runs.finished("sampled")
    columns: list[dict[str, str]] = []
    head = ["level"]
    if greedy is not None:
        records = evaluation_records(greedy)
        levels = _levels(records)
        columns.append(
            {
                level: f"{shown(share(sum(each.correct for each in found), len(found)))}, "
                f"n = {len(found)}"
                for level, found in levels.items()
            }
        )
        head.append("right, greedy")
    if sampled is not None:
        levels = _levels(rollout_records(sampled))
        columns.append(
            {
                level: f"{shown(mean_over_problems([each.pass_rate for each in found]))}, "
                f"n = {len(found)}"
                for level, found in levels.items()
            }
        )
        columns.append(
            {
                level: shown(share(sum(0 < each.correct < each.n for each in found), len(found)))
                for level, found in levels.items()
            }
        )
        head += ["pass@1, 8 samples", "problems with right and wrong samples"]
    if not columns:
        return "Not measured yet."
    rows = [
        [level, *(column.get(level, "") for column in columns)]
        for level in sorted(set().union(*columns))
    ]
    return table(head, rows)


def _levels(records: Sequence[ProblemSamples]) -> dict[str, list[ProblemSamples]]:
    """Records by the level in their problem's id ("test-4-multiply-subtract-13"), and all."""
    found: defaultdict[str, list[ProblemSamples]] = defaultdict(list)
    for record in records:
        found[record.problem_id.split("-")[1]].append(record)
        found["all"].append(record)
    return dict(found)


def evaluation_records(run: Run) -> list[ProblemSamples]:
    """The records of an evaluation."""
    return list(EVALUATE.records_of(run))


def settings_section(runs: Runs) -> str:
    """What every shown run was made with: the settings that differ from its kind's defaults. Runs
    that differ in their seeds only, which end their names, stand together."""
    made: defaultdict[str, list[str]] = defaultdict(list)
    for name, run in sorted(runs.used.items()):
        kind = kind_entry(run).load()
        settings = kind.settings_of(run)
        own = _differences(
            settings.model_dump(mode="json"), kind.settings().model_dump(mode="json")
        )
        if run.config.task == ROLLOUTS_TASK:  # the rest of the recipe is of a fine-tune to come
            own = {key: own[key] for key in own if key.partition(".")[0] in OF_ROLLOUTS}
        if name.endswith(f"-{run.config.seed}"):
            own.pop("seed", None)
        said = ", ".join(f"`{key}` {json.dumps(value)}" for key, value in own.items())
        versions = ", ".join(f"{key} {value}" for key, value in run.config.versions.items())
        machine = machine_in_words(run.folder)
        how = (
            f"{run.config.task}, model {run.config.model['model']}, {len(run.problems())} "
            f"problems, {said}; {versions}{f'; {machine}' if machine else ''}."
        )
        made[how].append(name)
    parts = ["## Settings", "Those that differ from the defaults of the kind of run."]
    for how, names in made.items():
        anchors = "".join(f'<a id="run-{name}"></a>' for name in names)
        parts.append(f"{anchors}**{', '.join(names)}**: {how}")
    return "\n\n".join(parts)


def _differences(
    values: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Values other than the defaults by their dotted names; examples are counted, not repeated."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            found |= _differences(value, default, f"{prefix}{key}.")
        elif value != default:
            found[prefix + key] = len(value) if key == "examples" else value
    return found
