"""Start what grows a tree from a branch, and what opens one of its endings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from core.chains.branch import Branch
from core.chains.decoding_progress import DecodingProgress
from core.chains.expansion.growing import grow
from core.chains.expansion.opening import open_ending, opened_as
from core.chains.expansion.records import Growth
from core.chains.settings import ExpansionSettings
from core.chains.tree import ForkTree
from core.models.spec import ModelSpec
from core.records import Outcome
from explorer.explore.forcing import wait
from explorer.open_session import OpenSession
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.work import Growing, Work, expected_progress


def start_growth(
    opened: OpenSession, spec: ModelSpec, branch: Branch, settings: ExpansionSettings
) -> None:
    """Grow a tree from a branch as a background task. What is known of it is not decoded again, and
    what has grown is kept when the task is cancelled."""
    tree = opened.session.tree
    assert tree is not None
    findings = tree.findings(branch.id)
    growing = Growing()
    work = Work("grow", tree, branch.id, growing=growing)

    def do(task: Task) -> None:
        lm = opened.load(spec)
        task.label, task.unit = "Growing the tree", "tokens"
        progress: DecodingProgress | None = None
        before = 0  # tokens of the waves before

        def on_part(part: Literal["forks", "random"]) -> None:
            growing.part = part

        def on_wave(positions: Sequence[int], waiting: int) -> None:
            nonlocal progress, before
            before += 0 if progress is None else progress.tokens
            progress = work.progress = expected_progress(task, branch.chain, positions)
            task.total = _expected(settings, growing, before, len(positions) + waiting, branch)

        def on_ending(index: int, outcome: Outcome, tokens: int) -> None:
            growing.take(outcome)
            if progress is not None:
                progress.ended(index, tokens)

        def cancel() -> bool:
            if progress is None:
                return task.cancelled()
            stop = progress()
            task.done = before + progress.tokens
            return stop

        found = grow(
            lm,
            branch.chain,
            branch.outcome,
            settings,
            known=findings.growth,
            on_part=on_part,
            on_wave=on_wave,
            on_ending=on_ending,
            cancel=cancel,
        )
        if _has_endings(found) or not task.cancelled():
            opened.keep(lambda: setattr(findings, "growth", found))

    opened.start("Loading the model", do, None, work, spec)


def start_opening(
    state: BrowserState, tree: ForkTree, owner: Branch, number: int, *, beside: bool = False
) -> None:
    """Make an ending that grew at the forks of a branch a branch itself, and show it.

    Args:
        owner: from whose chain the tree grew.
        number: of the ending.
        beside: whether it is shown beside the chain on screen instead of in its place.
    """
    opened = state.opened
    growth = tree.findings(owner.id).growth
    if growth is None or growth.forks is None or number >= len(growth.forks.endings):
        return
    expansion, shown = growth.forks, tree.selection

    def show(branch: Branch) -> None:
        if beside and shown.branch not in (None, branch.id):
            state.beside = branch.id
            tree.select(str(shown.branch), shown.position)
        else:
            tree.select(branch.id, branch.position)

    known = opened_as(tree, owner, expansion, number)
    if known is not None:
        show(known)
        opened.save()
        return

    def do(task: Task) -> None:
        lm = opened.load(opened.spec)
        task.label = "Opening the ending"
        opened.keep(lambda: show(open_ending(lm, tree, owner, expansion, number)))

    opened.start("Loading the model", do, None, Work("other", tree, owner.id))
    wait(state)


def grown_from(tree: ForkTree, branch: Branch) -> Branch:
    """The branch whose tree is shown with a branch: itself, or the nearest one before it from which
    a tree grew; itself where there is none."""
    each = branch
    while tree.findings(each.id).growth is None and each.parent is not None:
        each = tree.branch(each.parent)
    return branch if tree.findings(each.id).growth is None else each


def _expected(
    settings: ExpansionSettings, growing: Growing, tokens: int, waiting: int, branch: Branch
) -> int:
    """Tokens of all trees together, as far as it can be known: those of the branches that wait."""
    typical = tokens / growing.endings if growing.endings else len(branch.chain) / 2
    parts = 2 if settings.at == "both" else 1
    left = round(typical * waiting)
    if parts == 2 and growing.part == "forks":
        left = 2 * left + tokens
    return min(tokens + left, parts * settings.budget)


def _has_endings(found: Growth) -> bool:
    return any(each is not None and each.endings for each in (found.forks, found.random))
