"""Short work in a thread: followed, cancelled, and never silent about a failure."""

from __future__ import annotations

import threading

from core.errors import ExplorerError, PromptError
from explorer.tasks import Task


def finished(task: Task) -> Task:
    assert task.wait(300)
    return task


def test_a_task_reports_what_it_did_and_how_long_it_may_take() -> None:
    go_on = threading.Event()

    def work(task: Task) -> None:
        task.done = task.before = 10
        task.total = 30
        task.done = 20
        go_on.wait(300)

    task = Task("Generating", work)
    while task.done != 20:
        pass
    assert task.running
    assert task.share_done == 20 / 30
    left = task.seconds_left
    assert left is not None
    assert abs(left - task.elapsed) < 0.5, "10 of 20 new tokens are made: as long again"
    assert task.progress.startswith("Generating: 20 of at most 30 tokens, at most ")
    go_on.set()
    assert not finished(task).running
    assert task.error is None


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
