"""Load the model that a command names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.records import Chain


def load(model: str, adapter: Path | None, device: str, dtype: str, trust: bool) -> Any:
    """The language model; torch is imported here and not before.

    Raises:
        ModelError, ResourceError: as `load_language_model`.
    """
    from transformers.utils import logging

    from core.language_model import ModelSpec, load_language_model

    logging.disable_progress_bar()
    return load_language_model(
        ModelSpec(model, None if adapter is None else str(adapter), device, dtype, trust)
    )


def load_maker(chain: Chain, device: str, dtype: str, trust: bool) -> Any:
    """The language model that made a chain, in the chain's own precision where none is given.

    Raises:
        ModelError, ResourceError: as `load_language_model`.
    """
    adapter = None if chain.adapter is None else Path(chain.adapter)
    return load(chain.model, adapter, device, dtype or chain.dtype, trust)
