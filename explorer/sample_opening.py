"""Opens a sample of an evaluation in Explore, as a chain of its problem."""

from __future__ import annotations

from core.evaluation.records import ProblemSamples
from core.evaluation.sampling import EvaluationSettings
from core.judging import judge
from core.language_model import ModelSpec
from core.records import Problem
from core.sampling import chain_seed
from core.scoring import scored_chain
from explorer.arm_opening import known_branch
from explorer.open_session import OpenSession
from explorer.tasks import Task


def start_opening_sample(
    opened: OpenSession,
    spec: ModelSpec,
    problem: Problem,
    record: ProblemSamples,
    number: int,
    settings: EvaluationSettings,
) -> None:
    """Show one sample of a problem; what is forced in it goes on with the sampler and seed that
    drew it.

    Args:
        number: of the sample, from 0.
        settings: the run's.
    """
    tree = opened.open_problem(problem)
    sample = record.samples[number]

    def work(task: Task) -> None:
        lm = opened.load(spec)
        opened.spec = spec  # only now that it is there: the session goes on with this model
        task.label = "Reading the chain"
        chain = scored_chain(
            lm,
            problem,
            record.prompt_ids,
            sample.token_ids,
            forced=(),
            sampler=settings.sampler,
            stop_reason=sample.stop_reason,
            seed=chain_seed(settings.seed, problem.id, number),
            prompt_style=settings.prompt_style or lm.prompt_style,
            prompt_date=settings.prompt_date,
        )
        (outcome,) = judge(lm, [chain])

        def show() -> None:
            root = known_branch(tree.branches, chain) or tree.add_root(chain, outcome)
            tree.select(root.id)

        opened.keep(show)

    opened.start("Loading the model", work, None)
