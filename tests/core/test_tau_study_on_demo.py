"""The tau study of docs/studies.md, killed at three moments: twice some ten minutes, so on request.

FORK_EXPLORER_DEMO_STUDY=1 pytest tests/core/test_tau_study_on_demo.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.lora.run_files import HISTORY
from core.models.spec import DEMO_FOLDER
from core.runs.kind import RESULTS, TABLE
from core.runs.run import Run
from core.studies.cells import CELLS
from core.studies.task import STUDY

pytestmark = [
    pytest.mark.training,
    pytest.mark.kill,
    pytest.mark.slow,
    pytest.mark.skipif(
        "FORK_EXPLORER_DEMO_STUDY" not in os.environ or not DEMO_FOLDER.exists(),
        reason="takes twenty minutes: FORK_EXPLORER_DEMO_STUDY=1 runs it, with the demo built",
    ),
]
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "sample_data/build/study.py")
CELLS_IN_ALL = 20


def test_killed_at_three_moments_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*COMMAND, str(whole)], cwd=ROOT, check=True)
    moments: list[Callable[[], bool]] = [
        lambda: (killed / HISTORY).exists(),
        lambda: cells_done(killed) >= 7,
        lambda: cells_done(killed) >= 14,
    ]
    done = []
    for moment in moments:
        kill_at(moment, killed)
        done.append(cells_done(killed))
    assert done[0] == 0 < done[1] < done[2] < CELLS_IN_ALL, "in the first training, then later"
    subprocess.run([*COMMAND, str(killed)], cwd=ROOT, check=True)
    assert bytes_of(killed) == bytes_of(whole)
    found, wanted = (
        {**Run.open(each).read_json(RESULTS), "cost": None} for each in (killed, whole)
    )
    assert found == wanted
    results = STUDY.results_of(Run.open(killed))
    assert results is not None
    trained = {each.values["gate.tau"] for each in results.cells if each.failure is None}
    assert trained == {"0.6", "1.0", "1.4"}, "no token of the demo is above 1.8 nats"


def kill_at(moment: Callable[[], bool], folder: Path) -> None:
    """Begin or continue the study, and kill it with all its processes at a moment."""
    process = subprocess.Popen([*COMMAND, str(folder)], cwd=ROOT, start_new_session=True)
    while not moment():
        assert process.poll() is None, "it ended before that"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def cells_done(folder: Path) -> int:
    """The number of cells that are finished."""
    if not (folder / "config.json").exists():
        return 0
    return sum(key.startswith("done/") for key in Run.open(folder).units())


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The rollouts, the table, and the adapters of all cells."""
    paths = [folder / TABLE, *sorted((folder / CELLS).glob("*/adapter/*"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}
