"""The folder that holds `core`, `explorer`, `pages` and `sample_data`."""

from __future__ import annotations

from pathlib import Path


def project_root() -> Path:
    """The root of a clone, or the site-packages folder of an installation."""
    return Path(__file__).resolve().parents[2]
