"""Settings that every kind of decoding shares, and their limits; importable without torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.decoding.top_share import METAVAR, typed_threshold
from core.system.setting import Typed, Unit

DEFAULT_BATCH_SIZE = 64
"""Most chains that are decoded at once."""

TOP = 20
"""Of the base's most probable tokens that a rule sees (the paper's random substitution)."""

Temperature = Annotated[
    float,
    Field(ge=0, le=100, allow_inf_nan=False, title="Temperature", description="0 is greedy"),
]
TopP = Annotated[float, Field(gt=0, le=1, title="Top-p", description="Nucleus sampling; 1 is off")]
MaxNewTokens = Annotated[
    int, Field(ge=1, title="Max new tokens", description="Longest completion, in tokens")
]
Seed = Annotated[int, Field(ge=0, title="Seed", description="Of everything random")]
BatchSize = Annotated[
    int,
    Field(
        ge=1,
        le=4096,
        title="Decoding batch",
        description="Most chains at once; lower it where memory is short",
    ),
]
TopK = Annotated[
    int, Field(ge=0, title="Top-k", description="Most probable tokens to draw from; 0 is off")
]
MinP = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="Min-p",
        description="Least probability, as a share of the highest; 0 is off",
    ),
]
Tau = Annotated[
    float,
    Unit("nats"),
    Typed(typed_threshold, METAVAR),
    Field(ge=0, le=100, allow_inf_nan=False, title="Threshold τ"),
]
"""Entropy above which a token is a decision point. On the command line also a share of the model's
tokens, such as top5%."""
