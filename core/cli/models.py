"""Loads and downloads the model that a command names, with a bar; `model` and `download`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.files import interruptible, say
from core.cli.option_groups import grouped
from core.cli.options import AsJson, LoadOptions, Revision
from core.errors import ModelError
from core.system.json_text import json_text
from core.system.terminal_text import in_bytes, printable

if TYPE_CHECKING:
    from core.models.hub_files import Kind


def load(spec: Any) -> Any:
    """Load a model; what is not on this machine is downloaded.

    Raises:
        ModelError, ResourceError: as `load_language_model`.
    """
    from core.models.language_model import fetch_model, load_language_model

    with downloading() as how:
        files = fetch_model(spec, **how)
    return load_language_model(spec, files)


@contextmanager
def downloading() -> Iterator[dict[str, Any]]:
    """Arguments of a download: reports for a bar on stderr, which appears with the first one,
    and Ctrl-C.

    Raises:
        typer.Exit: Ctrl-C stopped it.
    """
    from tqdm import tqdm

    from core.models.worker_reports import DOWNLOADING, DownloadCancelledError

    bar: Any = None

    def report(done: int, total: int, what: str = DOWNLOADING) -> None:
        nonlocal bar
        if bar is not None and (bar.total != total or done < bar.n):  # the next download
            bar.close()
            bar = None
        if bar is None and done < total:
            bar = tqdm(
                total=total, initial=done, desc=what, unit="B", unit_scale=True, file=sys.stderr
            )
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


@grouped
def model(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help='"demo", "smollm2", a folder, a .gguf file, or a hub id.'
        ),
    ],
    loading: LoadOptions,
    batch_size: Annotated[int, typer.Option(min=1, help="Chains at once, for the memory.")] = 8,
    length: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens of each, for the memory.", show_default="1024"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a model is and how much memory it needs, without its weights."""
    from core.models.facts import read_facts

    spec = loading.spec_of(name)
    with downloading() as how:
        facts = read_facts(spec, rows=batch_size, length=length, **how)
    if as_json:
        print(json_text(facts.to_json()))
        return
    for label, value in facts.rows():
        print(f"{label:<13} {printable(value)}")
    memory = facts.memory
    if memory is not None and not memory.fits:
        say(f"That is more than is free. {memory.remedy}")
    elif memory is not None and memory.is_tight:
        say(f"That leaves little of {in_bytes(memory.free or 0)}. {memory.remedy}")


def download(
    name: Annotated[
        str,
        typer.Argument(metavar="ID", help="Hub id, such as owner/model, or owner/model:file.gguf."),
    ],
    revision: Revision = None,
    adapter: Annotated[bool, typer.Option("--adapter", help="It is a LoRA adapter.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Fetch the model's own Python code too.")
    ] = False,
) -> None:
    """Fetch a model or an adapter from the hub into its cache, and print the folder.

    Only what a safe load needs is fetched. Ctrl-C keeps the files that are complete.
    """
    from core.models import hub_download
    from core.models.files import is_hub_id
    from core.models.spec import gguf_on_hub

    hub_id, file = gguf_on_hub(name) or (name, None)
    if not is_hub_id(hub_id):
        raise ModelError(f"{name} is not a hub id.", "Give one such as owner/model.")
    kind: Kind = "adapter" if adapter else "model"
    with downloading() as how:
        folder = hub_download.download(
            hub_id, revision, kind=kind, code=trust_remote_code, file=file, **how
        )
    say(f"The {kind} {name} is there.")
    print(folder)
