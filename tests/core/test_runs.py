"""A run is a folder: nothing finished is lost, and what is damaged is said, not hidden."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_task import square_numbers

from core.errors import ExplorerError, ProblemError, ResourceError, RunError
from core.records import SCHEMA_VERSION, Problem
from core.runs.checkpoint import Checkpoint
from core.runs.config import RunPlan
from core.runs.context import Cancelled, RunContext, Stop, carry_out
from core.runs.liveness import ProcessName, hold, is_held
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from core.system import durable_files

HERE = platform.node()


def new_run(folder: Path, **settings: Any) -> Run:
    return Run.create(folder, "toy", RunPlan({"numbers": 4} | settings, {}, 7))


def tell(run: Run, *events: dict[str, Any], ago: float = 10.0) -> datetime:
    """Write events by hand as if they had come `ago` seconds ago; that moment."""
    time = datetime.now(UTC) - timedelta(seconds=ago)
    with (run.folder / "progress.jsonl").open("a") as file:
        for event in events:
            file.write(json.dumps({"time": time.isoformat()} | event) + "\n")
    return time


STARTED = {"event": "started", "pid": 1, "host": HERE, "birth": "1", "elapsed": 0.0}
HALF = {
    "event": "progress", "done": 2.5, "total": 5, "unit": "numbers", "what": "squaring",
    "elapsed": 4.0, "seconds_left": 3000.0,
}  # fmt: skip
LAUNCHED = {"event": "launched", "launch": "a"}
DEAD = {"event": "spawned", "launch": "a", "pid": 2**22 + 1, "birth": "1", "host": HERE}
CANCEL = {"event": "cancel"}
DONE = HALF | {"event": "ended", "state": "done", "done": 5}
FAILED = {"event": "ended", "state": "failed", "error": "It broke.", "remedy": "Mend it."}

STORIES: dict[str, tuple[list[dict[str, Any]], RunState]] = {
    "nothing": ([], RunState.NEW),
    "launched": ([LAUNCHED], RunState.STARTING),
    "launched, dead": ([LAUNCHED, DEAD], RunState.INTERRUPTED),
    "launched, cancelled, dead": ([LAUNCHED, DEAD, CANCEL], RunState.CANCELLED),
    "launched, cancelled, not yet dead": ([LAUNCHED, CANCEL], RunState.STARTING),
    "launched elsewhere": ([LAUNCHED, DEAD | {"host": "elsewhere"}], RunState.STARTING),
    "killed": ([STARTED, HALF], RunState.INTERRUPTED),
    "killed elsewhere": ([STARTED | {"host": "elsewhere"}, HALF], RunState.INTERRUPTED),
    "killed after a cancel": ([LAUNCHED, STARTED, HALF, CANCEL], RunState.CANCELLED),
    "done": ([LAUNCHED, STARTED, HALF, DONE], RunState.DONE),
    "its process named late": ([LAUNCHED, STARTED, DONE, DEAD], RunState.DONE),
    "cancelled too late": ([STARTED, HALF, DONE, CANCEL], RunState.DONE),
    "cancelled": ([STARTED, HALF, CANCEL, DONE | {"state": "cancelled"}], RunState.CANCELLED),
    "failed": ([STARTED, HALF, FAILED], RunState.FAILED),
    "failed, launched again": ([STARTED, FAILED, LAUNCHED], RunState.STARTING),
    "cancelled once, killed at the second start": (
        [STARTED, CANCEL, DONE | {"state": "cancelled"}, STARTED, HALF],
        RunState.INTERRUPTED,
    ),
    "an old cancel, then launched and killed": (
        [STARTED, HALF, CANCEL, LAUNCHED, STARTED],
        RunState.INTERRUPTED,
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_state_follows_from_the_events(story: str, tmp_path: Path) -> None:
    run = new_run(tmp_path)
    events, state = STORIES[story]
    tell(run, *events)
    assert run.status().state is state


def test_a_launch_is_given_up_after_a_minute_without_a_lock(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    tell(run, LAUNCHED, ago=61)
    status = run.status()
    assert status.state is RunState.INTERRUPTED
    assert status.error is not None
    assert "log.txt" in status.error.remedy


def test_a_child_that_is_alive_starts_for_as_long_as_its_imports_take(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    me = ProcessName.of(os.getpid())
    alive = {"event": "spawned", "launch": "a", "pid": me.pid, "birth": me.birth, "host": HERE}
    tell(run, LAUNCHED, alive, ago=3600)
    assert run.status().state is RunState.STARTING
    tell(run, alive | {"birth": "1"}, ago=3600)  # its number is another process's now
    assert run.status().state is RunState.INTERRUPTED


def test_the_lock_tells_running_from_interrupted(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert not is_held(run.folder)
    assert not (run.folder / "run.lock").exists()  # asking leaves nothing behind
    with hold(run.folder, 0):
        assert run.status().state is RunState.STARTING
        tell(run, STARTED, HALF)
        assert run.status().state is RunState.RUNNING
        tell(run, CANCEL)
        assert (run.status().state, run.status().what) == (RunState.RUNNING, "stopping")
    assert run.status().state is RunState.CANCELLED


def test_a_status_counts_and_times(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    begun = tell(run, STARTED, ago=9000)
    heard = tell(run, HALF, ago=1000)
    with hold(run.folder, 0):
        status = run.status()
    assert (status.done, status.total, status.unit, status.what) == (2.5, 5, "numbers", "squaring")
    assert 1004 <= status.elapsed < 1300  # 4 s of work at a report 1000 s ago
    assert status.seconds_left is not None
    assert 1700 < status.seconds_left <= 2000  # 3000 s then
    assert (status.error, status.started, status.ended) == (None, begun, None)
    status = run.status()
    assert status.state is RunState.INTERRUPTED
    assert (status.elapsed, status.seconds_left, status.ended) == (4.0, None, heard)


def test_a_failure_says_what_and_what_to_do(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    tell(run, STARTED, FAILED)
    error = run.status().error
    assert error is not None
    assert (error.what, error.remedy) == ("It broke.", "Mend it.")


def test_a_half_written_event_is_no_damage(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    tell(run, STARTED, HALF, DONE)
    with run.log.path.open("a") as file:
        file.write('{"time": "2026-')
    assert (run.status().state, run.status().error) == (RunState.DONE, None)


@pytest.mark.parametrize(
    "line",
    ["", "\0\0\0", "[1]", "{}", '{"event": "started"', '{"event": "no such"}', "é" * 50,
     '{"event": "progress", "done": "many"}', '{"event": "ended", "time": "yesterday"}',
     '{"event": "progress", "done": NaN}', "[" * 10_000, '{"event": "started", "pid": 1e400}'],
)  # fmt: skip
def test_damaged_events_hide_nothing(line: str, tmp_path: Path) -> None:
    run = new_run(tmp_path)
    tell(run, STARTED, HALF)
    with run.log.path.open("a") as file:
        file.write(line + "\n")
    tell(run, DONE)
    status = run.status()
    assert (status.state, status.done) == (RunState.DONE, 5)
    assert (status.error is None) == (line == "")
    if status.error is not None:
        assert "progress.jsonl" in status.error.what


def test_events_that_are_no_file_at_all_are_said(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.log.path.mkdir()
    assert "progress.jsonl" in str(run.status().error)


def test_a_long_file_is_read_from_its_ends(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    begun = tell(run, STARTED, ago=9000)
    tell(run, *[HALF | {"done": i / 1000} for i in range(3000)], ago=8000)
    tell(run, DONE)
    status = run.status()
    assert (status.state, status.done, status.error) == (RunState.DONE, 5, None)
    assert status.started == begun
    assert len(run.log.read().events) < 1000


# ---- folders


def test_a_run_opens_as_it_was_made(tmp_path: Path) -> None:
    problems = [Problem("a", "Why?\u2028", "8"), Problem("b", "Wie groß?", None, "s", "f")]
    made = Run.create(
        tmp_path / "new" / "runs",
        "toy",
        RunPlan(
            {"pair": (1, 2), "text": "ß\ud800"}, {"model": "demo"}, 3, problems=problems
        ),
        name=" My \n run ",
    )  # fmt: skip
    again = Run.open(made.folder)
    assert again.config == made.config
    assert again.config.settings == {"pair": [1, 2], "text": "ß\ud800"}
    assert again.config.name == "My run"
    assert again.config.versions.keys() >= {"python", "torch"}
    assert again.problems() == problems
    assert again.status().state is RunState.NEW
    assert re.fullmatch(r"toy-\d{4}-\d\d-\d\d-[a-z0-9]{6}", again.id)
    assert again.read_json("results.json") is None
    assert again.log_tail() == ""
    assert again.units() == {}


def test_a_run_made_in_a_folder_of_ones_own_needs_it_empty(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "toy", RunPlan({}, {}, 0), folder=tmp_path / "x" / "y")
    assert run.id == "y"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("dear")
    for folder in (tmp_path / "mine", run.folder):
        with pytest.raises(RunError, match="other files"):
            Run.create(tmp_path, "toy", RunPlan({}, {}, 0), folder=folder)
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_a_run_that_can_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="too long"):
        Run.create(tmp_path, "toy", RunPlan({}, {}, 0), name="x" * 201)
    with pytest.raises(ProblemError):
        Run.create(tmp_path, "toy", RunPlan({}, {}, 0, problems=[Problem("a", "\ud800")]))
    with pytest.raises(ValueError, match="task"):
        Run.create(tmp_path, "--help", RunPlan({}, {}, 0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema_version": SCHEMA_VERSION + 1, "seed": None}, "newer"),
        ({"schema_version": None}, "schema_version"),
        ({"kind": "session"}, "kind"),
        ({"seed": "x"}, "seed"),
        ({"task": "--help"}, "task"),
        ({"task": "toy\n"}, "task"),
        ({"created": "yesterday"}, "created"),
        ({"settings": []}, "settings"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(
    change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    run = new_run(tmp_path)
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=says):
        Run.open(run.folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "\0", "é" * 9, "[" * 100_000])
def test_a_damaged_config_is_said_and_its_folder_is_listed_as_broken(
    text: str, tmp_path: Path
) -> None:
    good, bad = new_run(tmp_path), new_run(tmp_path)
    (bad.folder / "config.json").write_bytes(text.encode("latin-1"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "no id!").mkdir()
    (tmp_path / "notes.txt").write_text("")
    folder = RunsFolder(tmp_path)
    assert [run.id for run in folder.list()] == [good.id]
    broken = {path.name: str(error) for path, error in folder.broken()}
    assert broken.keys() == {bad.id, "empty", "no id!"}
    assert "damaged" in broken[bad.id]
    assert "holds no run" in broken["empty"]
    assert "id" in broken["no id!"]


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    runs = [new_run(tmp_path) for _ in range(3)]
    for day, run in zip(("02", "03", "01"), runs, strict=True):
        path = run.folder / "config.json"
        data = json.loads(path.read_text()) | {"created": f"2026-05-{day}T12:00:00+02:00"}
        path.write_text(json.dumps(data))
    days = [run.config.created[:13] for run in RunsFolder(tmp_path).list()]
    assert days == ["2026-05-03T10", "2026-05-02T10", "2026-05-01T10"]


def test_no_folder_yet_means_no_runs(tmp_path: Path, user_folder: Path) -> None:
    assert RunsFolder(tmp_path / "none").list() == []
    assert RunsFolder().folder == user_folder / "runs"
    with pytest.raises(RunError, match="no run"):
        RunsFolder(tmp_path).get("toy-1")


class NoDisk:
    def __truediv__(self, name: str) -> Path:
        raise AssertionError(f"{name!r} reached the file system")


@given(st.text() | st.sampled_from(["..", ".", "a/b", "a\\b", "/etc", "a\n", ".x", "~", "C:x"]))
def test_no_id_outside_the_pattern_reaches_the_file_system(run_id: str) -> None:
    inside = re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,119}", run_id, flags=re.ASCII)
    with pytest.raises(AssertionError if inside else RunError):
        RunsFolder(NoDisk()).get(run_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".reserve", "/etc/passwd", "x" * 200])
def test_result_files_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(RunError):
        run.read_json(name)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    run = new_run(tmp_path / "elsewhere")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(run.folder)
    with pytest.raises(RunError, match="link"):
        RunsFolder(tmp_path / "runs").get("link")


def test_a_name_changes_and_the_id_stays(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"of_tomorrow": 1}))
    run.rename("  Größer ")
    assert run.config.name == "Größer"
    assert [each.config.name for each in RunsFolder(tmp_path).list()] == ["Größer"]
    assert RunsFolder(tmp_path).get(run.id).id == run.id
    assert json.loads(path.read_text())["of_tomorrow"] == 1
    for name in ("x" * 201, "a\0b"):
        with pytest.raises(RunError, match="name"):
            run.rename(name)


def test_a_run_is_deleted_whole_but_not_while_it_is_at_work(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with hold(run.folder, 0), pytest.raises(RunError, match="at work"):
        run.delete()
    tell(run, STARTED, DONE)
    with hold(run.folder, 0), pytest.raises(RunError, match="running"):
        run.delete()
    run.delete()
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_repeated_with_everything_but_its_results(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    carry_out(run, square_numbers, bar=False)
    again = run.repeat(tmp_path)
    assert again.status().state is RunState.NEW
    assert again.units() == {}
    assert (again.config.settings, again.config.seed) == (run.config.settings, run.config.seed)


def test_a_damaged_result_file_is_said(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run.folder / "results.json").write_text('{"a": ')
    with pytest.raises(RunError, match=r"results\.json"):
        run.read_json("results.json")


def test_the_log_shows_what_a_person_would_have_seen(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.log_path.write_bytes(b"x" * 100_000 + b"\none\n 10%\r 20%\r 30%\ntw\xff\xc3\xb6\n")
    assert run.log_tail(2) == " 30%\ntw\ufffd\u00f6"


# ---- work


def test_a_run_is_carried_out(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert carry_out(run, square_numbers, bar=False) == 0
    status = run.status()
    assert (status.state, status.done, status.total, status.unit) == (
        RunState.DONE, 4, 4, "numbers",
    )  # fmt: skip
    assert status.error is None
    assert run.read_json("results.json")["squares"] == {"0": 0, "1": 1, "2": 4, "3": 9}
    assert list(run.units()) == ["0", "1", "2", "3"]
    files = {path.name for path in run.folder.iterdir()}
    assert files == {"config.json", "progress.jsonl", "results.json", "run.lock", "units.jsonl"}


def test_a_failure_keeps_what_was_finished_and_a_resume_does_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path, refuses=2)
    assert carry_out(run, square_numbers, bar=False) == 2
    status = run.status()
    assert status.state is RunState.FAILED
    assert (status.error and status.error.what) == "The model is tired."
    said = capsys.readouterr().err
    assert said == "fork-explorer: The model is tired. Let it rest.\n"
    assert run.log_tail() in said
    seen: list[int] = []

    def rest(work: RunContext) -> None:
        seen.extend(int(key) for key in work.finished)
        work.keep("2", 4)

    assert carry_out(run, rest, bar=False) == 0
    assert seen == [0, 1]
    assert list(run.units()) == ["0", "1", "2"]
    assert run.status().elapsed >= status.elapsed


def test_a_bug_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    run = new_run(tmp_path, breaks=1)
    assert carry_out(run, square_numbers, bar=False) == 1
    error = run.status().error
    assert error is not None
    assert "ZeroDivisionError: a bug" in error.what
    assert "Traceback" in run.log_tail()
    assert "square_numbers" in run.log_tail()


@pytest.mark.parametrize(
    ("done", "raises", "code"), [(2, False, 130), (2, True, 130), (4, True, 130), (4, False, 0)]
)
def test_a_stop_that_left_something_undone_is_a_cancel(
    done: int, raises: bool, code: int, tmp_path: Path
) -> None:
    def task(work: RunContext) -> None:
        work.stop.request()
        work.report(done, 4, "counting")
        if raises:
            raise Cancelled

    run = new_run(tmp_path)
    assert carry_out(run, task, bar=False) == code
    assert run.status().state is (RunState.DONE if code == 0 else RunState.CANCELLED)


def test_the_second_process_is_refused_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.context._LOCK_SECONDS", 0.0)
    run = new_run(tmp_path)

    def task(_: RunContext) -> None:
        before = run.log.path.read_bytes()
        with pytest.raises(RunError, match="running already"):
            carry_out(run, square_numbers, bar=False)
        assert run.log.path.read_bytes() == before

    assert carry_out(run, task, bar=False) == 0


def test_a_reader_that_probes_the_lock_does_not_stop_a_start(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    ended = threading.Event()

    def probe() -> None:
        while not ended.is_set():
            is_held(run.folder)

    reader = threading.Thread(target=probe)
    reader.start()
    try:
        for _ in range(10):
            assert carry_out(run, lambda _: None, bar=False) == 0
    finally:
        ended.set()
        reader.join()


def test_reports_are_written_at_most_twice_a_second_and_the_last_one_counts(
    tmp_path: Path,
) -> None:
    def task(work: RunContext) -> None:
        for i in range(5000):
            work.report(i / 100, 50, "counting", "pages")

    run = new_run(tmp_path)
    carry_out(run, task, bar=False)
    progress = [each for each in run.log.read(0).events if each.event == "progress"]
    assert 1 <= len(progress) <= 10
    assert run.status().done == 49.99


def test_a_report_that_was_held_back_is_written_a_moment_later(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    seen = threading.Event()

    def task(work: RunContext) -> None:
        work.report(0, 2, "reading")
        work.report(0, 2, "loading the model")  # and now nothing for a long time
        for _ in range(1000):
            if run.status().what == "loading the model":
                seen.set()
                return
            threading.Event().wait(0.01)

    carry_out(run, task, bar=False)
    assert seen.is_set()


def test_the_pace_counts_from_the_last_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("core.runs.progress_reports.time.monotonic", lambda: clock[0])

    def task(work: RunContext) -> None:
        work.report(60, 100, "counting")  # finished by earlier starts
        clock[0] += 1000
        work.report(60, 100, "counting")  # the model is loaded: the pace begins here
        clock[0] += 10
        work.report(65, 100, "counting")
        seconds.append(run.status().seconds_left)

    run, seconds = new_run(tmp_path), []
    carry_out(run, task, bar=False)
    assert seconds == [pytest.approx(70, abs=2)]  # 35 more at 2 s each
    assert run.status().elapsed == pytest.approx(1010)
    clock[0] += 5000  # between the starts
    carry_out(run, lambda _: None, bar=False)
    assert run.status().elapsed == pytest.approx(1010)


def test_a_stop_gives_a_unit_two_seconds_and_a_second_one_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [5.0]
    monkeypatch.setattr("core.runs.context.time.monotonic", lambda: clock[0])
    stop = Stop()
    assert (stop.requested, stop.overdue()) == (False, False)
    stop.request()
    assert (stop.requested, stop.overdue()) == (True, False)
    clock[0] += 1.9
    assert not stop.overdue()
    clock[0] += 0.2
    assert stop.overdue()
    hasty = Stop()
    hasty.request()
    hasty.request()
    assert hasty.overdue()


# ---- the checkpoint


def test_a_half_written_unit_is_cut_off_and_done_again(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    carry_out(run, square_numbers, bar=False)
    whole = run.units_path.read_bytes()
    for cut in range(whole.rfind(b"\n", 0, -1) + 2, len(whole) - 1):
        run.units_path.write_bytes(whole[:cut])
        assert list(run.units()) == ["0", "1", "2"]
        carry_out(run, square_numbers, bar=False)
        assert run.units_path.read_bytes() == whole
        assert run.status().error is None
    run.units_path.write_bytes(whole[:-1])  # only the line end is missing: nothing is lost
    assert list(run.units()) == ["0", "1", "2", "3"]
    carry_out(run, square_numbers, bar=False)
    assert run.units_path.read_bytes() == whole


def test_a_damaged_unit_in_the_middle_costs_that_unit_only(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    carry_out(run, square_numbers, bar=False)
    results = (run.folder / "results.json").read_bytes()
    for number, beside in enumerate(("units.jsonl.damaged", "units.jsonl.damaged-2")):
        lines = run.units_path.read_bytes().split(b"\n")
        lines[1] = lines[1][:9] + b"\0\xff" + lines[1][9:]
        damaged = b"\n".join(lines)
        run.units_path.write_bytes(damaged)
        assert len(run.units()) == 3
        done: list[str] = []

        def task(work: RunContext, done: list[str] = done) -> None:
            done.extend(work.finished)
            square_numbers(work)

        assert carry_out(run, task, bar=False) == 0
        assert len(done) == 3
        assert (run.folder / beside).read_bytes() == damaged
        assert sorted(run.units()) == ["0", "1", "2", "3"]
        assert (run.folder / "results.json").read_bytes() == results
        status = run.status()
        assert status.state is RunState.DONE
        assert beside in str(status.error), number
    carry_out(run, square_numbers, bar=False)
    assert run.status().error is None


@given(st.dictionaries(st.text(max_size=5), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3)
), max_size=5))  # fmt: skip
def test_units_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, units: dict[str, Any]
) -> None:
    checkpoint = Checkpoint(tmp_path_factory.mktemp("units") / "units.jsonl")
    for key, result in units.items():
        checkpoint.keep(key, result)
    assert checkpoint.units() == units
    assert checkpoint.repair() is None
    assert list(checkpoint.units()) == list(units)


def test_a_line_is_appended_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    durable_files.append_line(path, b"one", sync=True)
    real = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 4:
            raise OSError(errno.ENOSPC, "full")
        return real(file, bytes(data[:2]))

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        durable_files.append_line(path, b"two two", sync=True)
    assert path.read_bytes() == b"one\n"
    monkeypatch.undo()
    path.write_bytes(b"one\nhal")
    durable_files.append_line(path, b"two", sync=False)
    assert path.read_bytes() == b"one\nhal\ntwo\n"


def test_a_result_file_is_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def task(work: RunContext) -> None:
        work.write("results.json", "[1]")
        monkeypatch.setattr("core.system.durable_files.os.fsync", full)
        try:
            work.write("results.json", "[2]")
        finally:
            monkeypatch.undo()

    assert carry_out(run, task, bar=False) == 2
    assert run.read_json("results.json") == [1]
    assert "full" in str(run.status().error)
    assert not list(run.folder.glob("*.partial")) + list(run.folder.glob(".*"))
    for name in ("config.json", "units.jsonl", "../x"):
        assert carry_out(run, lambda work, name=name: work.write(name, ""), bar=False) == 2  # type: ignore[misc]


# ---- disks


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_fails_with_its_reason_and_a_resume_does_the_rest(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=256k") as disk:
        (disk / "other.bin").write_bytes(bytes(100 * 1024))
        run = new_run(disk, numbers=30, ballast=5000)
        assert carry_out(run, square_numbers, bar=False) == 2
        status = run.status()
        assert status.state is RunState.FAILED
        assert status.error is not None
        assert "full" in status.error.what
        assert "resume" in status.error.remedy
        kept = run.units()
        assert 3 < len(kept) < 30
        assert not run.reserve_path.exists()
        assert carry_out(run, square_numbers, bar=False) == 2  # still full: still said, none lost
        assert run.units().keys() >= kept.keys()
        assert run.status().state is RunState.FAILED
        (disk / "other.bin").unlink()
        assert carry_out(run, square_numbers, bar=False) == 0
        assert len(run.read_json("results.json")["squares"]) == 30
        assert run.status().error is None


def test_a_runs_folder_that_can_not_be_written_is_said_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "runs"):
        with pytest.raises(RunError, match="can't be stored"):
            RunsFolder(folder).check_writable()
        with pytest.raises(RunError, match="can't be stored"):
            new_run(folder)
    with pytest.raises(RunError, match="can't be read"):
        RunsFolder(file).list()
    RunsFolder(tmp_path / "new").check_writable()
    assert list((tmp_path / "new").iterdir()) == []


def test_a_disk_that_is_read_only_or_full_is_said_before_any_work(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=256k") as disk:
        run = new_run(disk)
        carry_out(run, square_numbers, bar=False)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(RunError, match="can't be stored"):
            RunsFolder(disk).check_writable()
        with pytest.raises(RunError, match="can't be written"):
            carry_out(run, square_numbers, bar=False)
        with pytest.raises(ResourceError):
            run.rename("x")
        with pytest.raises(RunError):
            run.delete()
        assert [each.status().state for each in RunsFolder(disk).list()] == [RunState.DONE]
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        with contextlib.suppress(OSError):
            (disk / "other.bin").write_bytes(bytes(256 * 1024))
        with pytest.raises(RunError, match="can't be stored"):
            RunsFolder(disk).check_writable()
        with pytest.raises(ExplorerError):
            new_run(disk)
        assert len(RunsFolder(disk).list()) == 1
        assert RunsFolder(disk).broken() == []


def test_a_run_whose_events_are_all_damaged_can_be_resumed(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "toy", RunPlan({}, {}, 0))
    run.log.path.write_text("garbage\n" * 20)
    assert run.status().state is RunState.NEW
    assert not run.has_begun
    (run.folder / "results.json").write_text("{}")
    assert run.status().state is RunState.INTERRUPTED
    assert run.has_begun
    (run.folder / "results.json").unlink()
    run.units_path.write_text('{"unit": "0", "result": 1}\n')
    status = run.status()
    assert status.state is RunState.INTERRUPTED
    assert "Resume it" in str(status.error)
    assert carry_out(run, lambda _: None, bar=False) == 0
    assert run.units() == {"0": 1}


def test_a_name_from_elsewhere_can_not_command_a_terminal(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "toy", RunPlan({}, {}, 0))
    path = run.folder / "config.json"
    data = json.loads(path.read_text()) | {"name": "\x1b[31mred\n"}
    path.write_text(json.dumps(data))
    assert Run.open(run.folder).config.name == "\ufffd[31mred"
    path.write_text(json.dumps(data | {"name": "two\nlines" + "x" * 300}))
    assert Run.open(run.folder).config.name == "two lines" + "x" * 191
    assert Run.open(run.folder).repeat(tmp_path).config.name.startswith("two lines")
    path.write_text(json.dumps(data | {"seed": -1}))
    with pytest.raises(RunError):
        Run.open(run.folder)
