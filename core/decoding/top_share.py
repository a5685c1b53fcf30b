"""A threshold as a share of a model's tokens: "top5%" is the entropy that 5 % of them are above."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

METAVAR = "NATS|topN%"
"""What may be typed for a threshold."""

_SHARE = re.compile(r"top\s*(\d+(?:\.\d*)?|\.\d+)\s*%", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class TopShare:
    """The tokens of highest entropy, as a share of all tokens between 0 and 1.

    What it means in nats depends on the model, the problems, the prompt and the sampler, and has
    to be measured (`core.thresholds`).
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError("a share of the tokens is above 0 % and below 100 %")

    def __str__(self) -> str:
        return f"top {100 * self.share:.10g} %"


def typed_threshold(value: str | float) -> float | TopShare:
    """A threshold as a person types it: nats ("1.4"), or a share of the model's tokens ("top5%").

    Raises:
        ValueError: neither of the two.
    """
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        return TopShare(float(found[1]) / 100)
    try:
        nats = float(value)
    except ValueError:
        nats = math.nan
    if not math.isfinite(nats):
        raise ValueError(f"{value!r} is neither nats, such as 1.4, nor a share, such as top5%")
    return nats
