"""What one forced token, ReasonMaxxer and its controls do to a real model: tables beside the demo's
and the paper's figures."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from compare import classes_table
from measure import CARD
from real_runs import ARMS, Runs, sampled_in, shown, table
from real_seeds import seeds_table

from core.disagreement.task import COMPARE
from core.evaluation.comparison import compare
from core.interventions.task import INTERVENTIONS
from core.reasonmaxxer.task import TRAIN
from core.statistics import in_a_word, mean_over_problems, paired_difference


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
        for cells in card_rows("tuned")[1:]
    ]
    together = seeds_table(runs)
    return (
        "Before and after on test problems, sampled at temperature .7 and top-p .95; checkpoint "
        "chosen on held-out training problems; all arms of a seed learn from the same rollouts. "
        '"Less the random gate" compares the accuracies after training, on the same problems. '
        "The accuracy before is measured once a seed, by the arm that comes first. "
        "The paper: right rollouts only .298 to .398, both signs .502 (arXiv:2605.06241, 6.3).\n\n"
        + table(head, rows + demo)
        + (f"\n\n{together}" if together else "")
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
