"""The tables of docs/real_models.md, from the runs that `real_models.py` made."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measure import CARD
from numpy.typing import NDArray

from core.disagreement.task import COMPARE
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples, has_samples
from core.evaluation.task import EVALUATE
from core.interventions.task import INTERVENTIONS
from core.kinds import kind_entry
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.results import ROLLOUTS_TASK, run_recipe
from core.reasonmaxxer.rollouts import OF_ROLLOUTS, rollout_records
from core.reasonmaxxer.task import TRAIN
from core.runs.problem_units import kept_records, unit_reader
from core.runs.run import Run
from core.runs.status import RunState
from core.statistics import (
    Estimate,
    in_a_word,
    mean_over_problems,
    paired_difference,
    ratio_over_chains,
    share,
)

PERCENTILES = (50, 80, 90, 95, 98)
THRESHOLDS = (0.69, 1.0, 1.2, 1.4, 1.8)  # nats
SEEDS = (0, 1, 2)  # of the fine-tunes
RESAMPLES = 499  # of the intervals of percentiles

ARMS = {
    "plain": "ReasonMaxxer",
    "random": "control: random gate",
    "positive": "ablation: right rollouts only",
    "shuffled": "control: advantages shuffled",
}


class Runs:
    """The finished runs of a folder.

    Args:
        folder: of the runs, each in a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used: dict[str, Run] = {}  # runs that a table shows, by name

    def finished(self, name: str) -> Run | None:
        """A run by its folder's name; None if it is not there or not finished."""
        if not (self.folder / name / "config.json").exists():
            return None
        run = Run.open(self.folder / name)
        if run.status().state is not RunState.DONE:
            return None
        self.used[name] = run
        return run

    def link(self, name: str) -> str:
        """A link to the settings of a run, and how long it took."""
        seconds = self.used[name].status().elapsed
        return f"[{name}](#run-{name}), {seconds:,.0f} s"

    def seeds(self, arm: str) -> list[int]:
        """The seeds with a finished run of an arm, in their order."""
        names = (path.parent.name for path in self.folder.glob(f"{arm}-*/config.json"))
        numbers = (name.removeprefix(f"{arm}-") for name in names)
        found = sorted(int(number) for number in numbers if number.isdigit())
        return [seed for seed in found if self.finished(f"{arm}-{seed}") is not None]


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
        f"Seconds are of this machine ({processor()}), whose cores other programs used as well; "
        "every figure's run is named beside it, with its settings [below](#settings)."
    )


def processor() -> str:
    """The processor's name and how many of its cores there are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        name = next(lines, f":{name}").partition(":")[2].strip()
    return f"{name}, {os.cpu_count()} cores"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def shown(estimate: Estimate, sign: str = "") -> str:
    """A share with its interval, as .123 with a sign where asked."""
    low, high = f"{estimate.low:{sign}.3f}", f"{estimate.high:{sign}.3f}"
    return f"{estimate.value:{sign}.3f} [{low}, {high}]"


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


def sweep_table(runs: Runs) -> str:
    """What one forced token does to wrong greedy chains, at forks and at random positions."""
    run = runs.finished("sweep")
    if run is None:
        return ""
    results = INTERVENTIONS.results_of(run)
    assert results is not None
    arms = {each.arm: each for each in results.arms}
    settings = INTERVENTIONS.settings_of(run)
    rows = []
    for arm, where in (
        ("base_only", f"the {settings.positions} positions of highest entropy"),
        ("base_only_control", "control: random other positions, as many tokens"),
    ):
        found = arms[arm].sweep
        assert found is not None
        rows.append(
            [
                where,
                f"{found.attempts:,}",
                f"{shown(found.rescues)}, n = {found.rescues.n}",
                f"{shown(found.recovered)}, {found.chains_recovered} of {found.recovered.n}",
            ]
        )
    control = arms["base_only"].against_control
    assert control is not None
    difference = control.difference
    changed = len(arms["no_op"].comparison.gained) + len(arms["no_op"].comparison.lost)  # type: ignore[union-attr]
    rows += [_demo_row(line) for line in card_rows("measured", ("the 5 highest", "random other"))]
    return (
        f"Wrong greedy chains of {results.n} test problems, each forced at one position with each "
        "other top-5 token and continued greedily; tokens by bootstrap over chains. At forks less "
        f"at random, a token: {shown(difference, '+')}, n = {difference.n} chains: "
        f"{in_a_word(difference)}. Forcing the tokens that stand there anyway changes the verdict "
        f"of {changed} chains. {runs.link('sweep')}.\n\n"
        + table(["forced where", "tokens tried", "tokens that rescue", "chains rescued"], rows)
    )


def _demo_row(cells: list[str]) -> list[str]:
    return [f"the demo model, {cells[0]}", *cells[1:]]


def card_rows(section: str, beginnings: tuple[str, ...] = ("",)) -> list[list[str]]:
    """Table rows of the demo's model card, cell by cell.

    Args:
        section: the name in its markers.
        beginnings: of the rows that are wanted.
    """
    text = CARD.read_text(encoding="utf-8")
    text = text.partition(f"<!-- {section}: begin -->")[2].partition(f"<!-- {section}: end -->")[0]
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return [row for row in rows if row[0].startswith(beginnings)]


def sampled_in(run: Run, phase: str) -> list[ProblemSamples]:
    """The samples of a fine-tune's test problems, "before/" or "after/"."""
    read = unit_reader(ProblemSamples, has_samples(run_recipe(run).evaluation.samples))
    return kept_records(run.problems(EVALUATION), run.units(), read, phase)


def tuned_table(runs: Runs) -> str:
    """ReasonMaxxer and its controls: every seed, and all seeds together."""
    head = [
        "arm", "seed", "n", "before", "after", "difference, paired", "less the random gate",
        "cut after", "mixed problems", "tokens gated", "step chosen, held-out", "run",
    ]  # fmt: skip
    rows: list[list[object]] = []
    for arm, label in ARMS.items():
        for seed in runs.seeds(arm):
            rows.append([label, seed, *_tuned_cells(runs, arm, seed), runs.link(f"{arm}-{seed}")])
        rows += _all_seeds(runs, arm, label, len(head))
    if not rows:
        return ""
    demo = [
        ["the demo model, " + cells[0], cells[1], "", *cells[2:5], *[""] * 5, f"{cells[7]} s"]
        for cells in card_rows("tuned")[2:]
    ]
    return (
        "Before and after on test problems, sampled at temperature .7 and top-p .95; checkpoint "
        "chosen on held-out training problems; all arms of a seed learn from the same rollouts. "
        '"Less the random gate" compares the accuracies after training, on the same problems. '
        "The paper: right rollouts only .298 to .398, both signs .502 (arXiv:2605.06241, 6.3).\n\n"
        + table(head, rows + demo)
    )


def _tuned_cells(runs: Runs, arm: str, seed: int) -> list[object]:
    """The figures of one fine-tune."""
    run = runs.used[f"{arm}-{seed}"]
    results = TRAIN.results_of(run)
    assert results is not None
    found, training, selection = results.comparison, results.training, results.selection
    control = runs.finished(f"random-{seed}")
    less = ""
    if control is not None and arm != "random":
        beside = compare(sampled_in(control, "after/"), sampled_in(run, "after/"), seed)
        less = f"{shown(beside.difference, '+')}: {beside.word}"
    chosen = "last" if training.best_step is None else str(training.best_step)
    if training.held_out_accuracy is not None:
        chosen += f" of {training.steps}, {training.held_out_accuracy:.3f}"
    return [
        found.n,
        shown(found.before),
        shown(found.after),
        f"{shown(found.difference, '+')}: {found.word}, McNemar p = {found.mcnemar_p:.3g}",
        less,
        shown(results.after.truncated),
        f"{len(selection.problems)} of {len(selection.pass_rates)}",
        f"{selection.gated_share:.1%}",
        chosen,
    ]


def _all_seeds(runs: Runs, arm: str, label: str, width: int) -> list[list[object]]:
    """One row for several seeds: a problem's accuracies are averaged over them."""
    made = [runs.used[f"{arm}-{seed}"] for seed in runs.seeds(arm)]
    if len(made) < 2:
        return []
    rates: list[list[float]] = []
    for phase in ("before/", "after/"):
        by_problem: defaultdict[str, list[float]] = defaultdict(list)
        for run in made:
            for record in sampled_in(run, phase):
                by_problem[record.problem_id].append(record.pass_rate)
        rates.append([float(np.mean(each)) for _, each in sorted(by_problem.items())])
    before, after = rates
    difference = paired_difference(after, before)
    cells: list[object] = [
        label,
        f"{len(made)} seeds",
        len(before),
        shown(mean_over_problems(before)),
        shown(mean_over_problems(after)),
        f"{shown(difference, '+')}: {in_a_word(difference)}",
    ]
    return [[*cells, *[""] * (width - len(cells))]]


def compared_table(runs: Runs) -> str:
    """How the tuned models differ from the base, beside the demo's and the paper's figures."""
    run = runs.finished("compared")
    if run is None:
        return ""
    from compare import classes_table

    results = COMPARE.results_of(run)
    assert results is not None
    names = [_adapter_name(Path(each).parent.name) for each in run.config.teachers]
    text, _, own = classes_table(results, names).partition("\n\n")
    measures = card_rows("compared")
    width = next(len(row) for row in measures if row[0] == "measure")
    demo = {row[0]: row[2] for row in measures if len(row) == width}
    lines = []
    for line in own.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        beside = {"measure": "the demo, ReasonMaxxer", "---": "---"}.get(cells[0])
        lines.append([*cells[:-1], beside or demo.get(cells[0], ""), cells[-1]])
    head, _, *rows = lines
    return f"{text} {runs.link('compared')}.\n\n{table(head, rows)}"


def _adapter_name(folder: str) -> str:
    arm, _, seed = folder.rpartition("-")
    return f"{ARMS.get(arm, arm)}, seed {seed}"


def settings_section(runs: Runs) -> str:
    """What every shown run was made with: the settings that differ from its kind's defaults."""
    parts = ["## Settings", "Those that differ from the defaults of the kind of run."]
    for name, run in sorted(runs.used.items()):
        kind = kind_entry(run).load()
        settings = kind.settings_of(run)
        own = _differences(
            settings.model_dump(mode="json"), kind.settings().model_dump(mode="json")
        )
        if run.config.task == ROLLOUTS_TASK:  # the rest of the recipe is of a fine-tune to come
            own = {key: own[key] for key in own if key.partition(".")[0] in OF_ROLLOUTS}
        said = ", ".join(f"`{key}` {json.dumps(value)}" for key, value in own.items())
        versions = ", ".join(f"{key} {value}" for key, value in run.config.versions.items())
        parts.append(
            f'<a id="run-{name}"></a>**{name}**: {run.config.task}, model '
            f"{run.config.model['model']}, {len(run.problems())} problems, {said}; {versions}."
        )
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
