"""Runs carried out in child processes that die by SIGKILL at a moment of the test's choosing.

The children are forked from a server process that has imported everything and has run nothing:
they start at once, and no thread of the tests is missing in them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NoReturn

import models  # noqa: F401 - with it the server has transformers' code of the tiny model and the demo
from small_runs import UNIT
from toy_kind import LENGTHS

from core.disagreement.task import COMPARE
from core.distillation.task import DISTIL
from core.evaluation.task import EVALUATE
from core.interventions.task import INTERVENTIONS
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS, TRAIN
from core.runs import problem_units
from core.runs.context import RunContext, carry_out
from core.runs.run import Run
from core.studies.distillations import DISTILL_STUDY
from core.studies.task import STUDY

TASKS: dict[str, Callable[[RunContext], None]] = {
    "lengths": LENGTHS.carry_out,
    "evaluate": EVALUATE.carry_out,
    "interventions": INTERVENTIONS.carry_out,
    "compare": COMPARE.carry_out,
    "rollouts": SAMPLE_ROLLOUTS.carry_out,
    "train": TRAIN.carry_out,
    "distill": DISTIL.carry_out,
    "study": STUDY.carry_out,
    "distill-study": DISTILL_STUDY.carry_out,
}
"""Every kind of run, by the name of its task."""

Moment = tuple[str, int]
"""When a child dies: ("disk", n) at the nth call that changes the disk, with half of it done;
("unit", n) in the middle of writing the nth unit; ("step", n) after the nth step of a training."""


def fork_server() -> ForkServerContext:
    """Where children come from; its first one takes the seconds that the imports take."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the server has no other way to know
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context


def exit_code_of(server: ForkServerContext, run: Run, at: Moment) -> int:
    """Carry a run out in a child that dies at a moment; -9 when it came to that."""
    child = server.Process(target=_carry_out, args=(run.folder, at))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def exit_code_of_command(
    server: ForkServerContext, words: list[str], kept: Path, dies_after: int | None
) -> int:
    """Call `fork-explorer` in a child that writes the key of every unit it keeps into a file, and
    dies after so many; -9 when it came to that."""
    child = server.Process(target=_command, args=(words, kept, dies_after))
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def _command(words: list[str], kept: Path, dies_after: int | None) -> NoReturn:
    from core.cli import app
    from core.cli.claims_measuring import Measuring
    from core.runs.checkpoint import Checkpoint

    problem_units.PROBLEMS_A_UNIT = UNIT
    keep, count = Checkpoint.keep, 0

    def counted(checkpoint: Checkpoint, key: str, result: Any) -> None:
        nonlocal count
        keep(checkpoint, key, result)
        with kept.open("a") as file:
            file.write(f"{key}\n")
        count += 1
        if count == dies_after:
            _die()

    Checkpoint.keep = counted  # type: ignore[method-assign]
    Measuring.estimate = lambda *_, **__: None  # type: ignore[method-assign]
    app(words, standalone_mode=False)
    os._exit(0)


def _carry_out(folder: Path, at: Moment) -> NoReturn:
    problem_units.PROBLEMS_A_UNIT = UNIT
    run = Run.open(folder)
    what, number = at
    if what == "disk":
        _die_at_disk_call(number)
    elif what == "unit":
        die_at_line(run.units_path, number)
    elif what == "step":
        _die_at_step(number)
    os._exit(carry_out(run, TASKS[run.config.task], bar=False))


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("alive after SIGKILL")


def _die_at_disk_call(number: int) -> None:
    """A write stops halfway, a file that was to be synced has half of its bytes, and a file that
    was to take another one's place doesn't."""
    write, fsync, replace = os.write, os.fsync, os.replace
    calls = 0

    def is_time() -> bool:
        nonlocal calls
        calls += 1
        return calls == number

    def dying_write(file: int, data: Any) -> int:
        if is_time():
            write(file, bytes(data[: len(data) // 2]))
            _die()
        return write(file, data)

    def dying_fsync(file: int) -> None:
        if is_time():
            os.ftruncate(file, os.fstat(file).st_size // 2)
            _die()
        fsync(file)

    def dying_replace(source: Any, target: Any) -> None:
        if is_time():
            _die()
        replace(source, target)

    os.write, os.fsync, os.replace = dying_write, dying_fsync, dying_replace  # type: ignore[assignment]


def die_at_line(path: Path, number: int) -> None:
    write = os.write
    lines = 0

    def dying_write(file: int, data: Any) -> int:
        nonlocal lines
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            lines += 1
            if lines == number:
                write(file, bytes(data[: len(data) // 2]))
                _die()
        return write(file, data)

    os.write = dying_write


def _die_at_step(number: int) -> None:
    report = RunContext.report

    def dying_report(work: RunContext, done: float, *others: Any) -> None:
        report(work, done, *others)
        if others[-1] == "steps" and done >= number:
            _die()

    RunContext.report = dying_report  # type: ignore[method-assign]
