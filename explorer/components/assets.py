"""Read the js and css files of a component, used without a build step."""

from __future__ import annotations

from pathlib import Path


def read_assets(folder: Path, *names: str) -> str:
    """Concatenate files of one folder.

    The scripts of a component form one module, since a module that Streamlit serves from memory
    can't import from other files.
    """
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
