"""Measures a real language model and writes the tables of docs/real_models.md.

    python sample_data/build/real_models.py RUNS [--stage STAGE ...] [--write]

Runs are kept in the folder RUNS, one a measurement; finished ones are not done again, and Ctrl+C
loses at most the unit at work. The sizes apply to runs that are made by this call: a run that is
there keeps its own. `--stage` without a name makes no run. With --write the tables of all finished
runs go into docs/real_models.md and sample_data/word_problems/README.md; they are printed anyway.

A small machine begins with the cheap stages, and with few problems:

    python sample_data/build/real_models.py RUNS --stage demo greedy --problems 60
    python sample_data/build/real_models.py RUNS --stage tune --arms plain random --seeds 0
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from compare import done  # noqa: E402
from measure import write_card  # noqa: E402
from real_tables import SEEDS, by_level, report  # noqa: E402

from core.disagreement.task import COMPARE, plan_comparison  # noqa: E402
from core.evaluation.task import EVALUATE, plan_evaluation  # noqa: E402
from core.interventions.task import INTERVENTIONS, plan_interventions  # noqa: E402
from core.lora.recipe import Sampling  # noqa: E402
from core.models.spec import ModelSpec  # noqa: E402
from core.problems.problem_sets import (  # noqa: E402
    demo_problems,
    read_problems,
    sample_problems,
)
from core.reasonmaxxer.plan import plan_rollouts, plan_training  # noqa: E402
from core.reasonmaxxer.recipe import Recipe, recipe_of  # noqa: E402
from core.reasonmaxxer.settings import (  # noqa: E402
    GateSettings,
    HeldOut,
    RolloutSampling,
    SelectionSettings,
    TrainingSettings,
)
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS, TRAIN  # noqa: E402
from core.records import Problem  # noqa: E402
from core.runs.settings import changed  # noqa: E402

DOCUMENT = ROOT / "docs" / "real_models.md"
WORD_PROBLEMS_CARD = ROOT / "sample_data" / "word_problems" / "README.md"
MARKERS = ("<!-- measured: begin -->", "<!-- measured: end -->")

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
STAGES = ("demo", "greedy", "sampled", "sweep", "svamp", "tune", "compare")
DEFAULT_PROBLEMS = {"greedy": 300, "sampled": 300, "sweep": 120, "svamp": 100, "tune": 80}
COMPARED = 100  # problems whose greedy chains the adapters read


def main() -> None:
    """Make the runs of the stages, then print the tables of all runs, and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path)
    parser.add_argument("--stage", nargs="*", choices=STAGES, default=list(STAGES))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--problems", type=int, help="test problems of each new run")
    parser.add_argument("--learned", type=int, help="training problems that are rolled out")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), help="of the stage tune"
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--svamp", type=Path, help="SVAMP's file, for the stage svamp")
    parser.add_argument("--write", action="store_true", help="write the tables into the documents")
    given = parser.parse_args()
    for stage in STAGES:
        if stage in given.stage and (stage != "svamp" or given.svamp is not None):
            size = given.problems or DEFAULT_PROBLEMS.get(stage, COMPARED)
            measure(stage, given, size)
    tables, levels = report(given.runs), by_level(given.runs)
    print(tables, levels, sep="\n\n")
    if given.write:
        write_card(tables, MARKERS, DOCUMENT)
        write_card(levels, MARKERS, WORD_PROBLEMS_CARD)


def measure(stage: str, given: argparse.Namespace, size: int) -> None:
    """Make the runs of one stage.

    Args:
        stage: one of `STAGES`.
        given: the arguments of the command.
        size: number of test problems, at most all.
    """
    runs: Path = given.runs
    model = ModelSpec(given.model)
    if stage == "demo":
        recipe = changed(recipe_of("demo"), {"problems": None, "held_out.problems": 0})
        roll_out(runs / "demo-sampled", ModelSpec(), demo_problems(), recipe)
    elif stage in ("greedy", "sampled", "sweep"):
        problems = drawn(read_problems("word-problems"), size)
        if stage == "greedy":
            evaluate(runs / "greedy", model, problems, GREEDY)
        elif stage == "sampled":
            recipe = changed(RECIPE, {"problems": None, "held_out.problems": 0})
            roll_out(runs / "sampled", model, problems, recipe)
        else:
            sweep(runs / "sweep", model, problems)
    elif stage == "svamp":
        problems = drawn(read_problems(given.svamp), size)
        evaluate(runs / "svamp-greedy", model, problems, GREEDY)
        evaluate(runs / "svamp-sampled", model, problems, {**PROMPT, **SAMPLED})
    elif stage == "tune":
        for seed in given.seeds:
            tune(runs, model, seed, given, drawn(read_problems("word-problems"), size))
    else:
        adapters = [runs / f"{arm}-{given.seeds[0]}" / "adapter" for arm in given.arms]
        made = [str(each.resolve()) for each in adapters if (each / "README.md").exists()]
        if made:
            compare(runs / "compared", model, drawn(read_problems("word-problems"), size), made)


def drawn(problems: list[Problem], size: int) -> list[Problem]:
    """So many problems, the same ones whatever the stage and the seed."""
    return sample_problems(problems, min(size, len(problems)), 0)


def evaluate(
    folder: Path, model: ModelSpec, problems: list[Problem], settings: Mapping[str, Any]
) -> None:
    """Accuracy of the base."""
    done(
        folder,
        EVALUATE.name,
        EVALUATE.carry_out,
        lambda: plan_evaluation(model, problems, settings),
    )


def roll_out(folder: Path, model: ModelSpec, problems: Iterable[Problem], recipe: Recipe) -> None:
    """Sampled chains with the entropy of every token, which an evaluation doesn't keep."""
    done(
        folder,
        SAMPLE_ROLLOUTS.name,
        SAMPLE_ROLLOUTS.carry_out,
        lambda: plan_rollouts(model, list(problems), recipe),
    )


def sweep(folder: Path, model: ModelSpec, problems: list[Problem]) -> None:
    """Greedy chains with one token forced, at forks and at random positions."""
    settings = {**PROMPT, "arms": ["no_op", "base_only", "base_only_control"]}
    done(
        folder,
        INTERVENTIONS.name,
        INTERVENTIONS.carry_out,
        lambda: plan_interventions(model, problems, settings),
    )


def tune(
    runs: Path, model: ModelSpec, seed: int, given: argparse.Namespace, measured: list[Problem]
) -> None:
    """The fine-tunes of one seed, all on the same rollouts."""
    recipe = changed(RECIPE, {"seed": seed})
    if given.learned is not None:
        recipe = changed(recipe, {"problems": given.learned})
    problems = read_problems("word-problems-train")
    roll_out(runs / f"rollouts-{seed}", model, problems, recipe)
    for arm in given.arms:
        fine_tune(
            runs / f"{arm}-{seed}",
            lambda arm=arm: plan_training(  # type: ignore[misc]
                model,
                problems,
                measured,
                changed(recipe, ARMS[arm]),
                rollouts=runs / f"rollouts-{seed}",
            ),
        )


def fine_tune(folder: Path, plan: Callable[[], Any]) -> None:
    """One fine-tune."""
    done(folder, TRAIN.name, TRAIN.carry_out, plan)


def compare(folder: Path, model: ModelSpec, problems: list[Problem], adapters: list[str]) -> None:
    """The base's greedy chains, read by the adapters."""
    done(
        folder,
        COMPARE.name,
        COMPARE.carry_out,
        lambda: plan_comparison(model, problems, PROMPT, teachers=adapters),
    )


if __name__ == "__main__":
    main()
