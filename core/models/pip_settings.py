"""Where pip would look for packages: its environment variables and configuration files."""

from __future__ import annotations

import ast
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.system.child_process import python
from core.system.person_path import person_path

_PYPI = "https://pypi.org/simple"
_SECTIONS = (":env:", "download", "install", "global")  # the first one that has an option wins
_LIMIT_S = 60.0


@dataclass(frozen=True)
class PipSettings:
    """What pip's configuration says about registries. Addresses may hold a password."""

    indexes: tuple[str, ...]  # addresses of the simple API, the main one first
    certificate: Path | None  # of the authorities to trust
    proxy: str | None


def pip_settings() -> PipSettings:
    """The settings of the pip in this environment; without one, of the environment variables."""
    found = _configured()

    def option(name: str) -> str:
        return next((found[f"{s}.{name}"] for s in _SECTIONS if f"{s}.{name}" in found), "")

    alone = option("no-index").lower() in ("1", "true", "yes", "on")
    indexes = () if alone else (option("index-url") or _PYPI, *option("extra-index-url").split())
    certificate = person_path(option("cert")) if option("cert") else None
    return PipSettings(
        tuple(each for each in indexes if each.startswith(("https://", "http://"))),
        certificate if certificate is not None and certificate.is_file() else None,
        option("proxy") or None,
    )


def _configured() -> dict[str, str]:
    """Options by section and name, such as global.index-url."""
    found = {
        f":env:.{name.removeprefix('PIP_').lower().replace('_', '-')}": value
        for name, value in os.environ.items()
        if name.startswith("PIP_") and value
    }
    try:
        listed = subprocess.run(
            python("-m", "pip", "config", "list"),
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return found
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        try:
            text = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            continue
        if equals and isinstance(text, str):
            found.setdefault(key, text)
    return found
