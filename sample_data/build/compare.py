"""Measures the demo's teacher, its arms, three adapters beside it, and how small they can be.

    python sample_data/build/compare.py RUNS [--card]

Runs are kept in the folder RUNS; those that are there are not done again. The ReasonMaxxer adapter
is that of `tune.py` with the same folder (seed 0). Prints the tables; with --card also writes them
into sample_data/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from measure import write_card  # noqa: E402
from tune import interval, tuned  # noqa: E402

from core.disagreement import paper  # noqa: E402
from core.disagreement.results import CompareResults, TeacherSummary  # noqa: E402
from core.disagreement.task import COMPARE, plan_comparison  # noqa: E402
from core.distillation.plan import plan_distillation  # noqa: E402
from core.distillation.recipe import recipe_of  # noqa: E402
from core.distillation.results import DistillationResults  # noqa: E402
from core.distillation.task import DISTIL  # noqa: E402
from core.evaluation.results import EvaluationResults  # noqa: E402
from core.evaluation.task import EVALUATE, plan_evaluation  # noqa: E402
from core.interventions.results import ArmSummary, InterventionResults  # noqa: E402
from core.interventions.task import INTERVENTIONS, plan_interventions  # noqa: E402
from core.models.spec import DEMO_TEACHER, ModelSpec  # noqa: E402
from core.problems.problem_sets import demo_problems, demo_training_problems  # noqa: E402
from core.runs.config import RunPlan  # noqa: E402
from core.runs.context import DONE, RunContext, carry_out  # noqa: E402
from core.runs.run import Run  # noqa: E402
from core.runs.settings import changed  # noqa: E402

MARKERS = ("<!-- compared: begin -->", "<!-- compared: end -->")
TAU = 1.2  # nats, the paper's for its entropy-gated arm
SAMPLING = {"samples": 4, "temperature": 0.8, "top_p": 0.95, "max_new_tokens": 200}
SIZES: dict[str, dict[str, Any]] = {
    "rank 32 on q, k, v, o": {},
    "rank 8 on o": {"training.lora_rank": 8, "training.target_modules": ["o_proj"]},
}


def main() -> None:
    """Measure, print, and with --card write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--card", action="store_true", help="write the tables into the card")
    arguments = parser.parse_args()
    runs: Path = arguments.runs
    base, problems = ModelSpec(), demo_problems()

    before = done(
        runs / "base",
        EVALUATE.name,
        EVALUATE.carry_out,
        lambda: plan_evaluation(base, problems, SAMPLING),
    )
    taught = done(
        runs / "teacher",
        EVALUATE.name,
        EVALUATE.carry_out,
        lambda: plan_evaluation(
            ModelSpec(adapter=DEMO_TEACHER), problems, SAMPLING, against=before.folder
        ),
    )
    arms = done(
        runs / "arms",
        INTERVENTIONS.name,
        INTERVENTIONS.carry_out,
        lambda: plan_interventions(
            base, problems, {"tau": TAU, "max_new_tokens": 200}, teacher=DEMO_TEACHER
        ),
    )
    distilled: dict[str, Run] = {}
    for number, (label, changes) in enumerate(SIZES.items()):
        recipe = changed(recipe_of("demo"), changes)
        source = distilled[next(iter(SIZES))].folder if number else None
        distilled[label] = done(
            runs / f"distilled-{number}",
            DISTIL.name,
            DISTIL.carry_out,
            lambda recipe=recipe, source=source: plan_distillation(
                base, DEMO_TEACHER, demo_training_problems(), problems, recipe, teacher_from=source
            ),
        )
    tuned(runs / "plain-0", "plain", 0)
    adapters = {
        "GRPO teacher": DEMO_TEACHER,
        "ReasonMaxxer": str(runs / "plain-0" / "adapter"),
        "distilled, rank 32": str(distilled[next(iter(SIZES))].folder / "adapter"),
    }
    compared = done(
        runs / "compared",
        COMPARE.name,
        COMPARE.carry_out,
        lambda: plan_comparison(
            base, problems, {"tau": TAU, "max_new_tokens": 200}, teachers=list(adapters.values())
        ),
    )

    report = "\n\n".join(
        [
            teacher_line(found(EVALUATE.results_of(taught))),
            arms_table(found(INTERVENTIONS.results_of(arms))),
            classes_table(found(COMPARE.results_of(compared)), list(adapters)),
            sizes_table({key: found(DISTIL.results_of(run)) for key, run in distilled.items()}),
        ]
    )
    print(report)
    if arguments.card:
        write_card(report, MARKERS)


def done(
    folder: Path, task: str, work: Callable[[RunContext], None], plan: Callable[[], RunPlan]
) -> Run:
    """A finished run; it is made or gone on with where it must be."""
    there = (folder / "config.json").exists()
    run = Run.open(folder) if there else Run.create(folder.parent, task, plan(), folder=folder)
    if run.status().state.value != "done" and carry_out(run, work, bar=True) != DONE:
        raise SystemExit(f"{folder} ended with: {run.status().error}")
    return run


def found(results: Any) -> Any:
    """The results of a run that is done."""
    assert results is not None
    return results


def teacher_line(results: EvaluationResults) -> str:
    """The teacher's accuracy beside the base's."""
    difference = found(results.comparison)
    return (
        f"pass@1 of {results.n} test problems, 4 samples each at temperature 0.8 and top-p 0.95: "
        f"base {difference.before.value:.3f} {interval(difference.before)}, teacher "
        f"{difference.after.value:.3f} {interval(difference.after)}, paired difference "
        f"{difference.difference.value:+.3f} {interval(difference.difference, '+')}."
    )


def arms_table(results: InterventionResults) -> str:
    """One line an arm, as markdown."""
    lines = [
        f"Greedy chains of {results.n} test problems; the gate is H > {TAU:g} nats. Sweeps try "
        "many tokens in each wrong chain: their accuracy counts a chain when any of them works, "
        "so only the share of tokens that rescue can be compared, with their control's.",
        "",
        "| arm | accuracy | difference to the base | in a word | tokens changed a chain | "
        "their mean base rank |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(arm_cells(each))} |" for each in results.arms),
    ]
    return "\n".join(lines)


def arm_cells(each: ArmSummary) -> tuple[str, ...]:
    """One arm's line."""
    accuracy = f"{each.accuracy.value:.3f} {interval(each.accuracy)}"
    if each.sweep is not None:
        sweep = each.sweep
        return (
            each.label,
            f"any try right: {each.accuracy.value:.3f}",
            f"{sweep.attempts_right} of {sweep.attempts} tokens rescue: {sweep.rescues.value:.3f} "
            f"{interval(sweep.rescues)}",
            f"{sweep.chains_recovered} of {sweep.recovered.n} chains",
            "",
            "",
        )
    difference = each.comparison
    put = each.put
    return (
        each.label,
        accuracy,
        ""
        if difference is None
        else f"{difference.difference.value:+.3f} {interval(difference.difference, '+')}",
        "" if difference is None else str(difference.word),
        "" if put is None else f"{put.changed_per_chain:.2f}",
        "" if put is None or put.mean_base_rank is None else f"{put.mean_base_rank:.2f}",
    )


def classes_table(results: CompareResults, names: list[str]) -> str:
    """What each adapter would have chosen otherwise, one measure a line, as markdown."""

    def line(
        label: str,
        show: Callable[[TeacherSummary], str],
        says: tuple[float, float] | None,
        unit: str,
    ) -> str:
        papers = "" if says is None else f"{says[0]:g} to {says[1]:g}{unit}"
        return f"| {label} | {' | '.join(show(each) for each in results.teachers)} | {papers} |"

    def share(name: str) -> Callable[[TeacherSummary], str]:
        def show(each: TeacherSummary) -> str:
            part = getattr(each, name)
            return f"{part.value:.2%} [{100 * part.low:.2f}, {100 * part.high:.2f}]"

        return show

    def amount(name: str, digits: int = 2) -> Callable[[TeacherSummary], str]:
        def show(each: TeacherSummary) -> str:
            part = getattr(each, name)
            low, high = f"{part.low:.{digits}f}", f"{part.high:.{digits}f}"
            return f"{part.value:.{digits}f} [{low}, {high}]"

        return show

    def hundred(ends: tuple[float, float]) -> tuple[float, float]:
        return 100 * ends[0], 100 * ends[1]

    tokens = results.teachers[0].tokens
    return "\n".join(
        [
            f"The base's {results.n} greedy chains ({tokens:,} tokens), read by each adapter.",
            "",
            f"| measure | {' | '.join(names)} | paper |",
            "|---|" + "---|" * (len(names) + 1),
            line("unshifted", share("unshifted"), hundred(paper.UNSHIFTED), " %"),
            line("reranked", share("reranked"), hundred(paper.RERANKED), " %"),
            line("shifted", share("shifted"), hundred(paper.SHIFTED), " %"),
            line("changed tokens a chain", amount("changed_per_chain"), None, ""),
            line("mean base rank of them", amount("mean_base_rank"), paper.MEAN_BASE_RANK, ""),
            line("base entropy there, nats", amount("entropy_changed"), None, ""),
            line("base entropy elsewhere, nats", amount("entropy_unshifted", 3), None, ""),
            line("ratio of these", amount("entropy_ratio", 1), paper.ENTROPY_RATIO, ""),
            line("JS divergence, nats a token", amount("js_divergence", 4), None, ""),
            line(f"share of it where H > {TAU:g}", share("js_above_tau"), None, ""),
        ]
    )


def sizes_table(results: dict[str, DistillationResults]) -> str:
    """One line an adapter's size, as markdown."""
    lines = [
        "The teacher distilled (KL to its top 64 tokens, on its own chains of training problems): "
        "pass@1 of the test problems, sampled as above.",
        "",
        "| adapter | trained parameters | share | pass@1 | less the teacher, paired | in a word | "
        "less the base, paired |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, each in results.items():
        after, gap, gain = each.student.pass_at_1, each.against_teacher, each.against_base
        cells = (
            label,
            f"{each.training.trained_parameters:,}",
            f"{each.training.trained_share:.2%}",
            f"{after.value:.3f} {interval(after)}",
            f"{gap.difference.value:+.3f} {interval(gap.difference, '+')}",
            gap.word,
            f"{gain.difference.value:+.3f} {interval(gain.difference, '+')}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
