"""Shared by the tests of the pages under Streamlit's AppTest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner

from explorer.engine import load_engine


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
