"""`model` and `download`: what a model is and needs, and getting it from the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.byte_sizes import in_bytes
from core.cli.models import downloading, model_spec
from core.cli.options import AsJson, Device, Dtype, Quantization, RemoteCode, Revision
from core.cli.output import say
from core.errors import ModelError
from core.json_text import json_text
from core.printable_text import printable

if TYPE_CHECKING:
    from core.hub_files import Kind


def model(
    name: Annotated[str, typer.Argument(metavar="MODEL", help='"demo", a folder, or a hub id.')],
    revision: Revision = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    quantization: Quantization = "none",
    batch_size: Annotated[int, typer.Option(min=1, help="Chains at once, for the memory.")] = 8,
    length: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens of each, for the memory.", show_default="1024"),
    ] = None,
    trust_remote_code: RemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """What a model is and how much memory it needs, without its weights."""
    from core.model_facts import read_facts

    spec = model_spec(name, None, device, dtype, trust_remote_code, revision, quantization)
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
    name: Annotated[str, typer.Argument(metavar="ID", help="Hub id, such as owner/model.")],
    revision: Revision = None,
    adapter: Annotated[bool, typer.Option("--adapter", help="It is a LoRA adapter.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Fetch the model's own Python code too.")
    ] = False,
) -> None:
    """Fetch a model or an adapter from the hub into its cache, and print the folder.

    Only what a safe load needs is fetched. Ctrl-C keeps the files that are complete.
    """
    from core import hub_download
    from core.model_files import is_hub_id

    if not is_hub_id(name):
        raise ModelError(f"{name} is no hub id.", "Give one such as owner/model.")
    kind: Kind = "adapter" if adapter else "model"
    with downloading() as how:
        folder = hub_download.download(name, revision, kind=kind, code=trust_remote_code, **how)
    say(f"The {kind} {name} is there.")
    print(folder)
