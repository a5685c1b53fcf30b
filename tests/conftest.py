"""Shared by all tests: no test touches a person's own folders, the network, or all cores."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tiny models lose more at thread barriers than they win, and servers under test inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the app would keep sessions and runs, empty for every test."""
    folder = tmp_path / "user"
    monkeypatch.setenv("FORK_EXPLORER_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest puts the app in the place of `__main__`, where a process that is started
    later by `multiprocessing` would run it: what was there is put back."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
