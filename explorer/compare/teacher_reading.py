"""Score one of the base's chains with both models; open it in Explore with a forced token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.chains.assembly import scored_chain
from core.chains.generation import Fork, fork
from core.chains.judging import judge
from core.disagreement.records import ComparedChain
from core.disagreement.settings import CompareSettings
from core.disagreement.token_classes import Disagreement, disagree
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Problem, Sampler
from explorer.open_session import OpenSession
from explorer.shared.opening import known_branch
from explorer.tasks import Task
from explorer.workbench import workbench


@dataclass(frozen=True, eq=False)
class ReadChain:
    """A chain of the base with both models' statistics of its T tokens."""

    chain: Chain
    found: Disagreement
    teacher_top_tokens: tuple[tuple[str, ...], ...]  # (T, k)
    teacher_chosen: NDArray[np.int64]  # (T,) column of the chain's token; -1 = none


class Reading:
    """One chain that is being scored by both models, or is finished."""

    def __init__(
        self,
        spec: ModelSpec,
        teacher: ModelSpec,
        problem: Problem,
        record: ComparedChain,
        settings: CompareSettings,
    ) -> None:
        """Start to load the models, unless they are loaded, and to score."""
        self.result: ReadChain | None = None

        def work(task: Task) -> None:
            lm = workbench().model(spec)
            second = workbench().teacher(lm, teacher)
            task.label = "Reading the chain"
            self.result = read_chain(lm, second, problem, record, settings)

        self.task = Task("Loading the models", work)


def read_chain(
    lm: LanguageModel,
    teacher: LanguageModel,
    problem: Problem,
    record: ComparedChain,
    settings: CompareSettings,
) -> ReadChain:
    """The chain of a record, scored by both models.

    Raises:
        ModelError, PromptError, PositionError: as `disagree`.
    """
    chain = _base_chain(lm, problem, record, settings)
    found = disagree(lm, teacher, chain.prompt_ids, chain.token_ids)
    top = found.teacher.top_ids  # (T, k)
    same = top == np.array(chain.token_ids, np.int64).reshape(-1, 1)
    return ReadChain(
        chain,
        found,
        tuple(tuple(lm.text.display(int(i)) for i in row) for row in top),
        np.where(same.any(axis=1), same.argmax(axis=1), -1),
    )


def start_forcing(
    opened: OpenSession,
    spec: ModelSpec,
    problem: Problem,
    record: ComparedChain,
    settings: CompareSettings,
    position: int,
    token_id: int,
) -> None:
    """Show the base's chain in Explore, with a branch that has this token at this position and is
    continued by the base."""
    tree = opened.open_problem(problem)

    def work(task: Task) -> None:
        lm = opened.load(spec)
        opened.spec = spec  # only once the chain is there: the session continues with this model
        task.label = "Forcing the token"
        chain = _base_chain(lm, problem, record, settings)
        branches = fork(lm, chain, [Fork(position, token_id)], cancel=task.cancelled)
        outcomes = judge(lm, [chain, *branches])

        def show() -> None:
            root = known_branch(tree.branches, chain) or tree.add_root(chain, outcomes[0])
            forced = branches[0]
            if len(forced) <= position:  # cancelled before the forced token
                tree.select(root.id)
                return
            if forced.token_ids == chain.token_ids:
                tree.select(root.id, position)
                return
            branch = known_branch(tree.children(root.id), forced)
            if branch is None:
                (branch,) = tree.add_branches(root.id, position, [(forced, outcomes[1])])
            tree.select(branch.id, position)

        opened.keep(show)

    opened.start("Loading the model", work, None)


def _base_chain(
    lm: LanguageModel, problem: Problem, record: ComparedChain, settings: CompareSettings
) -> Chain:
    return scored_chain(
        lm,
        problem,
        record.prompt_ids,
        record.token_ids,
        forced=(),
        sampler=Sampler(
            max_new_tokens=settings.max_new_tokens,
            stop=settings.stop_strings(lm.prompt_style),
        ),
        stop_reason=record.stop_reason,
        prompt_style=settings.prompt_style or lm.prompt_style,
        prompt_date=settings.prompt_date,
    )
