"""The paper's protocol as one choice in the form of an evaluation."""

from __future__ import annotations

import streamlit as st

from core.evaluation.benchmarks import BENCHMARKS, Benchmark, benchmark_of
from core.evaluation.protocols import LONGEST, ProtocolName, protocol_values
from explorer.shared.messages import plain
from explorer.shared.problem_sets import problem_sets
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_LAST = "protocol of the form"  # in Streamlit's session state: it fills fields when it changes


def put_protocol(protocol: ProtocolName) -> None:
    """Note the protocol of settings that are put into the form with their own length."""
    st.session_state[_LAST] = protocol


def protocol_fields(state: BrowserState, fields: SettingFields, problem_set: str) -> bool:
    """The choice of a protocol, which fills the fields below it; whether they are filled and can't
    be changed.

    Args:
        fields: of the evaluation; those that the protocol sets must be drawn after this.
        problem_set: the name of the set, by which a benchmark is recognised.
    """
    with st.container(key="evaluation_protocol"):
        choice, about = st.columns([2, 6], vertical_alignment="bottom")
    protocol = ProtocolName(fields.draw(choice, "protocol"))
    values = protocol_values(protocol, problem_set)
    if not values:
        st.session_state[_LAST] = protocol
        return False
    chosen_now = st.session_state.get(_LAST, protocol) != protocol
    st.session_state[_LAST] = protocol
    for name, value in values.items():
        stays = name == "protocol" or (name == "max_new_tokens" and not chosen_now)
        if not stays:  # of the length a person may want less
            state.form.put(fields.key_of(name), value)
    about.caption(_about(problem_set, values["samples"], list(problem_sets(state))))
    return True


def _about(problem_set: str, samples: int, sets: list[str]) -> str:
    """Markdown: what the protocol makes of this set, and which benchmarks are missing."""
    found = benchmark_of(problem_set)
    what = "not one of the paper's benchmarks" if found is None else found.title
    measure = "pass@1 from one sample" if samples == 1 else f"avg@{samples}"
    here = {known.key for known in map(benchmark_of, sets) if known is not None}
    missing = [each for key, each in BENCHMARKS.items() if key not in here]
    text = (
        f"As [arXiv:2605.06241](https://arxiv.org/abs/2605.06241): {plain(problem_set)} is {what}, "
        f"so {measure}; up to {LONGEST:,} tokens, fewer where the model's context is shorter. "
    )
    return text + _where(missing)


def _where(missing: list[Benchmark]) -> str:
    """Markdown: where to get the benchmarks that are not among the sets of the session."""
    if not missing:
        return "All six benchmarks are here."
    names = ", ".join(
        f"[{each.title}](https://huggingface.co/datasets/{each.hub})" for each in missing
    )
    return (
        f"Not here yet: {names}. Download one (copies in common use; the paper doesn't name its "
        "own) and add its file with *Problems*."
    )
