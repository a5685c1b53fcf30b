"""Runs in child processes: killed, cancelled, resumed at any moment, nothing finished is lost."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from toy_task import square_numbers

from core.errors import RunError
from core.runs import jobs
from core.runs.config import RunPlan
from core.runs.context import LAUNCH, carry_out
from core.runs.events import Event
from core.runs.liveness import ProcessName, hold, is_held
from core.runs.run import Run
from core.runs.status import RunState

TOY = Path(__file__).resolve().parent.parent / "toy_task.py"
PATIENCE = 300.0  # seconds until a test that waits for an event gives up


def toy_command(run: Run) -> list[str]:
    return [sys.executable, str(TOY), "toy", "--run", str(run.folder)]


@pytest.fixture(autouse=True)
def toy_children(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(jobs, "_command", toy_command)
    monkeypatch.setattr(jobs, "_children", {})
    yield
    for child in jobs._children.values():
        if child.poll() is None:
            child.kill()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path)


def new_run(folder: Path, numbers: int = 8, **settings: object) -> Run:
    settings |= {"numbers": numbers}
    return Run.create(folder, "toy", RunPlan(settings, {}, 7))


def until(ready: Callable[[], object], what: str | Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, what if isinstance(what, str) else what()
        time.sleep(0.02)


def wait_for(run: Run, state: RunState) -> None:
    def found() -> str:
        return f"not {state} but {run.status()}; {run.log_tail()}"

    until(lambda: run.status().state is state, found)


def child_of(run: Run) -> subprocess.Popen[bytes]:
    return jobs._children[run.folder.resolve()]


def hold_at(monkeypatch: pytest.MonkeyPatch, unit: int | None) -> None:
    if unit is None:
        monkeypatch.delenv("TOY_HOLD_AT")
    else:
        monkeypatch.setenv("TOY_HOLD_AT", str(unit))


def test_a_child_carries_a_run_out(run: Run) -> None:
    jobs.start(run)
    assert run.status().state in (RunState.STARTING, RunState.RUNNING, RunState.DONE)
    wait_for(run, RunState.DONE)
    assert run.read_json("results.json")["squares"]["7"] == 49
    assert child_of(run).wait(PATIENCE) == 0
    assert "The results are in" in run.log_tail()
    if hasattr(os, "setpriority"):
        events = run.log.read(0).events
        assert [each.event for each in events if each.event != "progress"] in (
            ["launched", "spawned", "started", "ended"],
            ["launched", "started", "spawned", "ended"],
        )


def test_a_kill_at_any_unit_loses_nothing_and_changes_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = new_run(tmp_path)
    carry_out(whole, square_numbers, bar=False)
    run = new_run(tmp_path)
    for start, unit in enumerate((0, 3, 7)):
        hold_at(monkeypatch, unit)
        jobs.start(run, resume=start > 0)
        until(lambda unit=unit: len(run.units()) == unit, f"unit {unit}")  # type: ignore[misc]
        wait_for(run, RunState.RUNNING)
        child_of(run).kill()
        wait_for(run, RunState.INTERRUPTED)
        error = run.status().error
        assert error is not None
        assert "interrupted" in error.what
    hold_at(monkeypatch, None)
    jobs.start(run, resume=True)
    wait_for(run, RunState.DONE)
    for name in ("results.json", "units.jsonl"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_cancel_in_the_middle_of_a_unit_keeps_the_others(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_at(monkeypatch, 2)
    jobs.start(run)
    until(lambda: len(run.units()) == 2, "two units")
    wait_for(run, RunState.RUNNING)
    assert jobs.cancel(run)
    assert run.status().what == "stopping"
    jobs.cancel(run)  # a second click: no three seconds of grace
    wait_for(run, RunState.CANCELLED)
    assert child_of(run).wait(PATIENCE) == 130
    assert list(run.units()) == ["0", "1"]
    hold_at(monkeypatch, None)
    jobs.start(run, resume=True)
    wait_for(run, RunState.DONE)
    assert len(run.units()) == 8


def test_a_cancel_before_the_child_listens_is_heard(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate"
    monkeypatch.setenv("TOY_GATE", str(gate))
    jobs.start(run)
    child = child_of(run)
    jobs._children.clear()  # as if the server had been started again: no child to signal
    assert run.status().state is RunState.STARTING
    assert jobs.cancel(run)
    assert run.status().what == "stopping"
    gate.touch()
    wait_for(run, RunState.CANCELLED)
    assert child.wait(PATIENCE) == 130
    assert run.units() == {}
    assert run.status().error is None


@pytest.mark.parametrize("order", ["launched cancel spawned", "cancel launched spawned"])
def test_a_cancel_counts_from_the_launch_on(
    order: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for event in order.split():
        run.log.append(Event(event=event, launch=None if event == "cancel" else "mine"))
    monkeypatch.setenv(LAUNCH, "mine")
    heard = order.startswith("launched")
    assert carry_out(run, square_numbers, bar=False) == (130 if heard else 0)
    assert run.status().state is (RunState.CANCELLED if heard else RunState.DONE)


def test_a_cancel_of_an_own_child_need_not_wait_until_it_listens(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_GATE", str(tmp_path / "never"))
    jobs.start(run)
    child = child_of(run)
    assert jobs.cancel(run)

    def ended() -> bool:
        if child.poll() is None:
            jobs.cancel(run)  # a signal may get lost while Python itself starts: ask again
        return child.poll() is not None

    until(ended, "the end of the child")
    assert child.returncode != 0
    wait_for(run, RunState.CANCELLED)
    monkeypatch.delenv("TOY_GATE")
    jobs.start(run)  # it never began, and the old cancel is not meant for this start
    wait_for(run, RunState.DONE)


def test_a_cancel_after_the_end_changes_nothing(run: Run) -> None:
    assert not jobs.cancel(run)  # never started
    jobs.start(run)
    wait_for(run, RunState.DONE)
    before = run.log.path.read_bytes()
    assert not jobs.cancel(run)
    assert run.log.path.read_bytes() == before
    assert run.status().state is RunState.DONE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_from_anywhere_is_a_cancel(
    number: signal.Signals, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_at(monkeypatch, 1)
    jobs.start(run)
    until(lambda: len(run.units()) == 1, "one unit")
    child_of(run).send_signal(number)
    child_of(run).send_signal(number)
    until(lambda: child_of(run).poll() is not None or child_of(run).send_signal(number), "its end")
    wait_for(run, RunState.CANCELLED)


def test_a_child_that_dies_before_it_begins_is_interrupted_at_once(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_command", lambda run: [sys.executable, "-c", "1 / 0  # not a run"])
    jobs.start(run)
    wait_for(run, RunState.INTERRUPTED)
    assert "before any work" in str(run.status().error)
    until(lambda: "ZeroDivisionError" in run.log_tail(), "the reason in log.txt")


def test_a_process_that_can_not_be_started_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_command", lambda run: ["/no/such/program"])
    with pytest.raises(RunError, match="can't be started"):
        jobs.start(run)
    assert run.status().state is RunState.FAILED
    monkeypatch.setattr(jobs, "_command", toy_command)
    jobs.start(run)
    wait_for(run, RunState.DONE)


def test_only_one_process_works_on_a_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_at(monkeypatch, 1)
    jobs.start(run)
    with pytest.raises(RunError, match="running already"):
        jobs.start(run)
    until(lambda: len(run.units()) == 1, "one unit")
    with pytest.raises(RunError, match="at work"):
        run.delete()
    second = subprocess.run(
        [*toy_command(run), "--resume"], capture_output=True, text=True, timeout=PATIENCE,
        env=os.environ | {"PYTHONPATH": str(TOY.parent.parent), "TOY_LOCK_SECONDS": "0"},
    )  # fmt: skip
    assert second.returncode == 2
    assert "running already" in second.stderr
    assert second.stderr.count("\n") == 1
    assert run.status().state is RunState.RUNNING
    child_of(run).kill()
    wait_for(run, RunState.INTERRUPTED)


def test_a_run_that_was_started_needs_resume(run: Run) -> None:
    jobs.start(run)
    wait_for(run, RunState.DONE)
    with pytest.raises(RunError, match="started before"):
        jobs.start(run)


@pytest.mark.parametrize("events", ["garbage\n" * 20, None])
def test_a_finished_run_whose_events_are_lost_is_resumed_at_once(
    run: Run, events: str | None
) -> None:
    carry_out(run, square_numbers, bar=False)
    before = (run.folder / "results.json").read_bytes()
    (run.folder / "results.json").unlink()
    if events is None:
        run.log.path.unlink()
    else:
        run.log.path.write_text(events)
    assert run.status().state is RunState.INTERRUPTED
    with pytest.raises(RunError, match="started before"):
        jobs.start(run)
    jobs.start(run, resume=True)
    wait_for(run, RunState.DONE)
    assert (run.folder / "results.json").read_bytes() == before


def test_the_child_outlives_the_server_that_started_it(run: Run, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:4]\n"
        "from core.runs import jobs; from core.runs.run import Run\n"
        "from test_jobs import toy_command\n"
        "jobs._command = toy_command; jobs.start(Run.open(Path(sys.argv[1])))"
    )
    folders = [str(TOY.parent), str(TOY.parent / "core")]
    subprocess.run(
        [sys.executable, "-c", server, str(run.folder), *folders],
        env=os.environ | {"TOY_GATE": str(gate), "PYTHONPATH": str(TOY.parent.parent)},
        check=True, timeout=PATIENCE,
    )  # fmt: skip
    assert run.status().state is RunState.STARTING
    gate.touch()
    wait_for(run, RunState.DONE)


def test_no_signal_goes_to_a_process_number_that_was_used_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ProcessName.of(os.getpid())
    assert name.is_alive
    if name.birth is None:
        pytest.skip("this system does not tell when a process began")
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: sent.append(pid))
    event = {
        "time": "2026-01-01T00:00:00Z", "event": "started", "elapsed": 0, "pid": name.pid,
        "host": name.host,
    }  # fmt: skip
    for birth, expected in (("1", []), (name.birth, [name.pid])):
        run.log.path.write_text(json.dumps(event | {"birth": birth}) + "\n")
        with hold(run.folder, 0):
            assert jobs.cancel(run)
        assert sent == expected


def test_a_zombie_does_not_count_as_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    name = ProcessName.of(child.pid)
    until(lambda: name.is_alive is False, "its end")
    child.wait()
    assert name.is_alive is False
    assert ProcessName(name.pid, "elsewhere", name.birth).is_alive is None


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone() -> None:
    me = ProcessName.of(os.getpid())
    assert me.is_alive is True
    assert replace(me, birth="1").is_alive is False
    assert replace(me, birth=None).is_alive is None
    assert replace(me, pid=2**22 + 1).is_alive is False
    assert replace(me, pid=-1).is_alive is False


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux counts from boot")
def test_the_start_of_a_process_is_what_the_kernel_says_even_when_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events of earlier versions were read from there, and are still judged by it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    me = ProcessName(os.getpid(), platform.node(), fields[19])
    assert ProcessName.of(me.pid) == me
    boot = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + 3600)
    assert psutil.Process().create_time() > boot + 3600
    assert me.is_alive is True


def test_a_forked_child_of_the_work_does_not_keep_the_run_alive(run: Run) -> None:
    """A worker that a killed run leaves behind must not make it look as if it ran."""
    code = (
        "import os, sys, time; from pathlib import Path; from core.runs.liveness import hold\n"
        "with hold(Path(sys.argv[1]), 0):\n"
        "    pid = os.fork()\n"
        "    time.sleep(600) if pid == 0 else (print(pid, flush=True), time.sleep(600))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(run.folder)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(TOY.parent.parent)},
    )  # fmt: skip
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    try:
        assert is_held(run.folder)
        parent.kill()
        parent.wait()
        until(lambda: not is_held(run.folder), "the lock let go")
    finally:
        os.kill(worker, signal.SIGKILL)
        parent.stdout.close()


def test_the_real_command_works_from_any_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `jobs` starts finds this program even where another `core` lies about."""
    monkeypatch.undo()
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('the wrong core')")
    monkeypatch.chdir(tmp_path)
    jobs.start(run)
    wait_for(run, RunState.INTERRUPTED)
    until(lambda: "No such command 'toy'" in run.log_tail(), run.log_tail)
