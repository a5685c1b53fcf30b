"""Named ways to evaluate: the settings that a paper's figures were measured with.

"reasonmaxxer" is that of arXiv:2605.06241: temperature 0.6, top-p 0.95, up to 8,192 new tokens;
one sample of each problem (pass@1), and the mean of 8 (avg@8) on AIME24 and AMC23, as on sets that
are not among its benchmarks. Our notes of the paper are silent on seeds, so the seed is free; the
prompt is the one that suits the model, as in its appendix C.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from core.evaluation.benchmarks import benchmark_of

AVERAGED = 8
"""Samples of a problem for avg@8."""

LONGEST = 8192
"""New tokens, at most: a model with a shorter context can't have as many."""


class ProtocolName(StrEnum):
    """How an evaluation's settings were chosen."""

    NONE = "none"  # by a person
    REASONMAXXER = "reasonmaxxer"  # as in arXiv:2605.06241


_FIXED: dict[ProtocolName, dict[str, Any]] = {
    ProtocolName.NONE: {},
    ProtocolName.REASONMAXXER: {
        "temperature": 0.6,
        "top_p": 0.95,
        "fork_temperature": None,
    },
}
"""Settings that are the same on all problem sets."""


def protocol_values(protocol: ProtocolName, problem_set: str) -> dict[str, Any]:
    """The settings of a protocol, by their names, for a problem set.

    Args:
        protocol: without one there are none.
        problem_set: the name of the set or file, by which a benchmark is recognised.
    """
    if protocol is ProtocolName.NONE:
        return {}
    found = benchmark_of(problem_set)
    samples = AVERAGED if found is None or found.averaged else 1
    own = {"protocol": protocol, "samples": samples, "max_new_tokens": LONGEST}
    return {**own, **_FIXED[protocol]}


def departures(protocol: ProtocolName, settings: Any) -> list[str]:
    """The settings that are not the protocol's, by their names.

    Args:
        settings: with attributes of these names.
    """
    if protocol is ProtocolName.NONE:
        return []
    fixed = _FIXED[protocol]
    found = [name for name, value in fixed.items() if getattr(settings, name) != value]
    found += [] if settings.samples in (1, AVERAGED) else ["samples"]
    return found + (["max_new_tokens"] if settings.max_new_tokens > LONGEST else [])
