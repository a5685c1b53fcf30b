"""The model that a command names: as its options say, loaded, and its download followed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.records import Chain


def model_spec(
    model: str,
    adapter: Path | None,
    device: str,
    dtype: str,
    trust: bool,
    revision: str | None,
    quantization: str,
) -> Any:
    """What the options of a command name; torch is imported here and not before.

    Raises:
        ModelError: a quantization that there is not.
    """
    from transformers.utils import logging

    from core.language_model import ModelSpec
    from core.placement import quantization_named

    logging.disable_progress_bar()
    return ModelSpec(
        model,
        None if adapter is None else str(adapter),
        device,
        dtype,
        trust,
        revision,
        quantization_named(quantization),
    )


def load(spec: Any) -> Any:
    """The language model that `model_spec` named; what is not on this machine is downloaded.

    Raises:
        ModelError, ResourceError: as `load_language_model`.
    """
    from core.language_model import fetch_model, load_language_model

    with download_bar() as report:
        files = fetch_model(spec, report=report)
    return load_language_model(spec, files)


def maker(
    chain: Chain, device: str, dtype: str, trust: bool, revision: str | None, quantization: str
) -> Any:
    """The model that made a chain, in the chain's own precision where none is given."""
    adapter = None if chain.adapter is None else Path(chain.adapter)
    dtype = dtype or chain.dtype
    return model_spec(chain.model, adapter, device, dtype, trust, revision, quantization)


@contextmanager
def download_bar() -> Iterator[Any]:
    """Reports bytes to a bar on stderr, which appears with the first download."""
    from tqdm import tqdm

    bar: Any = None

    def report(done: int, total: int) -> None:
        nonlocal bar
        if bar is not None and (bar.total != total or done < bar.n):  # the next download
            bar.close()
            bar = None
        if bar is None and done < total:
            bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, file=sys.stderr)
        if bar is not None:
            bar.update(done - bar.n)

    try:
        yield report
    finally:
        if bar is not None:
            bar.close()
