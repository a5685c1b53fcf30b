"""A session that is open on this server: its trees and its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from core.chains.branch import Branch
from core.chains.decoding_progress import DecodingProgress, StepPace
from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge
from core.chains.session import Session, SessionFolder
from core.chains.tree import ForkTree
from core.errors import ExplorerError
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Problem, Sampler, StopReason
from core.tokens.prompts import WorkedExample
from explorer.classroom.account import Account
from explorer.saved_session import SavedSession
from explorer.tasks import Task
from explorer.work import (
    Continuation,
    Kind,
    Place,
    TokenIds,
    Work,
    expected_progress,
    place_of,
    show_growth,
)

PROBLEM_SET = "problem_set"
"""Explore's form field of the problem set. Without a value the form follows the tree."""


class OpenSession(SavedSession):
    """One person's trees. Results of work are added to them, even if no page is open."""

    def __init__(
        self,
        session_id: str,
        session: Session,
        folder: SessionFolder,
        load: Callable[[ModelSpec], LanguageModel],
        account: Account | None = None,
    ) -> None:
        super().__init__(session_id, session, folder)
        self.account = account
        self.spec = ModelSpec()
        self.problem_sets: dict[str, list[Problem]] = {}  # uploaded, by file name
        self.task: Task | None = None
        self.work = Work()  # what the task is about
        self.paces: dict[ModelSpec, StepPace] = {}  # how fast work went, by model
        self._endings: dict[Place, dict[TokenIds, Continuation]] = {}
        self._wanted: tuple[Place, TokenIds, ForkTree, Branch, int] | None = None
        self.load = load

    @property
    def busy(self) -> bool:
        """Whether work is running for this session."""
        return self.task is not None and self.task.running

    def open_problem(self, problem: Problem, *, picked: bool = False) -> ForkTree:
        """Show a problem's tree; messages about the previous one are cleared.

        Args:
            picked: whether it was picked in Explore's form; else the form follows the tree.
        """
        with self._lock:
            if not self.busy:
                self.task = self.notice = None
            if not picked:
                self.session.form.pop(PROBLEM_SET, None)
            return self.session.open_problem(problem)

    def generate(
        self,
        spec: ModelSpec,
        problem: Problem,
        sampler: Sampler,
        seed: int,
        *,
        prompt_style: str | None,
        template: str | None,
        prompt_date: date | None,
        stop: Sequence[str] | None,
        examples: Sequence[WorkedExample],
        k: int,
    ) -> None:
        """Start a chain from the prompt; it becomes a root of the problem's tree."""
        tree = self.session.open_problem(problem)
        limit = sampler.max_new_tokens
        work = Work("chain", tree)

        def do(task: Task) -> None:
            lm = self.load(spec)
            task.label = "Generating"
            progress = DecodingProgress([limit], [limit], 0, 1, task.cancelled)
            chains = generate(
                lm,
                [problem],
                sampler,
                [seed],
                prompt_style=prompt_style,
                template=template,
                prompt_date=prompt_date,
                stop=stop,
                examples=examples,
                k=k,
                on_prompts=lambda lengths: setattr(progress, "reads", sum(lengths)),
                watch=show_growth(task),
                cancel=work.follow(task, progress),
            )
            self._add_root(tree, lm, chains[0])

        self.start("Loading the model", do, limit, work, spec)

    def force(
        self,
        spec: ModelSpec,
        branch: Branch,
        position: int,
        token_ids: TokenIds,
        sampler: Sampler | None = None,
    ) -> None:
        """Start the branch that has other tokens from a position on: one, or those of a phrase.

        It continues with the sampler given, or with the chain's own. A branch that exists is
        selected, a continuation that is known becomes the branch, and one that is being computed
        becomes it when it is complete.
        """
        tree = self.session.tree
        assert tree is not None
        branch = tree.origin(branch.id, position)
        sampler = sampler or branch.chain.sampler
        existing = existing_branch(tree, branch, position, token_ids, sampler)
        if existing is not None:
            tree.select(existing.id, position)
            return
        place = place_of(branch.chain, position)
        with self._lock:
            known = self._endings.get(place, {}).get(token_ids)
            own = sampler == branch.chain.sampler
            awaited = self.busy and own and self.work.awaits(branch.chain, position, token_ids)
            if known is None and awaited:
                self._wanted = place, token_ids, tree, branch, position
                return
        if known is not None and known.chain.sampler == sampler:
            self._add_branches(tree, branch, position, [known])
            return
        work = Work("chain", tree, branch.id, frozenset([position]))

        def do(task: Task) -> None:
            lm = self.load(spec)
            task.label = "Continuing"
            (chain,) = fork(
                lm,
                branch.chain,
                [Fork.of(position, token_ids)],
                sampler=sampler,
                watch=show_growth(task),
                cancel=work.follow(task, expected_progress(task, branch.chain, [position])),
            )
            (outcome,) = judge(lm, [chain])
            self._add_branches(tree, branch, position, [Continuation(token_ids, chain, outcome)])

        self.start("Loading the model", do, sampler.max_new_tokens, work, spec)

    def endings(self, chain: Chain, position: int) -> dict[TokenIds, Continuation]:
        """The continuations of a position that are known so far, by their first tokens."""
        with self._lock:
            return dict(self._endings.get(place_of(chain, position), {}))

    @property
    def tried(self) -> int:
        """The number of continuations that are known so far, at all positions."""
        with self._lock:
            return sum(map(len, self._endings.values()))

    def try_alternatives(
        self,
        spec: ModelSpec,
        branch: Branch,
        position: int,
        alternatives: Sequence[TokenIds],
        *,
        preview: bool = False,
    ) -> None:
        """Continue alternatives of a position to their ends, in one batch. Each is readable as soon
        as it is complete; those that are known already are not computed again.

        Args:
            alternatives: tokens to continue from: each one, or those of a phrase.
            preview: whether the page shows the only one below the chain as it grows.
        """
        chain, place = branch.chain, place_of(branch.chain, position)
        known = self.endings(chain, position)
        missing = [each for each in alternatives if each not in known]
        if not missing:
            return
        kind: Kind = "preview" if preview else "alternatives"
        work = Work(
            kind, self.session.tree, branch.id, frozenset([position]), place, frozenset(missing)
        )

        def do(task: Task) -> None:
            lm = self.load(spec)
            task.label = "Continuing" if preview else f"Trying {len(missing)} alternatives"
            positions = [position] * len(missing)
            progress = expected_progress(task, chain, positions)

            def on_chain(index: int, made: Chain) -> None:
                progress.ended(index, len(made) - position)
                if made.stop_reason is not StopReason.CANCELLED:
                    (outcome,) = judge(lm, [made])
                    self._keep_ending(place, Continuation(missing[index], made, outcome))

            fork(
                lm,
                chain,
                [Fork.of(position, each) for each in missing],
                watch=show_growth(task) if preview else None,
                on_chain=on_chain,
                cancel=work.follow(task, progress),
            )

        self.start("Loading the model", do, None, work, spec)

    def cancel(self) -> None:
        """Stop the work at its next token; finished parts are kept."""
        if self.task is not None:
            self.task.cancel()

    def start(
        self,
        label: str,
        do: Callable[[Task], None],
        total: int | None,
        work: Work | None = None,
        spec: ModelSpec | None = None,
    ) -> None:
        """Start work for this session; one piece at a time.

        Args:
            work: what it is about.
            spec: the model whose pace it shows.
        """
        work = work or Work()

        def timed(task: Task) -> None:
            try:
                do(task)
                if work.meter is not None:
                    work.meter.close()
            finally:
                if spec is not None and work.progress is not None:
                    self.paces.setdefault(spec, StepPace()).join(work.progress.pace)

        with self._lock:
            if self.busy:
                self.notice = ExplorerError(
                    "This session is still working.", "Wait for it to end, or cancel it."
                )
                return
            if self.account is not None:
                try:
                    self.account.check()
                except ExplorerError as error:
                    self.notice = error
                    return
                work.meter = self.account.meter()
            self.notice = self._wanted = None
            self.work = work
            self.task = Task(label, timed, total)

    def _keep_ending(self, place: Place, ending: Continuation) -> None:
        """Keep a continuation, and make it a branch if that was asked for meanwhile."""
        with self._lock:
            self._endings.setdefault(place, {})[ending.token_ids] = ending
            wanted = self._wanted
            if wanted is not None and wanted[:2] == (place, ending.token_ids):
                self._wanted = None
                self._add_branches(*wanted[2:], [ending])

    def _add_root(self, tree: ForkTree, lm: LanguageModel, chain: Chain) -> None:
        if len(chain) == 0:
            return
        (outcome,) = judge(lm, [chain])
        with self._lock:
            tree.add_root(chain, outcome)
            self.save()

    def _add_branches(
        self, tree: ForkTree, parent: Branch, position: int, endings: Sequence[Continuation]
    ) -> None:
        results = [(each.chain, each.outcome) for each in endings if len(each.chain) > position]
        if results:
            with self._lock:
                tree.add_branches(parent.id, position, results)
                self.save()


def existing_branch(
    tree: ForkTree, branch: Branch, position: int, token_ids: TokenIds, sampler: Sampler
) -> Branch | None:
    """The branch itself, or its child, that has these tokens from a position on; None if there is
    none."""
    if len(token_ids) == 1 and branch.chain.token_ids[position] == token_ids[0]:
        return branch
    for child in tree.children(branch.id):
        same_tokens = child.position == position and child.token_ids == token_ids
        if same_tokens and child.chain.sampler == sampler:
            return child
    return None
