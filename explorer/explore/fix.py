"""Find the fix: single forced tokens at the forks, and at random positions as a control."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from core.chains.fix_search import AttemptResult, FixSearch
from core.chains.settings import FixSettings
from core.chains.tree import Branch
from core.entropy import nats_to_bits
from core.records import Chain, Sampler, Verdict
from core.statistics import Estimate
from explorer.components.attempt_grid import (
    GridCell,
    GridRow,
    GridTable,
    attempt_grid,
    read_attempt_grid,
)
from explorer.components.attempt_grid.component import Tone
from explorer.explore.inspector import force, same_model, wait
from explorer.explore.measuring import start_fix_search
from explorer.shared.messages import VERDICT_SIGNS, short, token_label, visible
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_GRID = "attempt_grid"


def fix_button(state: BrowserState, branch: Branch) -> None:
    """A button that starts the search with the panel's settings."""
    words = _words(branch)
    st.button(
        words[0],
        icon=":material/troubleshoot:",
        width="stretch",
        disabled=state.opened.busy or not same_model(state, branch.chain),
        help="Force every other top-5 token at the most uncertain positions, and as many at other "
        "positions drawn at random",
        on_click=_search,
        args=(state, branch),
        key="find_fix",
    )


def fix_panel(state: BrowserState, branch: Branch) -> None:
    """The results of the search on this branch, if it was searched."""
    tree = state.opened.session.tree
    found = None if tree is None else tree.findings(branch.id).fix
    if found is None:
        return
    chain = branch.chain
    chain_id = f"{state.opened.id} {branch.id}"
    one, many = _words(branch)[1:]
    with st.container(border=True, key="fix_panel"):
        st.markdown(f"**Which single token {one}?**")
        attempt_grid(
            [
                _table(
                    state,
                    chain,
                    f"At the {_positions(found.attempts)} most uncertain positions",
                    _summary(found.attempts, found.turned_share, many),
                    found.attempts,
                ),
                _table(
                    state,
                    chain,
                    f"Control: at {_positions(found.control)} other positions, drawn at random",
                    _summary(found.control, found.control_share, many),
                    found.control,
                ),
            ],
            chain_id=chain_id,
            key=_GRID,
            enabled=not state.opened.busy and same_model(state, chain),
            on_open=lambda: _open(state, branch, chain_id, found),
        )
        st.caption(
            f"Continued {_how(found.sampler)}. With this many attempts one success is likely by "
            "chance: compare the two rates. The intervals assume independent attempts, which is "
            "only roughly true on one chain."
        )
        _settings(state, branch)


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


def _open(state: BrowserState, branch: Branch, chain_id: str, found: FixSearch) -> None:
    wish = read_attempt_grid(_GRID)
    if wish is None or wish.chain != chain_id:
        return
    known = {(each.attempt.position, each.attempt.token_id) for each in _all(found)}
    if (wish.position, wish.token_id) in known:
        force(state, branch, wish.position, wish.token_id, found.sampler)


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
    return "greedily" if sampler.greedy else f"at temperature {sampler.temperature:g}"


def _positions(endings: tuple[AttemptResult, ...]) -> int:
    return len({each.attempt.position for each in endings})


def _summary(endings: tuple[AttemptResult, ...], estimate: Estimate, phrase: str) -> str:
    turned = sum(each.turned for each in endings)
    if not endings:
        return "The chain is too short for a control."
    interval = f"95 % interval {estimate.low:.0%} to {estimate.high:.0%}"
    return f"{turned} of {len(endings)} tokens {phrase} ({estimate.value:.0%}, {interval})."


def _table(
    state: BrowserState, chain: Chain, title: str, summary: str, endings: tuple[AttemptResult, ...]
) -> GridTable:
    rows = [
        _row(state, chain, position, list(each))
        for position, each in groupby(endings, lambda ending: ending.attempt.position)
    ]
    return GridTable(title, summary, rows)


def _row(state: BrowserState, chain: Chain, position: int, endings: list[AttemptResult]) -> GridRow:
    nats = float(chain.entropy[position])
    shown = nats if state.unit == "nats" else nats_to_bits(nats)
    cells = {each.attempt.rank: _cell(chain, each) for each in endings}
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


def _cell(chain: Chain, ending: AttemptResult) -> GridCell:
    attempt, outcome = ending.attempt, ending.outcome
    tones: dict[Verdict, Tone] = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}
    return GridCell(
        token_id=attempt.token_id,
        rank=attempt.rank,
        token=visible(chain.top_tokens[attempt.position][attempt.rank - 1]),
        answer=short(outcome.answer or "no answer", 12),
        sign=VERDICT_SIGNS[outcome.verdict],
        tone=tones.get(outcome.verdict, "other"),
        turned=ending.turned,
    )
