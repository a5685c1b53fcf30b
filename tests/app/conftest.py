"""Shared by the tests of the pages under Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from drawn_app import drawn
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from explorer.engine import load_engine


@pytest.fixture
def app() -> AppTest:
    """The app, drawn once."""
    return drawn()


@pytest.fixture
def sessions(user_folder: Path) -> Path:
    """The folder of the test's sessions."""
    return user_folder / "sessions"


@pytest.fixture(autouse=True, scope="session")
def packages_are_scanned_once() -> Iterator[None]:
    """Every AppTest looks for Streamlit components in all installed packages, and reads the
    metadata of each: most of what its start takes."""
    with pytest.MonkeyPatch.context() as patch:
        scan = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(scan))
        yield


@pytest.fixture(autouse=True, scope="session")
def engine_is_loaded() -> None:
    """The pages are drawn at once, without the first view of a server that has just started."""
    load_engine()
