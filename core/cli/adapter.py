"""`fork-explorer adapter`: merge an adapter into its base, or upload it with a model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.command_line import RunCommand, run_command
from core.cli.files import say
from core.cli.models import downloading
from core.cli.options import RemoteCode, RunsDir, path_option
from core.errors import ExplorerError
from core.runs.runs_folder import RunsFolder
from core.system.person_path import person_path
from core.system.terminal_text import in_bytes

if TYPE_CHECKING:
    from core.publishing.source import AdapterSource

app = typer.Typer(
    no_args_is_help=True,
    help="Merge an adapter into its base, or upload it to the hub with a model card.",
)

Source = Annotated[
    str,
    typer.Argument(
        metavar="RUN|FOLDER",
        help='Id or folder of a fine-tune or distillation, an adapter folder, or "demo-teacher".',
    ),
]
Base = Annotated[
    str | None,
    typer.Option("--model", help="The base, where the adapter doesn't name it or it has moved."),
]
Renamed = Annotated[
    bool,
    typer.Option("--renamed-base", help="--model is the adapter's base under another name."),
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of the base on the hub.")]


@app.command()
def merge(
    source: Source,
    out: Annotated[Path, path_option("--out", "-o", help="A new folder for the merged model.")],
    model: Base = None,
    renamed_base: Renamed = False,
    revision: Revision = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Of the stored weights: float32, bfloat16 or float16; by default that of the "
            "run's measurements, else of the base's own weights."
        ),
    ] = None,
    trust_remote_code: RemoteCode = False,
    runs_dir: RunsDir = None,
) -> None:
    """Write the base with the adapter merged into its weights: safetensors, config, tokenizer and
    model card, for any tool that reads Hugging Face folders. It is checked against the base with
    the adapter before it is written."""
    from transformers.utils import logging

    from core.models.language_model import fetch_model
    from core.publishing.merging import base_spec, merge_adapter
    from core.publishing.source import adapter_source

    logging.disable_progress_bar()
    runs = RunsFolder(runs_dir)
    found = adapter_source(source, runs, model=model, revision=revision, renamed=renamed_base)
    spec = base_spec(found, trust_remote_code=trust_remote_code)
    with downloading() as how:
        files = fetch_model(spec, **how)
    merged = merge_adapter(
        found,
        files,
        out,
        card=lambda stored: _card(found, runs, merged_as=stored),
        dtype=precision,
        trust_remote_code=trust_remote_code,
    )
    say(
        f"The merged model is in {merged.folder}, in {merged.dtype}. In float32 its "
        f"log-probabilities differ from those of base and adapter by at most "
        f"{merged.difference:.1g} nats."
    )
    print(merged.folder)


@app.command()
def push(
    source: Source,
    repository: Annotated[str, typer.Argument(metavar="REPO", help="On the hub: owner/name.")],
    model: Base = None,
    renamed_base: Renamed = False,
    revision: Revision = None,
    public: Annotated[
        bool, typer.Option("--public", help="Everyone may see it; by default it is private.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the model card and upload nothing.")
    ] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Upload an adapter, or a folder that `adapter merge` wrote, to the hub.

    The card is made from the run: base, gate, what was chosen on held-out problems, accuracy before
    and after with n and 95 % interval, and the controls among your runs. The token is that of
    HF_TOKEN or of the hub's login.
    """
    from core.publishing import upload
    from core.publishing.source import adapter_source

    upload.check_repository(repository)
    runs, folder = RunsFolder(runs_dir), person_path(source)
    if (folder / "config.json").is_file() and any(folder.glob("model*.safetensors")):
        _push(upload.merged_upload(folder), repository, public, dry_run)
        return
    found = adapter_source(source, runs, model=model, revision=revision, renamed=renamed_base)
    with upload.staged_adapter(found, _card(found, runs)) as staged:
        _push(staged, repository, public, dry_run)


def _push(staged: Any, repository: str, public: bool, dry_run: bool) -> None:
    from core.publishing.upload import CARD, push

    named = f"{', '.join(staged.files)} ({in_bytes(staged.size)})"
    kind = "public" if public else "private"
    if dry_run:
        print((staged.folder / CARD).read_text(encoding="utf-8"), end="")
        say(f"Nothing was uploaded. To {repository}, {kind}, would go: {named}.")
        return
    address = push(staged, repository, public=public)
    say(f"Uploaded: {named}.")
    print(address)


def _card(source: AdapterSource, runs: RunsFolder, merged_as: str | None = None) -> str:
    from core.publishing.controls import controls_of
    from core.publishing.model_card import model_card

    if source.run is None:
        return model_card(source, merged_as=merged_as)
    try:
        command = run_command(source.run)
    except ExplorerError:  # such as rollouts whose run is not here any more
        command = RunCommand("")
    return model_card(
        source,
        command=command.text,
        note=command.note,
        controls=controls_of(source.run, runs.list()),
        merged_as=merged_as,
    )
