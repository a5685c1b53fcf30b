"""Download buttons for a run's results: CSV and JSON."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import streamlit as st

from core.runs.result_files import Cell
from core.runs.run import Run
from core.system.json_text import json_text


class Results(Protocol):
    """The interface of a run's summary."""

    def to_rows(self) -> list[dict[str, Cell]]:
        """Flat rows; a spreadsheet must not run any cell as a formula."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""


def result_downloads(run: Run, results: Results, table: str) -> None:
    """Buttons for CSV and JSON; `table` is the CSV file's name in the run's folder."""
    files = st.container(horizontal=True)
    files.download_button(
        "CSV",
        lambda: pd.DataFrame(results.to_rows()).to_csv(index=False),
        file_name=f"{run.id}-{table}",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    files.download_button(
        "JSON",
        lambda: json_text(results.to_json(), indent=1),
        file_name=f"{run.id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def zipped(folder: Path, name: str) -> bytes:
    """The regular files of a folder as a zip archive with a top folder `name`. Links are left out:
    in a folder from elsewhere they could expose any file of this machine.

    Raises:
        OSError: a file can't be read.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.is_symlink():
                archive.write(path, f"{name}/{path.name}")
    return buffer.getvalue()
