"""Short work in a thread: followed, cancelled, and never silent about a failure."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from core.errors import ExplorerError, PromptError
from explorer.tasks import Task


def finished(task: Task) -> Task:
    assert task.wait(300)
    return task


class Steps:
    """A task whose worker does one step whenever the test says so, on a clock of the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, total: int) -> None:
        self.now = 1000.0
        monkeypatch.setattr("explorer.tasks.time.monotonic", lambda: self.now)
        self._ended = threading.Event()
        self.task = Task("Loading the model", lambda _: self._ended.wait(300) and None, total)

    def end(self) -> None:
        self._ended.set()
        assert not finished(self.task).running


def test_a_task_says_what_it_did_how_fast_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch, 450)
    task = steps.task
    steps.now += 50
    assert task.progress == "Loading the model, 50 s"
    task.label = "Generating"
    steps.now += 9.5  # to read the prompt
    for _ in range(38):
        task.done += 1
        steps.now += 0.45
    assert task.running
    assert task.share_done == 38 / 450
    assert task.progress == "Generating: 38 / 450 tokens · 2.2 tokens/s · about 3 min left"
    steps.end()
    assert task.error is None


def test_neither_loading_nor_the_prompt_is_part_of_the_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch, 20)
    task = steps.task
    steps.now += 500  # loads
    task.label = "Generating"
    steps.now += 100  # reads the prompt
    task.done = task.before = 10  # a fork
    for _ in range(4):
        task.done += 1
        steps.now += 2
    assert task.seconds_left == pytest.approx(10, abs=0.01)
    steps.end()


def test_between_two_endings_the_time_left_counts_down_and_never_rises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch, 40)
    task = steps.task
    task.label, task.unit = "Trying single tokens", "endings"
    seen = []
    for ending in range(40):
        for _ in range(5):
            steps.now += 0.6
            seen.append(task.seconds_left)
        task.count()
        assert task.done == ending + 1
    known = [each for each in seen if each is not None]
    assert known == sorted(known, reverse=True)
    assert known[0] == pytest.approx(36 * 3, rel=0.05), "after three endings of 3 s each"
    assert task.progress == "Trying single tokens: 40 / 40 endings"
    steps.end()


def test_cancel_is_a_question_that_the_worker_asks() -> None:
    stopped = threading.Event()

    def work(task: Task) -> None:
        while not task.cancelled():
            pass
        stopped.set()

    task = Task("Waiting", work)
    task.cancel()
    finished(task)
    assert stopped.is_set()


def test_an_error_for_people_is_kept_as_it_is() -> None:
    def work(_: Task) -> None:
        raise PromptError("The question is empty.", "Type one.")

    assert isinstance(finished(Task("Generating", work)).error, PromptError)


def test_a_bug_is_told_without_a_traceback() -> None:
    def work(_: Task) -> None:
        raise ZeroDivisionError("oh")

    error = finished(Task("Generating", work)).error
    assert type(error) is ExplorerError
    assert "ZeroDivisionError" in error.what
    assert "Nothing you made is lost" in error.remedy


def test_work_that_still_runs_is_cancelled_when_the_program_ends() -> None:
    code = """if True:
        import time
        from explorer.tasks import Task
        def work(task):
            while not task.cancelled():
                time.sleep(0.01)
            print("cancelled", flush=True)
        Task("Working", work)
    """
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "cancelled\n"), ended.stderr
