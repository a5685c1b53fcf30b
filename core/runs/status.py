"""The state of a run: a pure function of its events, its lock and its process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.errors import ExplorerError, RunError
from core.runs.events import Event, Events
from core.runs.liveness import ProcessName

LAUNCH_SECONDS = 60.0
"""Seconds after which a launched child that hasn't taken the lock is given up, where nothing says
whether its process is alive. One that is alive starts for as long as it takes."""

DEFAULT_UNIT = "problems"


class RunState(StrEnum):
    """The states of a run."""

    NEW = "new"  # prepared, never started
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_live(self) -> bool:
        """Whether a process works on it or is about to."""
        return self in (RunState.STARTING, RunState.RUNNING)


@dataclass(frozen=True)
class RunStatus:
    """State and progress of a run.

    `error` is why it FAILED or was INTERRUPTED; in any other state, damage that was found.
    """

    state: RunState
    done: float
    total: float | None
    unit: str
    what: str  # what it is doing, one short phrase
    elapsed: float  # seconds of work over all starts, without the time between them
    seconds_left: float | None  # see core.runs.time_left
    error: ExplorerError | None
    started: datetime | None  # the first start
    ended: datetime | None  # of an interrupted run: its last event


@dataclass(frozen=True)
class _Story:
    """The events since the last launch or start, and the run's process."""

    phase: str  # "", launched, started or ended
    last: Event | None  # the event that began the phase
    process: ProcessName | None
    cancelled: bool  # a stop was requested


def processes(events: Events) -> list[ProcessName]:
    """Processes since the run last ended, latest first: one of them may be at work."""
    found: list[ProcessName] = []
    for event in events.events:
        if event.event == "ended":
            found.clear()
        elif event.pid is not None and event.host is not None:
            found.insert(0, ProcessName(event.pid, event.host, event.birth))
    return list(dict.fromkeys(found))


def status_of(events: Events, *, held: bool, now: datetime) -> RunStatus:
    """The status at the moment `now`; `held`: whether a process of this machine has the lock."""
    story = _story(events)
    state = _state(story, held, now)
    known = _latest_progress(events)
    running = state is RunState.RUNNING and known is not None
    since = max(0.0, (now - known.time).total_seconds()) if running and known else 0.0
    left = known.seconds_left if running and known else None
    least = (known and known.seconds_least) or 0.0
    what = (known and known.what) or ""
    if state.is_live and story.cancelled:
        what = "stopping"
    return RunStatus(
        state=state,
        done=(known and known.done) or 0.0,
        total=known.total if known else None,
        unit=(known and known.unit) or DEFAULT_UNIT,
        what=what,
        elapsed=((known and known.elapsed) or 0.0) + since,
        seconds_left=None if left is None else max(left - since, least),
        error=_error(state, story, known, events.damaged),
        started=events.first_start,
        ended=None if state.is_live or story.last is None else _last_heard(events, story),
    )


def _story(events: Events) -> _Story:
    phase, last, process, cancelled = "", None, None, False
    for event in events.events:
        name = ProcessName(event.pid, event.host, event.birth) if event.pid and event.host else None
        match event.event:
            case "launched":
                phase, last, process, cancelled = "launched", event, None, False
            case "spawned" if phase == "launched":
                process = name
            case "started" | "progress":
                if phase == "ended":
                    cancelled = False
                phase, last, process = "started", event, name
            case "cancel":
                cancelled = phase != "ended"
            case "ended":
                phase, last, process, cancelled = "ended", event, None, False
    return _Story(phase, last, process, cancelled)


def _state(story: _Story, held: bool, now: datetime) -> RunState:
    if story.last is None:
        return RunState.STARTING if held else RunState.NEW
    if story.phase == "ended":
        return RunState(story.last.state or "done")
    if held:
        return RunState.RUNNING if story.phase == "started" else RunState.STARTING
    if story.phase == "launched":
        alive = None if story.process is None else story.process.is_alive
        if alive is None:
            alive = abs((now - story.last.time).total_seconds()) < LAUNCH_SECONDS
        if alive:
            return RunState.STARTING
    return RunState.CANCELLED if story.cancelled else RunState.INTERRUPTED


def _latest_progress(events: Events) -> Event | None:
    """The last event with progress fields; none of them depends on earlier ones."""
    return next((each for each in reversed(events.events) if each.elapsed is not None), None)


def _last_heard(events: Events, story: _Story) -> datetime | None:
    return story.last.time if story.phase == "ended" and story.last else events.events[-1].time


def _error(
    state: RunState, story: _Story, known: Event | None, damaged: int
) -> ExplorerError | None:
    if state is RunState.FAILED and story.last is not None:
        return ExplorerError(
            story.last.error or "The run failed.",
            story.last.remedy or "Look into its log.txt, then resume it.",
        )
    if state is RunState.INTERRUPTED:
        if story.phase == "launched":
            return RunError(
                "The run's process ended before any work began.",
                "Look into its log.txt, then start it again.",
            )
        return RunError(
            "The run was interrupted: its process ended without an event.",
            "Resume it; finished work is kept. If this happens again, check the memory.",
        )
    if known is not None and known.notice:
        return RunError(known.notice, "They are computed again, and nothing else was lost.")
    if damaged:
        return RunError(
            f"progress.jsonl has {damaged} line{'s' * (damaged > 1)} that can't be read.",
            "Times and counts may be off; the results are not affected.",
        )
    return None
