"""Start measurements on a branch: the search for a fix, and pivotality; and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.chains.branch import Branch
from core.chains.fix_search import AttemptResult, search_fix
from core.chains.pivotality import SampledEnding, measure_pivotality
from core.chains.sweep import Attempt, Sweep
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Sampler
from core.runs.decoding_speed import DecodingSpeed, batch_seconds
from core.runs.estimate import duration
from core.runs.measurements import Meter, NotMeasuredError
from explorer.open_session import OpenSession
from explorer.tasks import Task
from explorer.work import Work, expected_progress

ALTERNATIVES = 5


def start_fix_search(
    opened: OpenSession, spec: ModelSpec, branch: Branch, positions: int, sampler: Sampler
) -> None:
    """Search for single tokens that flip a branch's answer, as a background task."""
    tree = opened.session.tree
    assert tree is not None
    work = Work("fix", tree, branch.id, sampler=sampler)

    def do(task: Task) -> None:
        lm = opened.load(spec)
        task.label = "Trying replacements"
        cancel = task.cancelled
        order: dict[Attempt, int] = {}

        def on_plan(plan: Sweep) -> None:
            nonlocal cancel
            work.plan = plan
            tried = (*plan.attempts, *plan.control)
            order.update({each: index for index, each in enumerate(tried)})
            positions = [each.position for each in tried]
            cancel = work.follow(task, expected_progress(task, branch.chain, positions))

        def on_ending(result: AttemptResult) -> None:
            work.take_attempt(result)
            assert work.progress is not None
            tokens = result.length - result.attempt.position
            work.progress.ended(order[result.attempt], tokens)

        found = search_fix(
            lm,
            branch.chain,
            branch.outcome,
            positions=positions,
            sampler=sampler,
            on_plan=on_plan,
            on_ending=on_ending,
            cancel=lambda: cancel(),
        )
        if found is not None:
            opened.keep(lambda: setattr(tree.findings(branch.id), "fix", found))

    opened.start("Loading the model", do, None, work, spec)


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
    work = Work("samples", tree, branch.id, frozenset(positions), samples=samples)

    def do(task: Task) -> None:
        own = branch.chain.sampler
        sampler = Sampler(temperature, max_new_tokens=own.max_new_tokens, stop=own.stop)
        lm = opened.load(spec)
        task.label = "Sampling"
        each_position = samples * alternatives_of(branch.chain)
        places = [position for position in positions for _ in range(each_position)]
        progress = expected_progress(task, branch.chain, places)

        def on_ending(ending: SampledEnding) -> None:
            work.count_sample(ending)
            progress.ended(ending.index, ending.length - ending.position)

        found = measure_pivotality(
            lm,
            branch.chain,
            positions,
            samples=samples,
            sampler=sampler,
            on_ending=on_ending,
            cancel=work.follow(task, progress),
        )
        if found is not None:
            known = tree.findings(branch.id).pivotality
            opened.keep(lambda: known.update({each.position: each for each in found}))

    opened.start("Loading the model", do, None, work, spec)


def alternatives_of(chain: Chain) -> int:
    """How many alternatives of a position are compared."""
    return min(ALTERNATIVES, int(chain.statistics.top_ids.shape[1]))


def cost(
    opened: OpenSession, chain: Chain, positions: Sequence[int], each: int, share: float = 1.0
) -> str:
    """About how long continuations take, as ", about 40 s"; empty where the pace of this model
    here isn't known yet.

    The pace is that of the work of this session, or the one measured for runs. Every continuation
    is expected to be as long as the chain.

    Args:
        positions: that are continued from.
        each: how many continuations of each.
        share: of this work that is done.
    """
    size = len(chain)
    lengths = [size - position for position in positions for _ in range(each)]
    pace = opened.paces.get(opened.spec)
    seconds = None if pace is None else pace.forecast(lengths, DEFAULT_BATCH_SIZE)
    if seconds is None:
        speed = _measured_speed(opened.spec)
        if speed is not None:
            seconds = batch_seconds(speed, lengths, len(chain.prompt_ids), DEFAULT_BATCH_SIZE)
    return "" if seconds is None else f", about {duration(max(share * seconds, 1))}"


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def _measured_speed(spec: ModelSpec) -> DecodingSpeed | None:
    def load() -> LanguageModel:
        raise NotMeasuredError

    try:
        return Meter(spec, load, may_measure=False).decoding
    except NotMeasuredError:
        return None
