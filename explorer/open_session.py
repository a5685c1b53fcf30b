"""A session that is open on this server: its trees and its work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from core.chains.assembly import GrowingChain
from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge
from core.chains.session import FormValue, Session, SessionFolder
from core.chains.tree import Branch, ForkTree
from core.errors import ExplorerError
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Outcome, Problem, Sampler
from core.tokens.prompts import WorkedExample
from explorer.tasks import Task

PROBLEM_SET = "problem_set"
"""Explore's form field of the problem set. Without a value the form follows the tree."""


@dataclass(frozen=True)
class Continuation:
    """The outcome of one alternative."""

    token_id: int
    chain: Chain
    outcome: Outcome


class OpenSession:
    """One person's trees. Results of work are added to them, even if no page is open."""

    def __init__(
        self,
        session_id: str,
        session: Session,
        folder: SessionFolder,
        load: Callable[[ModelSpec], LanguageModel],
    ) -> None:
        self.id = session_id
        self.session = session
        self.spec = ModelSpec()
        self.problem_sets: dict[str, list[Problem]] = {}  # uploaded, by file name
        self.task: Task | None = None
        self.notice: ExplorerError | None = None
        self._endings: dict[_Place, list[Continuation]] = {}
        self._folder = folder
        self.load = load
        self._lock = threading.RLock()

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

    def keep_form(self, key: str, value: FormValue) -> None:
        """Keep the value of a form field, and save."""
        with self._lock:
            form = self.session.form
            if key not in form or form[key] != value:
                form[key] = value
                self.save()

    def forget_form(self, key: str) -> None:
        """Forget the value of a form field, and save."""
        with self._lock:
            if self.session.form.pop(key, None) is not None:
                self.save()

    def save(self) -> None:
        """Save the session to disk; a full disk is shown as a notice and doesn't raise."""
        with self._lock:
            try:
                self._folder.save(self.id, self.session)
            except ExplorerError as error:
                self.notice = error

    def keep(self, result: Callable[[], object]) -> None:
        """Add the result of work, and save."""
        with self._lock:
            result()
            self.save()

    def change(self, edit: Callable[[ForkTree], None]) -> None:
        """Edit the tree on screen (undo, rename, ...) and save."""
        with self._lock:
            self.notice = None
            if self.session.tree is not None:
                edit(self.session.tree)
                self.save()

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

        def work(task: Task) -> None:
            lm = self.load(spec)
            task.label = "Generating"
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
                watch=_follow(task, 0),
                cancel=task.cancelled,
            )
            self._add_root(tree, lm, chains[0])

        self.start("Loading the model", work, sampler.max_new_tokens)

    def force(
        self,
        spec: ModelSpec,
        branch: Branch,
        position: int,
        token_id: int,
        sampler: Sampler | None = None,
    ) -> None:
        """Start the branch that has another token at a position; an existing one is selected.

        It continues with the sampler given, or with the chain's own.
        """
        tree = self.session.tree
        assert tree is not None
        branch = tree.origin(branch.id, position)
        sampler = sampler or branch.chain.sampler
        existing = _existing(tree, branch, position, token_id, sampler)
        if existing is not None:
            tree.select(existing.id, position)
            return
        for ending in self.endings(branch.chain, position):
            if ending.token_id == token_id and ending.chain.sampler == sampler:
                self._add_branches(tree, branch, position, [ending])
                return

        def work(task: Task) -> None:
            lm = self.load(spec)
            task.label = "Continuing"
            chains = fork(
                lm,
                branch.chain,
                [Fork(position, token_id)],
                sampler=sampler,
                watch=_follow(task, position),
                cancel=task.cancelled,
            )
            (outcome,) = judge(lm, chains)
            ending = Continuation(token_id, chains[0], outcome)
            self._add_branches(tree, branch, position, [ending])

        self.start("Loading the model", work, sampler.max_new_tokens)

    def endings(self, chain: Chain, position: int) -> list[Continuation]:
        """The endings of a position's alternatives that were tried so far."""
        return self._endings.get(_place(chain, position), [])

    def try_all(self, spec: ModelSpec, chain: Chain, position: int) -> None:
        """Continue every alternative of a position to its end, in one batch."""
        token_ids = [int(i) for i in chain.statistics.top_ids[position]]

        def work(task: Task) -> None:
            lm = self.load(spec)
            task.label = f"Trying all {len(token_ids)}"
            task.unit = "endings"
            forks = [Fork(position, token_id) for token_id in token_ids]
            chains = fork(lm, chain, forks, on_chain=lambda *_: task.count(), cancel=task.cancelled)
            if task.cancelled():
                return
            outcomes = judge(lm, chains)
            with self._lock:
                self._endings[_place(chain, position)] = [
                    Continuation(*each) for each in zip(token_ids, chains, outcomes, strict=True)
                ]

        self.start("Loading the model", work, len(token_ids))

    def cancel(self) -> None:
        """Stop the work at its next token; finished parts are kept."""
        if self.task is not None:
            self.task.cancel()

    def start(self, label: str, work: Callable[[Task], None], total: int | None) -> None:
        """Start work for this session; one piece at a time."""
        with self._lock:
            if self.busy:
                self.notice = ExplorerError(
                    "This session is still working.", "Wait for it to end, or cancel it."
                )
                return
            self.notice = None
            self.task = Task(label, work, total)

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


_Place = tuple[tuple[int, ...], tuple[int, ...], Sampler, int, str, str | None]


def _place(chain: Chain, position: int) -> _Place:
    """Key of the endings at a position; branches with an equal key share them."""
    kept = chain.token_ids[:position]
    return chain.prompt_ids, kept, chain.sampler, chain.seed, chain.model, chain.adapter


def _existing(
    tree: ForkTree, branch: Branch, position: int, token_id: int, sampler: Sampler
) -> Branch | None:
    """The branch itself, or its child, that has this token at this position."""
    if branch.chain.token_ids[position] == token_id:
        return branch
    for child in tree.children(branch.id):
        same_token = child.position == position and child.chain.token_ids[position] == token_id
        if same_token and child.chain.sampler == sampler:
            return child
    return None


def _follow(task: Task, start: int) -> Callable[[int, GrowingChain], None]:
    def watch(_: int, growing: GrowingChain) -> None:
        task.live = growing
        task.done += 1

    task.done = task.before = start
    return watch
