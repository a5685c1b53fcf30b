"""Start measurements on a branch: the search for a fix, and pivotality."""

from __future__ import annotations

from collections.abc import Sequence

from core.chains.fix_search import search_fix
from core.chains.pivotality import measure_pivotality
from core.chains.tree import Branch
from core.models.spec import ModelSpec
from core.records import Sampler
from explorer.open_session import OpenSession
from explorer.tasks import Task

ALTERNATIVES = 5


def start_fix_search(
    opened: OpenSession, spec: ModelSpec, branch: Branch, positions: int, sampler: Sampler
) -> None:
    """Search for single tokens that flip a branch's answer, as a background task."""
    tree = opened.session.tree
    assert tree is not None

    def work(task: Task) -> None:
        lm = opened.load(spec)
        task.label, task.unit = "Trying single tokens", "endings"
        found = search_fix(
            lm,
            branch.chain,
            branch.outcome,
            positions=positions,
            sampler=sampler,
            on_ending=task.count,
            cancel=task.cancelled,
        )
        if found is not None:
            opened.keep(lambda: setattr(tree.findings(branch.id), "fix", found))

    attempts = positions * (_alternatives(branch) - 1)
    opened.start("Loading the model", work, 2 * attempts)


def start_pivotality(
    opened: OpenSession,
    spec: ModelSpec,
    branch: Branch,
    positions: Sequence[int],
    samples: int,
    temperature: float,
) -> None:
    """Measure the pivotality of these positions, as a background task."""
    tree = opened.session.tree
    assert tree is not None

    def work(task: Task) -> None:
        own = branch.chain.sampler
        sampler = Sampler(temperature, max_new_tokens=own.max_new_tokens, stop=own.stop)
        lm = opened.load(spec)
        task.label, task.unit = "Sampling continuations", "endings"
        found = measure_pivotality(
            lm,
            branch.chain,
            positions,
            samples=samples,
            sampler=sampler,
            on_ending=task.count,
            cancel=task.cancelled,
        )
        if found is not None:
            known = tree.findings(branch.id).pivotality
            opened.keep(lambda: known.update({each.position: each for each in found}))

    endings = len(positions) * _alternatives(branch) * samples
    opened.start("Loading the model", work, endings)


def _alternatives(branch: Branch) -> int:
    return min(ALTERNATIVES, int(branch.chain.statistics.top_ids.shape[1]))
