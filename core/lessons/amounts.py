"""Entropies in the unit of the display."""

from __future__ import annotations

from typing import Literal

from core.entropy import nats_to_bits

Unit = Literal["nats", "bits"]


def in_unit(nats: float, unit: Unit) -> float:
    """Nats as a number of the unit."""
    return nats_to_bits(nats) if unit == "bits" else nats


def amount(nats: float, unit: Unit) -> str:
    """Nats in words: "1.50 nats", "2.16 bits"."""
    return f"{in_unit(nats, unit):.2f} {unit}"
