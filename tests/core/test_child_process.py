"""Child processes: they find this program from any folder, and their ends are understood."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from core.system.child_process import launch, lines_of, python

PATIENCE = 300.0  # seconds until a test that waits for a process gives up


def test_a_child_finds_this_program_and_not_another_core_in_the_folder_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "core.py").write_text("raise SystemExit('the wrong core')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "mine"))
    code = (
        "import core.errors, os, sys; print(core.__file__, sys.path, os.environ['LANE'], sep=';')"
    )
    child = launch(python("-c", code), environment={"LANE": "7"})
    line = lines_of(child).get(timeout=PATIENCE)
    assert line is not None
    place, paths, lane = line.decode().strip().split(";")
    assert place == str(Path(__file__).resolve().parents[2] / "core" / "__init__.py")
    assert str(tmp_path / "mine") in paths
    assert lane == "7"
    child.wait(PATIENCE)


def test_half_a_line_of_a_child_that_died_is_no_reply() -> None:
    code = 'import os; os.write(1, b\'{"done": 1}\\n{"do\'); os._exit(9)'
    child = launch(python("-c", code))
    lines = lines_of(child)
    assert lines.get(timeout=PATIENCE) == b'{"done": 1}\n'
    assert lines.get(timeout=PATIENCE) is None
    child.wait(PATIENCE)


def test_a_child_with_a_log_reads_nothing_and_writes_all_into_it(tmp_path: Path) -> None:
    code = "import sys; print(repr(sys.stdin.read()), flush=True); print('why', file=sys.stderr)"
    with (tmp_path / "log.txt").open("ab") as log:
        child = launch(python("-c", code), log=log, own_session=True)
        group = os.getsid(child.pid)
    assert child.wait(PATIENCE) == 0
    assert group == child.pid
    assert (tmp_path / "log.txt").read_text() == "''\nwhy\n"


@pytest.mark.skipif(not psutil.POSIX, reason="Windows has classes of priority instead")
@pytest.mark.parametrize("niceness", [0, 3])
def test_a_child_is_nicer_than_its_parent_by_as_much_as_is_asked(niceness: int) -> None:
    child = launch(python("-c", "input()"), niceness=niceness)
    assert child.stdin is not None
    try:
        mine = psutil.Process().nice()
        assert psutil.Process(child.pid).nice() == min(mine + niceness, 19)
    finally:
        child.stdin.close()
        child.wait(PATIENCE)
