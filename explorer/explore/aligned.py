"""Two chains side by side, aligned after their fork: what differs, and a step to the next one."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from core.chains.alignment import Alignment, Segment, align_chains
from core.chains.branch import Branch
from core.records import Chain
from explorer.state import BrowserState

_STYLE = Path(__file__).parent / "aligned.css"
_SHOWN = 14  # tokens at each end of a stretch that both have


def aligned_panel(state: BrowserState, branch: Branch, other: Branch) -> None:
    """What differs between the selected branch and the one beside it.

    Args:
        branch: on the left.
        other: on the right.
    """
    found = align_chains(branch.chain, other.chain)
    # Branches of different trees may have the same ids.
    opened = state.opened
    key = f"difference between {branch.id} and {other.id} of {opened.id} {opened.session.current}"
    at: int | None = st.session_state.get(key)
    count = len(found.differences)
    st.html(_STYLE)
    with st.container(border=True, key="aligned"):
        with st.container(horizontal=True, vertical_alignment="center", key="aligned_head"):
            st.markdown(_headline(found, at), width="stretch")
            for label, icon, step in (
                ("Previous difference", ":material/arrow_back:", -1),
                ("Next difference", ":material/arrow_forward:", 1),
            ):
                st.button(
                    label,
                    icon=icon,
                    disabled=not count,
                    on_click=_step,
                    args=(state, branch, other, found, key, step),
                    key=label,
                )
        st.html(aligned_html(branch.chain, other.chain, found, at))


def aligned_html(a: Chain, b: Chain, found: Alignment, at: int | None) -> str:
    """The two chains as one text, in two columns where they differ.

    Args:
        at: number of the difference that is marked as the current one.
    """
    rows = []
    number = 0
    for each in found.segments:
        if each.kind == "differs":
            current = " current" if number == at else ""
            number += 1
            rows.append(
                f'<div class="difference{current}" role="listitem" '
                f'aria-label="Difference {number}{", current" if current else ""}">'
                f'<span class="number">{number}</span>'
                f"{_side(a, each.a)}{_side(b, each.b)}</div>"
            )
        else:
            rows.append(f'<div class="same" role="listitem">{_same(a, each)}</div>')
    return f'<div class="aligned" role="list" aria-label="Aligned chains">{"".join(rows)}</div>'


def _side(chain: Chain, span: tuple[int, int]) -> str:
    start, stop = span
    if start == stop:
        return '<div class="side"><span class="nothing">nothing here</span></div>'
    place = f'<span class="place">#{start}</span>'
    return f'<div class="side">{place} <mark>{_text(chain, start, stop)}</mark></div>'


def _same(chain: Chain, segment: Segment) -> str:
    start, stop = segment.a
    shared = segment.kind == "shared"
    what = "shared" if shared else "the same"
    if stop - start <= 2 * _SHOWN:
        return _text(chain, start, stop)
    begin = "" if shared else _text(chain, start, start + _SHOWN)
    first = start if shared else start + _SHOWN
    left_out = stop - _SHOWN - first
    middle = f' <span class="left_out">… {left_out:,} tokens {what} …</span> '
    return begin + middle + _text(chain, stop - _SHOWN, stop)


def _text(chain: Chain, start: int, stop: int) -> str:
    return escape("".join(chain.tokens[start:stop]))


def _headline(found: Alignment, at: int | None) -> str:
    count = len(found.differences)
    if not count:
        return "**The two chains say the same.**"
    differences = f"{count} {'difference' if count == 1 else 'differences'}"
    where = differences if at is None else f"Difference {at + 1} of {count}"
    return f"**{where}** · {found.same_after:,} tokens are said again after the fork"


def _step(
    state: BrowserState, branch: Branch, other: Branch, found: Alignment, key: str, step: int
) -> None:
    """Go to another difference: both chains show it."""
    at: int | None = st.session_state.get(key)
    count = len(found.differences)
    now = (0 if step > 0 else count - 1) if at is None else (at + step) % count
    st.session_state[key] = now
    segment = found.differences[now]
    state.go_to(min(segment.a[0], len(branch.chain) - 1))
    state.go_to_beside(min(segment.b[0], len(other.chain) - 1))
