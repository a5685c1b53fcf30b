"""Columns of numbers as base64, which a page reads a hundred times faster than lists in JSON."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Literal

import numpy as np

Kind = Literal["u1", "i2", "u2", "i4", "u4"]


def packed(values: Any, kind: Kind) -> list[str]:
    """[kind, base64 of the numbers, flattened, little-endian], which `unpacked` in columns.js
    reads; a number outside the kind's range becomes its nearest one."""
    numbers = np.asarray(values)
    limits = np.iinfo(kind)
    column = np.clip(numbers, limits.min, limits.max).astype(f"<{kind}")
    return [kind, b64encode(column.tobytes()).decode("ascii")]
