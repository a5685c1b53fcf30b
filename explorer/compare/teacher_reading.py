"""Score one of the base's chains with both models; open it in Explore with a forced token."""

from __future__ import annotations

from core.chains.generation import Fork, fork
from core.chains.judging import judge
from core.disagreement.reading import ReadChain, base_chain, read_chain
from core.disagreement.records import ComparedChain
from core.disagreement.settings import CompareSettings
from core.models.spec import ModelSpec
from core.records import Problem
from explorer.open_session import OpenSession
from explorer.shared.opening import known_branch
from explorer.tasks import Task
from explorer.workbench import workbench


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
        chain = base_chain(lm, problem, record, settings)
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
