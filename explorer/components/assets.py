"""Reads the browser side of a component: plain js and css files, no build step."""

from __future__ import annotations

from pathlib import Path


def read_assets(folder: Path, *names: str) -> str:
    """Join files of one folder into one text.

    The scripts of a component share one module, because a module that Streamlit serves from
    memory has no folder to import its neighbours from.
    """
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
