"""A run: a folder that holds everything about long work, so that finished work is never lost.

    config.json      settings, model, seed, versions (core.runs.config)
    problems.jsonl   a copy of the problem set; further sets of a task are
                     problems_<purpose>.jsonl
    progress.jsonl   its events, appended (core.runs.events)
    units.jsonl      the checkpoint: one finished unit a line (core.runs.checkpoint)
    log.txt          output of the child process
    run.lock         held by the one process that works on it (core.runs.liveness)

and the result files of its task. `core.runs.context` writes them, `core.runs.jobs` starts and
cancels. Pages only read, and must expect half-written files.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import ExplorerError, RunError
from core.problems.problem_sets import read_problems, write_problems
from core.records import Problem
from core.runs.checkpoint import Checkpoint
from core.runs.config import (
    RunConfig,
    RunPlan,
    check_config,
    new_config,
    read_config,
    tidy_name,
    tidy_notes,
    tidy_tags,
    write_config,
)
from core.runs.events import EventLog, Events
from core.runs.liveness import hold, is_held
from core.runs.run_folder import (
    CONFIG,
    MADE_BY_WORK,
    PROGRESS,
    RESERVE,
    UNITS,
    check_file_name,
    make_folder,
    problems_file,
    take_folder,
)
from core.runs.status import RunState, RunStatus, status_of
from core.system.durable_files import disk_error, set_reserve_aside
from core.system.in_notebook import InNotebook

_LOG_TAIL = 64 * 1024  # bytes


class Run(InNotebook):
    """One run on disk. Cheap to open, any number of times."""

    def __init__(self, folder: Path, config: RunConfig) -> None:
        """Use `create` or `open`."""
        self.folder = folder
        self.config = config

    @staticmethod
    def create(
        runs_dir: Path,
        task: str,
        plan: RunPlan,
        *,
        name: str = "",
        folder: Path | None = None,
    ) -> Run:
        """Prepare a run; nothing is started.

        Args:
            runs_dir: where it gets its own folder, named by task and day.
            task: the name of the command that carries it out.
            plan: settings, model, seed and problem sets; the run keeps a copy of the problems.
            name: given by a person.
            folder: use this folder instead; it must be new or empty.

        Raises:
            RunError: the folder can't be made or holds something already; its name isn't a
                valid id; the run's name is too long or can't be shown.
            ProblemError, ResourceError: the disk is full or can't be written.
        """
        sets = {"": plan.problems, **plan.more_problems}
        return Run.of_config(runs_dir, new_config(task, plan, name), sets, folder=folder)

    @staticmethod
    def of_config(
        runs_dir: Path,
        config: RunConfig,
        problems: Mapping[str, Sequence[Problem]],
        *,
        folder: Path | None = None,
    ) -> Run:
        """Prepare a run with a config that is there already; as `create`.

        Args:
            problems: problem sets by their purpose.

        Raises:
            RunError, ProblemError, ResourceError: as `create`.
        """
        folder = make_folder(runs_dir, config.task) if folder is None else take_folder(folder)
        try:
            for purpose, each in problems.items():
                if each:
                    write_problems(folder / problems_file(purpose), each)
            set_reserve_aside(folder / RESERVE)
            write_config(folder / CONFIG, config.model_dump(mode="json"))  # last: now it is a run
        except (ExplorerError, OSError) as error:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
            if isinstance(error, OSError):
                raise disk_error(folder, error) from error
            raise
        return Run(folder, config)

    @staticmethod
    def open(folder: Path) -> Run:
        """The run in a folder.

        Raises:
            RunError: there is none, or its config is damaged or of a newer version.
        """
        path = folder / CONFIG
        return Run(folder, check_config(path, read_config(path)))

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def units_path(self) -> Path:
        """The checkpoint."""
        return self.folder / UNITS

    @property
    def log_path(self) -> Path:
        """The output of the child process."""
        return self.folder / "log.txt"

    @property
    def reserve_path(self) -> Path:
        """Disk space kept for the last event, in case the disk is full."""
        return self.folder / RESERVE

    @property
    def log(self) -> EventLog:
        """The events."""
        return EventLog(self.folder / PROGRESS)

    def status(self) -> RunStatus:
        """State and progress; cheap, and never raises: damage is reported in `error`."""
        log = self.log
        for _ in range(10):
            held = is_held(self.folder)
            events = _read(log)
            # The lock is released after the last event is written and taken before the first one:
            # if no event came in between, events and lock belong to the same moment.
            if held or (not is_held(self.folder) and log.size() == events.size):
                break
        status = status_of(events, held=held, now=datetime.now(UTC))
        if status.state is RunState.NEW and self._has_made_something:
            error = RunError(
                "This run was at work, but its progress.jsonl can't be read.",
                "Resume it: what is finished is kept.",
            )
            status = replace(status, state=RunState.INTERRUPTED, error=error)
        return status

    @property
    def has_begun(self) -> bool:
        """Whether work on it ever began, so that it must be resumed instead of started. If its
        events are lost, its files decide."""
        return self.status().started is not None or self._has_made_something

    @property
    def _has_made_something(self) -> bool:
        return any((self.folder / name).exists() for name in MADE_BY_WORK)

    def problems(self, purpose: str = "") -> list[Problem]:
        """The problem set, or a further one by its purpose; empty if the run has none.

        Raises:
            ProblemError: the file is damaged.
        """
        path = self.problems_path(purpose)
        try:
            found = path.stat()
        except OSError:
            return read_problems(path) if path.exists() else []
        return list(_read_problems(path, found.st_mtime_ns, found.st_size))

    def problems_path(self, purpose: str = "") -> Path:
        """The file of a problem set, which need not exist."""
        return self.folder / problems_file(purpose)

    def repeat(self, runs_dir: Path) -> Run:
        """A new run with the same task, settings, model, seed and problems, under the same name and
        tags.

        Raises:
            RunError, ProblemError, ResourceError: as `create` and `problems`.
        """
        config = self.config
        plan = RunPlan(
            settings=config.settings,
            model=config.model,
            seed=config.seed,
            teachers=config.teachers,
            inputs=config.inputs,
            thresholds=config.thresholds,
            problems=self.problems(),
            more_problems=self.more_problems(),
            shard=config.shard,
            engine=config.engine,
        )
        again = Run.create(runs_dir, config.task, plan, name=config.name)
        if config.tags:
            again.label(tags=config.tags)
        return again

    def more_problems(self) -> dict[str, list[Problem]]:
        """All further problem sets by their purpose.

        Raises:
            ProblemError: a file is damaged.
        """
        files = sorted(self.folder.glob(problems_file("*")))
        purposes = [file.stem.removeprefix("problems_") for file in files]
        return {each: self.problems(each) for each in purposes}

    def rename(self, name: str) -> None:
        """Change its name; id and folder stay.

        Raises:
            RunError: the name is too long, or the config is damaged.
            ResourceError: the disk is full or can't be written.
        """
        self.label(name=name)

    def label(
        self,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        notes: str | None = None,
    ) -> None:
        """Change what a person calls it; None leaves a part as it is.

        Raises:
            RunError: too long, or can't be shown, or the config is damaged.
            ResourceError: the disk is full or can't be written.
        """
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = tidy_name(name)
        if tags is not None:
            changes["tags"] = tidy_tags(tags)
        if notes is not None:
            changes["notes"] = tidy_notes(notes)
        path = self.folder / CONFIG
        data = read_config(path) | changes
        config = check_config(path, data)
        write_config(path, data)
        self.config = config

    def delete(self) -> None:
        """Delete the folder with everything in it.

        Raises:
            RunError: the run is at work, or the folder can't be deleted.
        """
        if self.status().state.is_live:
            raise RunError(f"The run {self.id} is at work.", "Cancel it first.")
        with hold(self.folder, 0):
            pass
        # Hidden in one step, so that readers never see half a run.
        grave = self.folder.with_name(f".deleted-{self.folder.name}-{secrets.token_hex(4)}")
        try:
            self.folder.rename(grave)
            shutil.rmtree(grave)
        except OSError as error:
            raise RunError(
                f"{self.folder} can't be deleted ({error.strerror or error}).",
                "Delete the folder by hand.",
            ) from error

    def read_json(self, name: str) -> Any | None:
        """The content of a result file; None if it doesn't exist (yet).

        Raises:
            RunError: damaged or can't be read; or `name` is not a plain file name.
        """
        path = self.folder / check_file_name(name, own=True)
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(
                f"{path} can't be read ({type(error).__name__}).",
                "Delete the file and resume the run, which writes it again.",
            ) from error

    def units(self) -> dict[str, Any]:
        """Results of the finished units by key, oldest first.

        Raises:
            RunError: the checkpoint is there and can't be read at all.
        """
        try:
            return Checkpoint(self.units_path).units()
        except OSError as error:
            raise RunError(
                f"{self.units_path} can't be read ({error.strerror or error}).",
                "Check your right to read it.",
            ) from error

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the child process's output."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        # A progress bar overwrites its line with \r; only its last state counts.
        shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.rstrip().split("\n")]
        return "\n".join(shown[-lines:])


@lru_cache(maxsize=8)
def _read_problems(path: Path, changed: int, size: int) -> tuple[Problem, ...]:
    """The problems of a file, read once while it stays what it is."""
    return tuple(read_problems(path))


def _read(log: EventLog) -> Events:
    try:
        return log.read()
    except OSError:
        return Events((), 1, log.size())
