"""The linter's contracts name every part of the program, so that a new folder is checked, too."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def contract(top: str) -> str:
    """The layers of the contract that begins with a layer."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    (found,) = (each["layers"] for each in contracts if each.get("layers", [None])[0] == top)
    return " ".join(found)


def test_every_module_and_folder_of_core_is_in_a_layer() -> None:
    modules = {each.stem for each in (ROOT / "core").glob("*.py")} - {"__init__"}
    folders = {each.parent.name for each in (ROOT / "core").glob("*/__init__.py")}
    assert set(re.findall(r"core\.(\w+)", contract("pages"))) == modules | folders


def test_every_screen_is_in_the_contract_of_screens() -> None:
    folders = {each.parent.name for each in (ROOT / "explorer").glob("*/__init__.py")}
    screens = set(re.findall(r"explorer\.(\w+)", contract("explorer.app"))) - {"app"}
    assert screens == folders - {"components"}
