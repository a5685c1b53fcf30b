"""What a run was estimated to take, what it took, and the first time left that it showed.

`python -m benchmarks.estimates MODEL [KIND ...]` measures a model afresh, as before a first run,
and carries out a small evaluation, a study of interventions and a fine-tune: on the demo's own
problems for the demo, else on word problems in the few-shot style.

`python -m benchmarks.estimates demo [KIND ...] --left` carries out ten runs of all kinds, the first
seven with an estimate and the last three without one, as a person starts them who has not asked for
it. It compares the first time left after a tenth of a run with the time that was left.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import transformers

from core.disagreement.task import plan_comparison
from core.distillation.plan import plan_distillation
from core.distillation.recipe import recipe_of as distillation_recipe_of
from core.evaluation.task import plan_evaluation
from core.interventions.task import plan_interventions
from core.kinds import KINDS
from core.lora.cost import phase_seconds
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec
from core.models.teacher import load_beside
from core.problems.problem_sets import read_problems
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.recipe import recipe_of
from core.runs.config import RunPlan
from core.runs.context import DONE, carry_out
from core.runs.estimate import RunEstimate, duration
from core.runs.measurements import Meter
from core.runs.models import read_model
from core.runs.run import Run
from core.runs.settings import changed
from core.studies.plan import plan_study
from core.studies.recipe import StudyRecipe

TARGET = 1.5  # factor between estimate and truth, at most
SHARE, NEAR = 0.1, 0.3  # of a run until its first time left, and by which that may be off


def plans(model: str, scale: float) -> dict[str, Callable[[], RunPlan]]:
    """A plan of each kind, of a size that takes a minute or two on two cores."""
    spec, is_demo = ModelSpec(model), model == DEMO
    test, training = ("demo", "demo-train") if is_demo else ("word-problems", "word-problems-train")
    asked: dict[str, Any] = {} if is_demo else {"prompt_style": "few_shot", "max_new_tokens": 48}
    swept = asked if is_demo else asked | {"positions": 2, "alternatives": 3}

    def some(count: int) -> int:
        return max(round(count * scale), 2)

    def fine_tune() -> RunPlan:
        recipe = recipe_of("demo" if is_demo else "quick")
        less = {
            "problems": some(84 if is_demo else 12),
            "held_out.problems": 8 if is_demo else 0,
            "measured": some(100 if is_demo else 8),
        }
        return plan_training(
            spec, read_problems(training), read_problems(test), changed(recipe, less)
        )

    return {
        "evaluate": lambda: plan_evaluation(
            spec, read_problems(test), asked, sample=some(160 if is_demo else 16)
        ),
        "interventions": lambda: plan_interventions(
            spec, read_problems(test), swept, sample=some(64 if is_demo else 16)
        ),
        "train": fine_tune,
    }


def plans_of_all_kinds(scale: float) -> dict[str, Callable[[], RunPlan]]:
    """A plan of every kind for the demo, of half a minute to a minute on two idle cores."""
    spec, test, training = ModelSpec(DEMO), read_problems("demo"), read_problems("demo-train")

    def some(count: int) -> int:
        return max(round(count * scale), 4)

    less = {
        "problems": some(48),
        "held_out.problems": some(16),
        "held_out.every": 4,
        "measured": some(60),
    }
    recipe = changed(recipe_of("demo"), less)
    fixed = recipe.model_dump(mode="json", exclude={"preset"})
    study = {**fixed, "vary": ("gate.tau=0.8,1.4",), "training_seeds": (0, 1)}
    distilled = changed(distillation_recipe_of("demo"), {"problems": some(48)})
    return {
        "evaluate": lambda: plan_evaluation(spec, test, {}, sample=some(300)),
        "interventions": lambda: plan_interventions(spec, test, {}, sample=some(96)),
        "compare": lambda: plan_comparison(
            spec, test, {}, teachers=[DEMO_TEACHER], sample=some(300)
        ),
        "rollouts": lambda: plan_rollouts(spec, training, changed(recipe, {"problems": some(160)})),
        "train": lambda: plan_training(spec, training, test, recipe),
        "distill": lambda: plan_distillation(
            spec, DEMO_TEACHER, training, test[:: max(round(5 / scale), 1)], distilled
        ),
        "study": lambda: plan_study(spec, training, test, StudyRecipe.model_validate(study)),
        "evaluate, no estimate": lambda: plan_evaluation(
            spec, test, {"temperature": 1.2}, sample=some(300)
        ),
        "interventions, no estimate": lambda: plan_interventions(
            spec, test, {}, teacher=DEMO_TEACHER, sample=some(64)
        ),
        "compare, no estimate": lambda: plan_comparison(
            spec, test, {"along": "teacher"}, teachers=[DEMO_TEACHER], sample=some(300)
        ),
    }


def first_time_left(name: str, plan: RunPlan, folder: Path, meter: Callable[[], Meter]) -> str:
    """Carry out a run; a line about the first time left that it showed after a tenth."""
    kind, _, bare = name.partition(", ")
    if not bare:
        plan = replace(plan, estimate=KINDS[kind].load().estimate_of(plan, meter()))
    run = Run.create(folder / "runs", kind, plan)
    assert carry_out(run, KINDS[kind].load().carry_out, bar=False) == DONE
    took = run.status().elapsed
    shown = [
        (event.elapsed, event.seconds_left)
        for event in run.log.read().events
        if event.elapsed is not None and event.seconds_left is not None and event.total
    ]
    for elapsed, left in shown:
        if SHARE * took <= elapsed < took:
            off = left / (took - elapsed) - 1
            verdict = "met" if abs(off) <= NEAR else "NOT MET"
            return (
                f"{name:27} took {took:5.1f} s; after {elapsed:5.1f} s ({elapsed / took:3.0%}): "
                f"{left:5.1f} s left, truly {took - elapsed:5.1f}: {off:+4.0%}, {verdict}"
            )
    return f"{name:27} took {took:5.1f} s and showed no time left: NOT MET"


def compared(kind: str, plan: RunPlan, model: str, folder: Path) -> str:
    """Estimate and truth of a run, in one line."""
    begun = time.perf_counter()

    def load() -> LanguageModel:
        return load_language_model(ModelSpec(model))

    foreseen = KINDS[kind].load().estimate_of(plan, Meter(read_model(plan.model), load, load_beside,
                                                          folder=folder / "measured"))  # fmt: skip
    assert foreseen is not None
    measuring = time.perf_counter() - begun
    run = Run.create(folder, kind, plan)
    assert carry_out(run, KINDS[kind].load().carry_out, bar=False) == DONE
    took = run.status().elapsed
    return "\n".join([_line(kind, foreseen, took, measuring), *_phases(run, foreseen)])


def _line(kind: str, foreseen: RunEstimate, took: float, measuring: float) -> str:
    factor = max(foreseen.seconds / took, took / foreseen.seconds)
    return (
        f"{kind:15} estimate {duration(foreseen.seconds):>8} "
        f"[{duration(foreseen.low)}, {duration(foreseen.high)}], took {duration(took):>8}: "
        f"factor {factor:.2f}, target <= {TARGET}, {'met' if factor <= TARGET else 'NOT MET'}; "
        f"measuring took {measuring:.0f} s"
    )


def _phases(run: Run, foreseen: RunEstimate) -> list[str]:
    """What was foreseen of each phase, and what a training has noted of its own."""
    lines = ["  foreseen: " + ", ".join(f"{p.name} {p.seconds:.0f} s" for p in foreseen.phases)]
    took = phase_seconds(run)
    if took:
        lines.append("  took: " + ", ".join(f"{name} {s:.0f} s" for name, s in took.items()))
    return lines


def _times_left(kinds: list[str], scale: float) -> None:
    with tempfile.TemporaryDirectory() as folder:

        def meter() -> Meter:
            spec = ModelSpec(DEMO)
            return Meter(
                spec,
                lambda: load_language_model(spec),
                load_beside,
                folder=Path(folder, "measured"),
            )

        for name, plan in plans_of_all_kinds(scale).items():
            if not kinds or name.partition(",")[0] in kinds or name in kinds:
                print(first_time_left(name, plan(), Path(folder), meter), flush=True)


def main() -> None:
    """Print a line a run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates", description=__doc__)
    parser.add_argument("model", help="demo, smollm2, a folder or a hub id")
    parser.add_argument("kinds", nargs="*", help="kinds of run (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many problems")
    parser.add_argument("--left", action="store_true", help="the time left of ten runs")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(f"{arguments.model}; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}", flush=True)
    if arguments.left:
        _times_left(arguments.kinds, arguments.scale)
        return
    for kind, plan in plans(arguments.model, arguments.scale).items():
        if kind in (arguments.kinds or plans(arguments.model, 1)):
            with tempfile.TemporaryDirectory() as folder:
                print(compared(kind, plan(), arguments.model, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
