"""`fork-explorer get`: a real model, or a pair of them, from one command."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli.files import say
from core.cli.models import downloading
from core.cli.options import AsJson
from core.errors import ModelError
from core.models.catalogue import MODELS, PAIRS, Pair, model_named, pair_named
from core.models.spec import ModelSpec
from core.system.json_text import json_text
from core.system.terminal_text import in_bytes


def get(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A model or pair; all are listed without it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a real model and make it ready, and print its folder.

    What a broken or cancelled download left is kept, and the next one fetches the rest.
    """
    if name is None:
        _list(as_json)
        return
    found: dict[str, str] = {}
    for model in _models_of(name):
        found[model] = _fetch(model)
    if as_json:
        print(json_text(found))
        return
    for folder in found.values():
        print(folder)


def _models_of(name: str) -> list[str]:
    pair = pair_named(name)
    if pair is not None:
        say(f"{pair.title}: about {in_bytes(pair.download)} to download.")
        return [pair.base, pair.teacher]
    entry = model_named(name)
    if entry is None:
        raise ModelError(
            f"The list has no model or pair {name}.",
            "See the list with fork-explorer get; fork-explorer download ID fetches any other "
            "model of the hub.",
        )
    say(
        f"{entry.title}: {in_bytes(entry.download)} to download, {in_bytes(entry.stored)} on the "
        f"disk, {entry.licence}."
    )
    return [entry.model]


def _fetch(model: str) -> str:
    """Fetch a model; returns its folder."""
    from core.models.fetching import fetch_folder

    with downloading() as how:
        folder = fetch_folder(ModelSpec(model), **how)
    say(f"{model} is there. Use it with --model {model}, or choose it in the app.")
    return str(folder)


def _list(as_json: bool) -> None:
    if as_json:
        models = [
            {
                "name": each.model,
                "title": each.title,
                "parameters": each.parameters,
                "download_bytes": each.download,
                "stored_bytes": each.stored,
                "licence": each.licence,
                "good_for": each.good_for,
            }
            for each in MODELS
        ]
        print(json_text({"models": models, "pairs": [_pair(each) for each in PAIRS]}))
        return
    print("Models")
    for each in MODELS:
        size = in_bytes(each.download)
        print(f"  {each.model:<36} {size:>8}  {each.licence:<10}  {each.good_for}")
    print("Pairs of a base and its RL-trained checkpoint")
    for pair in PAIRS:
        print(f"  {pair.name:<36} {in_bytes(pair.download):>8}  {pair.base} and {pair.teacher}")


def _pair(pair: Pair) -> dict[str, str | int]:
    return {
        "name": pair.name,
        "base": pair.base,
        "teacher": pair.teacher,
        "algorithm": pair.algorithm,
        "parameters": pair.parameters,
        "download_bytes": pair.download,
    }
