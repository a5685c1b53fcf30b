"""The table of kinds: one entry gives a kind its command, its page, its title and its results."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from toy_kind import LENGTHS

from core.cli import app
from core.errors import RunError
from core.kinds import KINDS, KindEntry, kind_entry, kind_title
from core.runs.config import RunPlan
from core.runs.kind import RunKind
from core.runs.run import Run
from core.system.json_text import json_text
from core.system.project_root import project_root
from explorer.navigation import page_of

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
OWN = [name for name, entry in KINDS.items() if entry.place.startswith("core.")]


def test_the_kinds_that_runs_were_made_of_are_there() -> None:
    assert {"interventions", "compare", "distill", "rollouts", "train", "evaluate"} <= set(OWN)


@pytest.mark.parametrize("name", OWN)
def test_every_kind_has_a_command_and_a_page_and_is_found_at_its_place(name: str) -> None:
    commands: Any = typer.main.get_command(app)
    options = {option for each in commands.commands[name].params for option in each.opts}
    assert {"--run", "--resume"} <= options
    assert (project_root() / "pages" / f"{KINDS[name].page}.py").is_file()
    kind = KINDS[name].load()
    assert isinstance(kind, RunKind)
    assert kind.name == name


def by_dotted_name(group: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings of all groups: those that were added since have no stored value."""
    found: dict[str, Any] = {}
    for name, value in group.items():
        if isinstance(value, Mapping):
            found |= by_dotted_name(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


@pytest.mark.parametrize("folder", sorted(STORED.iterdir()), ids=lambda folder: folder.name)
def test_every_stored_run_finds_its_kind_which_reads_its_results(folder: Path) -> None:
    run = Run.open(folder)
    entry = kind_entry(run)
    kind = entry.load()
    own = by_dotted_name(kind.settings_of(run).model_dump(mode="json"))
    assert own.items() >= by_dotted_name(run.config.settings).items()
    results = kind.results_of(run)
    assert results is not None
    written = json_text(results.to_json(), indent=1) + "\n"
    assert written == (folder / "results.json").read_text(encoding="utf-8")
    assert page_of(run) == entry.page
    assert kind_title(run) == entry.title


def test_one_entry_adds_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(tmp_path, LENGTHS.name, RunPlan({}, {}, 0))
    assert (page_of(run), kind_title(run)) == (None, "lengths")
    with pytest.raises(RunError, match="doesn't know runs of the kind lengths"):
        kind_entry(run)
    monkeypatch.setitem(KINDS, "lengths", KindEntry("Lengths", "evaluate", "toy_kind:LENGTHS"))
    assert (page_of(run), kind_title(run)) == ("evaluate", "Lengths")
    assert kind_entry(run).load() is LENGTHS


def test_a_command_that_makes_no_runs_never_resumes_one(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STORED / "evaluate-first", tmp_path / "runs" / "other"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"task": "download"}))
    with pytest.raises(RunError, match="the kind download"):
        app(["runs", "resume", "other", "--runs-dir", str(folder.parent)], standalone_mode=False)


def test_the_table_is_read_without_torch() -> None:
    code = "import sys, core.kinds; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
