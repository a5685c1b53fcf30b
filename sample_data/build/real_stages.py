"""The runs of docs/real_models.md: their recipe, their sizes, and which of them need others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from compare import done
from real_before import take_before
from real_machine import note_machine
from real_runs import Runs

from core.disagreement.task import COMPARE, plan_comparison
from core.evaluation.task import EVALUATE, plan_evaluation
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.lora.recipe import Sampling
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems, read_problems, sample_problems
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.recipe import Recipe, recipe_of
from core.reasonmaxxer.settings import (
    GateSettings,
    HeldOut,
    RolloutSampling,
    SelectionSettings,
    TrainingSettings,
)
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS, TRAIN
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.context import RunContext
from core.runs.kind import RunKind
from core.runs.settings import changed

PROMPT: dict[str, Any] = {"prompt_style": "few_shot", "max_new_tokens": 60}
GREEDY: dict[str, Any] = {**PROMPT, "samples": 1, "temperature": 0.0}
SAMPLED: dict[str, Any] = {"samples": 8, "temperature": 0.7, "top_p": 0.95}
TAU = 1.4  # nats, of the gate

RECIPE = Recipe(
    **PROMPT,
    problems=80,
    rollouts=RolloutSampling(**SAMPLED),
    selection=SelectionSettings(max_problems=None, drop_longest=0.0),
    gate=GateSettings(tau=TAU),
    training=TrainingSettings(
        lora_rank=16,
        lora_alpha=32,
        learning_rate=2e-4,
        warmup_steps=2,
        kl_weight=1.0,
        probability_floor=1e-3,
    ),
    held_out=HeldOut(
        problems=24, every=10, sampling=Sampling(samples=2, temperature=0.7, top_p=0.95)
    ),
    evaluation=Sampling(samples=4, temperature=0.7, top_p=0.95),
)
"""ReasonMaxxer; all arms of a seed learn from the same rollouts."""

ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "random": {"gate.kind": "random"},
    "positive": {"selection.positive_only": True},
    "shuffled": {"selection.shuffle_advantages": True},
}
DEFAULT_PROBLEMS = {"greedy": 300, "sampled": 300, "sweep": 120, "svamp": 100, "tune": 80}
COMPARED = 100  # problems whose greedy chains the adapters read


@dataclass(frozen=True)
class Job:
    """A run to make."""

    make: Callable[[], None]
    needs: Sequence[str] = ()  # names of runs that are made before


def planned(given: argparse.Namespace) -> dict[str, Job]:
    """The runs of all stages that were asked for, by name, in an order in which they can be made.

    Args:
        given: the arguments of the command.
    """
    jobs: dict[str, Job] = {}
    for stage in given.stage:
        jobs |= STAGES[stage](given)
    return jobs


def demo(given: argparse.Namespace) -> dict[str, Job]:
    """The demo model's sampled chains, to compare with."""
    recipe = changed(recipe_of("demo"), {"problems": None, "held_out.problems": 0})
    spec = ModelSpec(dtype="float32")
    return {"demo-sampled": rolled_out(given, "demo-sampled", spec, demo_problems(), recipe)}


def greedy(given: argparse.Namespace) -> dict[str, Job]:
    """Accuracy of the greedy chains."""
    return {"greedy": evaluated(given, "greedy", word_problems(given, "greedy"), GREEDY)}


def sampled(given: argparse.Namespace) -> dict[str, Job]:
    """Sampled chains with the entropy of every token, which an evaluation doesn't keep."""
    recipe = changed(sized(RECIPE, given), {"problems": None, "held_out.problems": 0})
    problems = word_problems(given, "sampled")
    return {"sampled": rolled_out(given, "sampled", model_of(given), problems, recipe)}


def sweep(given: argparse.Namespace) -> dict[str, Job]:
    """Greedy chains with one token forced, at forks and at random positions."""
    settings = {**PROMPT, **batch(given), "arms": ["no_op", "base_only", "base_only_control"]}
    problems = word_problems(given, "sweep")
    plan = partial(plan_interventions, model_of(given), problems, settings)
    return {"sweep": Job(partial(make, given, "sweep", INTERVENTIONS, plan))}


def svamp(given: argparse.Namespace) -> dict[str, Job]:
    """Accuracy on SVAMP, greedy and sampled; nothing without its file."""
    if given.svamp is None:
        return {}
    problems = drawn(read_problems(given.svamp), given.problems or DEFAULT_PROBLEMS["svamp"])
    return {
        "svamp-greedy": evaluated(given, "svamp-greedy", problems, GREEDY),
        "svamp-sampled": evaluated(given, "svamp-sampled", problems, {**PROMPT, **SAMPLED}),
    }


def tune(given: argparse.Namespace) -> dict[str, Job]:
    """The fine-tunes of every seed, all of a seed on the same rollouts."""
    problems, measured = read_problems("word-problems-train"), word_problems(given, "tune")
    jobs: dict[str, Job] = {}

    def tune_run(work: RunContext) -> None:
        take_before(work, given.runs)
        TRAIN.carry_out(work)

    for seed in given.seeds:
        recipe = changed(sized(RECIPE, given), {"seed": seed})
        source = f"rollouts-{seed}"
        jobs[source] = rolled_out(given, source, model_of(given), problems, recipe)
        for arm in given.arms:
            name = f"{arm}-{seed}"
            own = changed(recipe, ARMS[arm])
            plan = partial(
                plan_training,
                model_of(given),
                problems,
                measured,
                own,
                rollouts=given.runs / source,
            )
            jobs[name] = Job(partial(make, given, name, TRAIN, plan, tune_run), [source])
    return jobs


def compare(given: argparse.Namespace) -> dict[str, Job]:
    """The base's greedy chains, read by the adapters of the first seed."""
    names = [f"{arm}-{given.seeds[0]}" for arm in given.arms]
    problems = drawn(read_problems("word-problems"), given.problems or COMPARED)

    def make_it() -> None:
        runs = Runs(given.runs)
        tuned = [given.runs / name / "adapter" for name in names if runs.finished(name) is not None]
        adapters = [str(each.resolve()) for each in tuned]
        settings = {**PROMPT, **batch(given)}
        if adapters:
            spec = model_of(given)
            plan = partial(plan_comparison, spec, problems, settings, teachers=adapters)
            make(given, "compared", COMPARE, plan)

    return {"compared": Job(make_it, names)}


STAGES: dict[str, Callable[[argparse.Namespace], dict[str, Job]]] = {
    "demo": demo,
    "greedy": greedy,
    "sampled": sampled,
    "sweep": sweep,
    "svamp": svamp,
    "tune": tune,
    "compare": compare,
}
"""The runs of every stage, by the names on the command line."""


def model_of(given: argparse.Namespace) -> ModelSpec:
    """The model, in one precision on all machines."""
    return ModelSpec(given.model, dtype="float32")


def batch(given: argparse.Namespace) -> dict[str, int]:
    """The setting of the chains decoded at once, if it was given."""
    return {} if given.batch is None else {"batch_size": given.batch}


def sized(recipe: Recipe, given: argparse.Namespace) -> Recipe:
    """A recipe in the sizes that were given."""
    sizes = {
        "problems": given.learned,
        "held_out.problems": given.held_out,
        "selection.max_problems": given.mixed,
        "evaluation.samples": given.samples,
        **batch(given),
    }
    return changed(recipe, {name: size for name, size in sizes.items() if size is not None})


def word_problems(given: argparse.Namespace, stage: str) -> list[Problem]:
    """The test problems of a stage."""
    return drawn(read_problems("word-problems"), given.problems or DEFAULT_PROBLEMS[stage])


def drawn(problems: list[Problem], size: int) -> list[Problem]:
    """So many problems, the same ones whatever the stage and the seed."""
    return sample_problems(problems, min(size, len(problems)), 0)


def evaluated(
    given: argparse.Namespace, name: str, problems: list[Problem], settings: Mapping[str, Any]
) -> Job:
    """Accuracy of the base."""
    asked = {**settings, **batch(given)}
    plan = partial(plan_evaluation, model_of(given), problems, asked)
    return Job(partial(make, given, name, EVALUATE, plan))


def rolled_out(
    given: argparse.Namespace,
    name: str,
    model: ModelSpec,
    problems: Sequence[Problem],
    recipe: Recipe,
) -> Job:
    """Rollouts."""
    plan = partial(plan_rollouts, model, problems, recipe)
    return Job(partial(make, given, name, SAMPLE_ROLLOUTS, plan))


def make(
    given: argparse.Namespace,
    name: str,
    kind: RunKind[Any, Any],
    plan: Callable[[], RunPlan],
    carry_out: Callable[[RunContext], None] | None = None,
) -> None:
    """Make a run, unless it is finished, and note the machine."""
    if Runs(given.runs).finished(name) is None:
        done(given.runs / name, kind.name, carry_out or kind.carry_out, plan)
        note_machine(given.runs / name, given.at_once)
