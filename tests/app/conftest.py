"""Shared by the tests that run the app without a browser."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts the app in the place of `__main__`, where a process that is started later
    by `multiprocessing` would run it: put back what was there."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
