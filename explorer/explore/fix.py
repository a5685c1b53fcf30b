"""Find the fix: which single token flips this chain's answer, and its random control.

What was found marks tokens in the chain; the hits are listed below, and all attempts are folded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal

import streamlit as st

from core.chains.branch import Branch
from core.chains.fix_search import AttemptResult, FixSearch
from core.chains.settings import FixSettings
from core.chains.sweep import Attempt
from core.entropy import highest_entropy_positions, nats_to_bits
from core.records import Chain, Sampler, Verdict
from core.statistics import share
from core.system.percent import percent, percent_span
from explorer.components.attempt_grid import (
    GridCell,
    GridRow,
    GridTable,
    attempt_grid,
    read_attempt_grid,
)
from explorer.components.attempt_grid.component import Tone
from explorer.explore.forcing import force, same_model, wait
from explorer.explore.measuring import alternatives_of, cost, start_fix_search
from explorer.shared.folding import folded
from explorer.shared.messages import VERDICT_SIGNS, plain, short, token_label, visible
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_GRID = "attempt_grid"
_HITS = 6  # rows of the list; the others are in the grid
FixMark = Literal["fixes", "tried"]


def fix_button(state: BrowserState, branch: Branch) -> None:
    """A button that starts the search with the panel's settings."""
    st.button(
        _words(branch)[0],
        icon=":material/troubleshoot:",
        disabled=state.opened.busy or not same_model(state, branch.chain),
        help="Force every other top-5 token at the most uncertain positions, and as many at other "
        "positions drawn at random",
        on_click=_search,
        args=(state, branch),
        key="find_fix",
    )


def fix_line(state: BrowserState, branch: Branch) -> str:
    """Markdown beside the button: what the search found, or what it will cost."""
    tree = state.opened.session.tree
    found = None if tree is None else tree.findings(branch.id).fix
    if found is not None:
        many = _words(branch)[2]
        forks, control = _count(found.attempts), _count(found.control)
        line = f"**{forks} {many}** at forks ({percent(found.turned_share.value, 0)})"
        if found.control:
            line += f" · {control} at random ({percent(found.control_share.value, 0)})"
        return line
    chain = branch.chain
    wanted = _fields(state).current("positions")
    positions = highest_entropy_positions(chain.entropy[: chain.answer_length], wanted)
    each = alternatives_of(chain) - 1
    return (
        f"{len(positions)} positions × {each} alternatives, and as many at random: "
        f"{2 * len(positions) * each} continuations"
        f"{cost(state.opened, chain, [*positions, *positions], each)}"
    )


def fix_marks(state: BrowserState, branch: Branch) -> dict[int, FixMark]:
    """The uncertain positions that were tried, and those at which a token flips the answer; also
    while the search runs."""
    tree = state.opened.session.tree
    if tree is None:
        return {}
    found = tree.findings(branch.id).fix
    results: Sequence[AttemptResult] = () if found is None else _all(found)
    forks = set() if found is None else {each.attempt.position for each in found.attempts}
    work = state.opened.work
    if state.opened.busy and work.kind == "fix" and work.is_on(tree, branch.id):
        results = list(work.attempts.values())
        forks = set() if work.plan is None else {each.position for each in work.plan.attempts}
    marks: dict[int, FixMark] = dict.fromkeys(sorted(forks), "tried")
    return marks | {each.attempt.position: "fixes" for each in results if each.turned}


def fix_panel(state: BrowserState, branch: Branch) -> None:
    """The results of the search on this branch, if it was searched or is being searched."""
    tree = state.opened.session.tree
    if tree is None:
        return
    work = state.opened.work
    running = state.opened.busy and work.kind == "fix" and work.is_on(tree, branch.id)
    found = tree.findings(branch.id).fix
    if found is None and not (running and work.plan is not None):
        return
    with st.container(border=True, key="fix_panel"):
        st.markdown(f"**Which single token {_words(branch)[1]}?**")
        if running and work.plan is not None:
            groups = work.plan.attempts, work.plan.control
            results = _by_attempt(list(work.attempts.values()))
        else:
            assert found is not None
            groups = (
                tuple(e.attempt for e in found.attempts),
                tuple(e.attempt for e in found.control),
            )
            results = _by_attempt(_all(found))
        # Places of their own: a field below keeps what is being typed while more appears above it.
        place, note, below = st.container(), st.container(), st.container()
        with place:
            _results(state, branch, groups, results, done=found is not None and not running)
        if found is not None:
            note.caption(
                f"{_how(found.sampler)} continuations. With this many tries one hit is likely by "
                "chance: compare the two rates. Brackets: 95 % interval; it assumes independent "
                "tries, which is only roughly true here."
            )
        with below:
            _settings(state, branch)


_Results = Mapping[Attempt, AttemptResult]


def _results(
    state: BrowserState,
    branch: Branch,
    groups: tuple[tuple[Attempt, ...], tuple[Attempt, ...]],
    results: _Results,
    *,
    done: bool,
) -> None:
    """A sentence for each group, the list of hits, and all attempts in a folded grid."""
    chain = branch.chain
    forks, control = groups
    many = _words(branch)[2]
    titles = (
        f"At the {_positions(forks)} most uncertain positions",
        f"Control: at {_positions(control)} other positions, drawn at random",
    )
    summaries = [_summary(each, results, many) for each in groups]
    left, right = st.columns(2)
    for place, title, summary in zip((left, right), titles, summaries, strict=True):
        place.markdown(f"{title}:  \n{plain(summary)}")
    _hits(state, branch, [results[each] for each in (*forks, *control) if each in results])
    chain_id = f"{state.opened.id} {branch.id}"

    def draw() -> None:
        attempt_grid(
            [
                GridTable(title, summary, _rows(state, chain, each, results))
                for title, summary, each in zip(titles, summaries, groups, strict=True)
            ],
            chain_id=chain_id,
            key=_GRID,
            enabled=done and not state.opened.busy and same_model(state, chain),
            on_open=lambda: _open(state, branch, chain_id),
        )

    folded("Show all attempts", "attempts", draw)


def _hits(state: BrowserState, branch: Branch, results: Sequence[AttemptResult]) -> None:
    """The replacements that flip the answer, each with a button that makes it a branch."""
    chain = branch.chain
    hits = [each for each in results if each.turned]
    for each in hits[:_HITS]:
        attempt, outcome = each.attempt, each.outcome
        own = plain(token_label(chain, attempt.position))
        new = plain(visible(chain.top_tokens[attempt.position][attempt.rank - 1]))
        begin = max(attempt.position - 8, 0)
        before = plain(visible("".join(chain.tokens[begin : attempt.position]).lstrip()))
        color = {Verdict.CORRECT: "green", Verdict.WRONG: "red"}.get(outcome.verdict, "gray")
        sign, answer = (
            VERDICT_SIGNS[outcome.verdict],
            plain(short(outcome.answer or "no answer", 20)),
        )
        key = f"hit {attempt.position} {attempt.token_id}"
        with st.container(key=key, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f"**\\#{attempt.position}** {own} → **{new}** gives :{color}[{sign} {answer}]  \n"
                f":small[{'… ' if begin else ''}{before} **{new}** …]",
                width="stretch",
            )
            st.button(
                "Go to branch",
                key=f"go to {key}",
                disabled=state.opened.busy,
                on_click=_force,
                args=(state, branch, each),
            )
    if len(hits) > _HITS:
        st.caption(f"{len(hits) - _HITS} more are in the grid.")


def _settings(state: BrowserState, branch: Branch) -> None:
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    fields = _fields(state)
    fields.draw(left, "positions")
    fields.draw(middle, "temperature", step=0.1)
    right.button(
        "Search again",
        width="stretch",
        disabled=state.opened.busy or not same_model(state, branch.chain),
        on_click=_search,
        args=(state, branch),
    )


def _fields(state: BrowserState) -> SettingFields:
    return SettingFields(state.form, FixSettings, "fix")


def _search(state: BrowserState, branch: Branch) -> None:
    fields = _fields(state)
    positions, temperature = fields.current("positions"), fields.current("temperature")
    own = branch.chain.sampler
    sampler = own
    if temperature != own.temperature:
        sampler = Sampler(temperature, max_new_tokens=own.max_new_tokens, stop=own.stop)
    start_fix_search(state.opened, state.opened.spec, branch, positions, sampler)
    wait(state)


def _open(state: BrowserState, branch: Branch, chain_id: str) -> None:
    tree = state.opened.session.tree
    found = None if tree is None else tree.findings(branch.id).fix
    wish = read_attempt_grid(_GRID)
    if wish is None or wish.chain != chain_id or found is None:
        return
    for each in _all(found):
        if (each.attempt.position, each.attempt.token_id) == (wish.position, wish.token_id):
            _force(state, branch, each)


def _force(state: BrowserState, branch: Branch, result: AttemptResult) -> None:
    tree = state.opened.session.tree
    found = None if tree is None else tree.findings(branch.id).fix
    sampler = None if found is None else found.sampler
    force(state, branch, result.attempt.position, result.attempt.token_id, sampler=sampler)


def _all(found: FixSearch) -> tuple[AttemptResult, ...]:
    return (*found.attempts, *found.control)


def _words(branch: Branch) -> tuple[str, str, str]:
    """The button's label, and verb phrases in singular and plural."""
    if branch.outcome.verdict is Verdict.CORRECT:
        return "Find a token that breaks it", "breaks this answer", "break the answer"
    if branch.outcome.verdict is Verdict.NO_GOLD:
        return "Find a token that changes it", "changes this answer", "change the answer"
    return "Find the fix", "fixes this answer", "fix the answer"


def _how(sampler: Sampler) -> str:
    return "Greedy" if sampler.greedy else f"Temperature {sampler.temperature:g}"


def _by_attempt(results: Sequence[AttemptResult]) -> dict[Attempt, AttemptResult]:
    return {each.attempt: each for each in results}


def _count(results: Sequence[AttemptResult]) -> str:
    return f"{sum(each.turned for each in results)} of {len(results)}"


def _positions(attempts: Sequence[Attempt]) -> int:
    return len({each.position for each in attempts})


def _summary(attempts: Sequence[Attempt], results: _Results, phrase: str) -> str:
    if not attempts:
        return "The chain is too short for a control."
    ended = [results[each] for each in attempts if each in results]
    turned = sum(each.turned for each in ended)
    if len(ended) < len(attempts):
        return f"{turned} of {len(ended)} replacements so far {phrase}."
    found = share(turned, len(ended))
    interval = f"95 % interval {percent_span(found.low, found.high, 0)}"
    return (
        f"{turned} of {len(ended)} replacements {phrase} ({percent(found.value, 0)}, {interval})."
    )


def _rows(
    state: BrowserState, chain: Chain, attempts: Sequence[Attempt], results: _Results
) -> list[GridRow]:
    return [
        _row(state, chain, position, list(each), results)
        for position, each in groupby(attempts, lambda attempt: attempt.position)
    ]


def _row(
    state: BrowserState,
    chain: Chain,
    position: int,
    attempts: Sequence[Attempt],
    results: _Results,
) -> GridRow:
    nats = float(chain.entropy[position])
    shown = nats if state.unit == "nats" else nats_to_bits(nats)
    cells = {each.rank: _cell(chain, each, results.get(each)) for each in attempts}
    rank = int(chain.statistics.rank[position])
    if rank <= chain.statistics.top_ids.shape[1]:
        own = token_label(chain, position)
        cells[rank] = GridCell(chain.token_ids[position], rank, own, chosen=True)
    return GridRow(
        position,
        token_label(chain, position),
        f"{shown:.2f} {state.unit}",
        [cells[rank] for rank in sorted(cells)],
    )


def _cell(chain: Chain, attempt: Attempt, ending: AttemptResult | None) -> GridCell:
    token = visible(chain.top_tokens[attempt.position][attempt.rank - 1])
    if ending is None:
        return GridCell(attempt.token_id, attempt.rank, token, answer="•", pending=True)
    outcome = ending.outcome
    tones: dict[Verdict, Tone] = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}
    return GridCell(
        token_id=attempt.token_id,
        rank=attempt.rank,
        token=token,
        answer=short(outcome.answer or "no answer", 12),
        sign=VERDICT_SIGNS[outcome.verdict],
        tone=tones.get(outcome.verdict, "other"),
        turned=ending.turned,
    )
