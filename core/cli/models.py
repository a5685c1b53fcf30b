"""The model that a command names: as its options say, loaded, and its download followed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from core.cli.output import say
from core.cli.progress import interruptible
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

    with downloading() as how:
        files = fetch_model(spec, **how)
    return load_language_model(spec, files)


def maker(
    chain: Chain, device: str, dtype: str, trust: bool, revision: str | None, quantization: str
) -> Any:
    """The model that made a chain, in the chain's own precision, revision and quantization where
    none is given."""
    adapter = None if chain.adapter is None else Path(chain.adapter)
    dtype = dtype or chain.dtype
    revision = revision or chain.revision
    quantization = chain.quantization if quantization == "none" else quantization
    return model_spec(chain.model, adapter, device, dtype, trust, revision, quantization)


@contextmanager
def downloading() -> Iterator[dict[str, Any]]:
    """What a download takes: reports for a bar on stderr, which appears with the first one, and
    Ctrl-C.

    Raises:
        typer.Exit: Ctrl-C stopped it.
    """
    from tqdm import tqdm

    from core.hub_download import DownloadCancelledError

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
        with interruptible() as stopped:
            yield {"report": report, "cancelled": stopped.is_set}
    except DownloadCancelledError as error:
        if bar is not None:
            bar.close()
        say(str(error))
        raise typer.Exit(130) from None
    finally:
        if bar is not None:
            bar.close()
