"""Events that the browser reports for the heatmap, validated before use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, get_args


@dataclass(frozen=True)
class Selection:
    """The token selected last: position `i` of the chain with id `chain`."""

    chain: str
    i: int


@dataclass(frozen=True)
class Force:
    """A request to force the alternative of this rank (1 = most probable) at position `i`."""

    chain: str
    i: int
    rank: int


@dataclass(frozen=True)
class NewThreshold:
    """The threshold to which the strip's line was moved, nats."""

    chain: str
    tau: float


Command = Literal["undo", "redo"]


@dataclass(frozen=True)
class HeatmapEvent:
    """The last selection (persistent), and requests that are reported once.

    All but the command carry the id of the chain that was on screen: compare it with the current
    chain, which may have changed since the click.
    """

    selected: Selection | None = None
    force: Force | None = None
    threshold: NewThreshold | None = None
    command: Command | None = None  # by a key

    def position(self, chain_id: str, length: int) -> int | None:
        """The selected position; None if it was selected in another chain or is out of range."""
        if self.selected is None or self.selected.chain != chain_id:
            return None
        return self.selected.i if self.selected.i < length else None


def parse_event(state: object) -> HeatmapEvent:
    """Parse the component's state; malformed parts are ignored."""
    if not isinstance(state, Mapping):
        return HeatmapEvent()
    selected = _fields(state.get("selected"), "i")
    force = _fields(state.get("force"), "i", "rank")
    if force is not None and force["rank"] < 1:
        force = None
    return HeatmapEvent(
        Selection(**selected) if selected else None,
        Force(**force) if force else None,
        _threshold(state.get("threshold")),
        _command(state.get("command")),
    )


def _threshold(payload: object) -> NewThreshold | None:
    if not isinstance(payload, Mapping) or not isinstance(payload.get("chain"), str):
        return None
    tau = payload.get("tau")
    if not isinstance(tau, int | float) or isinstance(tau, bool):
        return None
    return NewThreshold(payload["chain"], float(tau)) if isfinite(tau) and tau >= 0 else None


def _command(payload: object) -> Command | None:
    name = payload.get("name") if isinstance(payload, Mapping) else None
    return next((each for each in get_args(Command) if each == name), None)


def _fields(payload: object, *numbers: str) -> dict[str, Any] | None:
    if not isinstance(payload, Mapping) or not isinstance(payload.get("chain"), str):
        return None
    values = {name: payload.get(name) for name in numbers}
    for value in values.values():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return None
    return {"chain": payload["chain"], **values}
