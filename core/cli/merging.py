"""`fork-explorer runs merge`: the whole run of its shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from core.cli.files import check_writable, say, write_result
from core.cli.option_groups import grouped
from core.cli.options import OutputOptions, RunsDir, path_option
from core.errors import RunError
from core.kinds import kind_entry
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder, run_named
from core.system.person_path import person_path
from core.system.terminal_text import printable


@grouped
def merge(
    shards: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="All shards: ids, folders of runs, or a folder that holds them.",
        ),
    ],
    run: Annotated[
        Path | None, path_option("--run", help="Folder of the merged run: a new one.")
    ] = None,
    runs_dir: RunsDir = None,
    name: Annotated[str, typer.Option("--name", help="Your own name for the run.")] = "",
    *,
    output: OutputOptions,
) -> None:
    """Put a run together from all of its shards, as it would be without --shard, byte for byte.

    A shard that is missing, unfinished, given twice or of another run is named, and nothing is
    made. No model is loaded, and the shards stay as they are.
    """
    from core.runs.kind import RESULTS
    from core.runs.merging import differing_versions
    from core.runs.merging import merge as merge_shards

    check_writable(output.out)
    folder = RunsFolder(runs_dir)
    found = [each for text in dict.fromkeys(shards) for each in _named(text, folder)]
    kind = kind_entry(found[0]).load()
    merged = merge_shards(kind, found, folder.folder, folder=run, name=name)
    warning = differing_versions(found)
    if warning is not None:
        say(f"Warning: {warning}")
    text = (merged.folder / RESULTS).read_text(encoding="utf-8").rstrip("\n")
    write_result(text, output.as_json, output.out)
    if not output.as_json:
        headline = kind.headline_of(merged)
        if headline is not None:
            print(printable(headline.sentence))
        say(f"The results are in {merged.folder}.")


def _named(text: str, folder: RunsFolder) -> Iterator[Run]:
    """The runs that an argument names.

    Raises:
        RunError: none.
    """
    path = person_path(text)
    if (path / "config.json").exists() or not path.is_dir():
        yield run_named(text, folder)
    else:
        runs, broken = RunsFolder(path).look()
        if broken:
            raise broken[0][1]
        shards = [each for each in runs if each.config.shard is not None]
        if not shards:
            raise RunError(f"{path} holds no shards.", "Name the folder of each shard.")
        yield from shards
