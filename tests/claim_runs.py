"""Finished runs of every kind that claims read, with hand-made records: no model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.claims.scope import ProblemSet, Scope, scope_of
from core.claims.sizes import size_for
from core.claims.steps import Step
from core.disagreement.records import ComparedChain, TeacherView
from core.disagreement.task import COMPARE
from core.distillation.results import DistillationResults, DistillationSummary, TeacherSummary
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples, Sample
from core.evaluation.results import summarise_evaluation
from core.evaluation.task import EVALUATE
from core.interventions.records import ArmChain, ProblemRecord, Substitution
from core.interventions.task import INTERVENTIONS
from core.lora.cost import Cost
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.reasonmaxxer.rollouts import ROLLOUTS
from core.records import Problem, StopReason, Verdict
from core.runs.context import DONE, RunContext, carry_out
from core.runs.kind import RESULTS
from core.runs.problem_units import problem_units
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.statistics import mean_over_problems, paired_difference
from core.studies.results import CellResult, StudyResults, choose
from core.system.json_text import json_text

N = 12
"""Problems of a run."""
PROBLEMS = ProblemSet("demo", demo_problems()[:N])
TRAINING = ProblemSet("demo-train", demo_training_problems()[:20])
COST = Cost({"rollouts": 30.0, "cells": 60.0}, 1000, 2000, 1 << 20, 1.89)


def scope_in(folder: Path, **others: Any) -> Scope:
    """The demo and its teacher on twelve problems, with the runs of a folder."""
    size = size_for("quick", is_demo=True, parameters=None, on_cpu=True)
    named = {"problems": PROBLEMS, "training": TRAINING} | others
    return scope_of(RunsFolder(folder), ModelSpec(), size, **named)


def make(folder: Path, step: Step, runs: dict[str, Run] | None = None) -> Run:
    """A finished run of a step, planned as it plans."""
    plan = step.new_run(scope_in(folder), runs or {})
    run = Run.create(folder, step.task, plan, name=step.title)
    assert carry_out(run, MAKERS[step.task], bar=False) == DONE, run.log_tail()
    return run


def _keep(work: RunContext, records: Sequence[Any], prefix: str = "") -> None:
    for unit in problem_units(work.run.problems(), prefix):
        own = records[unit.start : unit.start + len(unit.problems)]
        work.keep(unit.key, [each.to_json() for each in own])


def _write(work: RunContext, results: Any) -> None:
    work.write(RESULTS, json_text(results.to_json()))


def comparison(work: RunContext, changed: int | None = 4) -> None:
    """Of ten tokens the teacher changes one (the fifth), to the base's second choice, where the
    base's entropy is 2 nats; it is .2 elsewhere. None: it changes none."""

    def by_position(there: Any, elsewhere: Callable[[int], Any]) -> tuple[Any, ...]:
        return tuple(there if i == changed else elsewhere(i) for i in range(10))

    argmax, entropy = tuple(range(10)), by_position(2.0, lambda i: 0.2)
    view = TeacherView(
        argmax=by_position(99, lambda i: i),
        base_rank=by_position(2, lambda i: 1),
        js_divergence=by_position(0.4, lambda i: 0.001),
        entropy=entropy,
        overlap=(5,) * 10,
    )
    records = [
        ComparedChain(
            each.id, (1,), argmax, StopReason.EOS, "1", Verdict.WRONG, entropy, argmax, (view,)
        )
        for each in work.run.problems()
    ]
    _keep(work, records)
    _write(work, COMPARE.summarise(work.run, records, True))


RIGHT: dict[str, Callable[[int], bool]] = {
    "base": lambda i: i < 3,
    "random_substitution": lambda i: i < 3,
    "random_position": lambda i: i < 3,
    "random_teacher": lambda i: i < 3,
    "complement": lambda i: i < 3,
    "backward": lambda i: i < 3,
}
"""Which of the problems an arm solves; the arms that aren't named solve all."""


def _interventions(work: RunContext) -> None:
    arms = INTERVENTIONS.settings_of(work.run).arms_with(teacher=True)

    def chain(key: str, index: int) -> ArmChain:
        right = RIGHT.get(key, lambda i: True)(index)
        touched = () if key in ("base", "teacher") else (Substitution(4, 99, 2, 4),)
        verdict = Verdict.CORRECT if right else Verdict.WRONG
        ids = tuple(range(40))
        return ArmChain(key, ids, StopReason.EOS, "1", verdict, True, touched)

    records = [
        ProblemRecord(problem.id, (1,), tuple(chain(arm.key, i) for arm in arms))
        for i, problem in enumerate(work.run.problems())
    ]
    _keep(work, records)
    _write(work, INTERVENTIONS.summarise(work.run, records, True))


def _samples(
    problems: Sequence[Problem], right: Callable[[int], int], samples: int, **others: Any
) -> list[ProblemSamples]:
    def sample(index: int, number: int) -> Sample:
        verdict = Verdict.CORRECT if number < right(index) else Verdict.WRONG
        ids = tuple(range(10))
        return Sample(ids, "1", verdict, True, StopReason.EOS, 0, **others)

    return [
        ProblemSamples(
            problem.id, None, (1,), tuple(sample(index, number) for number in range(samples))
        )
        for index, problem in enumerate(problems)
    ]


def _evaluation(work: RunContext) -> None:
    """One temperature solves every other problem, a higher one at forks all of them."""
    settings = EVALUATE.settings_of(work.run)
    forks = settings.fork_temperature
    at_random = settings.fork_random_share is not None
    hot = forks is not None and forks > settings.temperature and not at_random
    records = _samples(
        work.run.problems(),
        lambda i: settings.samples if hot else settings.samples * (i % 2),
        settings.samples,
        at_forks=None if forks is None else 2,
    )
    _keep(work, records)
    _write(work, EVALUATE.summarise(work.run, records, True))


def _rollouts(work: RunContext) -> None:
    """Eight of ten tokens are certain; the other two have 1 and 2 nats."""
    entropy = (0.0,) * 8 + (1.0, 2.0)
    samples = work.run.config.settings["rollouts"]["samples"]
    records = _samples(work.run.problems(), lambda i: 1, samples, entropy=entropy)
    _keep(work, records, ROLLOUTS)
    _write(work, summarise_evaluation(records))


POOR = ("True", "random", "low-entropy", "all", "rest-of-all", "0.5")
"""Values under which a fine-tune learns nothing; under others it learns everything."""


def _study(work: RunContext) -> None:
    from core.studies.task import STUDY

    run, cells = work.run, STUDY.settings_of(work.run).cells()
    n = len(run.problems("evaluation"))
    base = [float(i < 3) for i in range(n)]

    def result(number: int, setting: int, values: dict[str, str], seed: int) -> CellResult:
        poor = set(values.values()) & set(POOR)
        rates = base if poor else [1.0] * n
        return CellResult(
            number,
            setting,
            values,
            seed,
            None,
            mean_over_problems([0.25 if poor else 1.0] * 4),
            mean_over_problems(rates),
            paired_difference(rates, base),
            gated_share=0.1,
            signal_mass=0.2,
            decisions=10,
            examples=8,
            steps=5,
            best_step=5,
            pass_rates=tuple(rates),
        )

    done = tuple(
        result(
            each.number,
            each.setting,
            {name: str(value) for name, value in each.values.items()},
            each.seed,
        )
        for each in cells
    )
    settings = len({each.setting for each in cells})
    _write(
        work,
        StudyResults(
            settings,
            len(cells) // settings,
            mean_over_problems(base),
            0.25,
            done,
            choose(done, base),
            COST,
        ),
    )


def _distillation(work: RunContext) -> None:
    problems = work.run.problems("evaluation")
    base, full = _samples(problems, lambda i: int(i < 3), 1), _samples(problems, lambda i: 1, 1)
    training = work.run.config.settings["training"]
    _write(
        work,
        DistillationResults(
            TeacherSummary(12, 12, 12, 120, 64, 0.99),
            DistillationSummary(
                5, 1.0, 0.1, training["lora_rank"], 16, tuple(training["target_modules"]), 10, 1000
            ),
            summarise_evaluation(base),
            summarise_evaluation(full),
            summarise_evaluation(full),
            compare(full, full),
            compare(base, full),
            COST,
        ),
    )


MAKERS: dict[str, Callable[[RunContext], None]] = {
    "compare": comparison,
    "interventions": _interventions,
    "evaluate": _evaluation,
    "rollouts": _rollouts,
    "study": _study,
    "distill": _distillation,
}
"""What carries a hand-made run out, by its kind."""


def make_all(folder: Path) -> None:
    """A finished run for every step of every claim, in `folder`."""
    from core.claims.measuring import missing_runs
    from core.claims.table import claims_table

    while True:
        scope = scope_in(folder)
        ready = [each for each in missing_runs(scope, claims_table(scope)) if each.plan is not None]
        if not ready:
            return
        assert ready[0].plan is not None
        run = Run.create(folder, ready[0].step.task, ready[0].plan, name=ready[0].name)
        assert carry_out(run, MAKERS[ready[0].step.task], bar=False) == DONE, run.log_tail()
