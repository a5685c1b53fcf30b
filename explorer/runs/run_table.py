"""The runs as rows of a table: state, kind, model, problem set, result, time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.kinds import kind_title
from core.runs.estimate import duration
from core.runs.run import Run
from core.runs.status import RunState, RunStatus
from explorer.components.row_table import Action, Column, RichCell, RowTable, TableRow
from explorer.components.row_table.view import Tone
from explorer.navigation import page_of
from explorer.runs.run_facts import RunFacts, run_facts

OPEN, AGAIN, EDIT, COMMAND = "open", "again", "edit", "command"
CANCEL, RESUME, START, DELETE = "cancel", "resume", "start", "delete"
COMPARE = "compare"

_MENU = {
    OPEN: "Open",
    CANCEL: "Cancel",
    RESUME: "Resume",
    START: "Start",
    AGAIN: "Run again",
    EDIT: "Name, tags, notes…",
    COMMAND: "Copy the command…",
    DELETE: "Delete…",
}
_STATES: dict[RunState, tuple[str, Tone]] = {
    RunState.NEW: ("○ not started", "quiet"),
    RunState.STARTING: ("▶ starting", "live"),
    RunState.RUNNING: ("▶ running", "live"),
    RunState.DONE: ("✓ done", "correct"),
    RunState.CANCELLED: ("■ cancelled", "quiet"),
    RunState.FAILED: ("✗ failed", "wrong"),
    RunState.INTERRUPTED: ("! interrupted", "warned"),
}
_COLUMNS = [
    Column("status", "Status", width="minmax(1.2rem, min(6.6rem, 18%))"),
    Column("run", "Run", width="minmax(5rem, 1.8fr)"),
    Column("model", "Model", width="minmax(4rem, 1.3fr)", least=620),
    Column("set", "Problems", width="minmax(4.4rem, 0.9fr)", least=760),
    Column("n", "n", "number", "2.4rem", least=680, sort="desc"),
    Column("result", "Result", width="minmax(5rem, 2fr)"),
    Column("when", "When", width="5.8rem", least=560, sort="desc"),
    Column("time", "Time", "number", "4.6rem", least=980, sort="desc"),
]


def runs_table(runs: Sequence[tuple[Run, RunStatus]]) -> RowTable:
    """A row a run, in the order given."""
    return RowTable(
        id="runs",
        label="Runs",
        columns=_COLUMNS,
        rows=[_row(run, status, run_facts(run)) for run, status in runs],
        facets=["status", "run", "model", "set"],
        search="Search names, tags, notes",
        actions=[Action(COMPARE, "Side by side", 2), Action(DELETE, "Delete…", 1)],
        menu=_MENU,
        click="open",
        height=560,
    )


def run_label(run: Run) -> str:
    """A run by its name, else by its id."""
    return run.config.name or run.id


def _row(run: Run, status: RunStatus, facts: RunFacts) -> TableRow:
    config, headline = run.config, facts.headline
    title = kind_title(run)
    tags = "".join(f" #{tag}" for tag in config.tags)
    own = "" if _is_given_by_the_program(config.name, title) else config.name
    notes = " ✎" if config.notes else ""
    imported = "" if config.imported is None else "imported "
    return TableRow(
        id=run.id,
        cells=[
            _state_cell(status),
            RichCell(title, note=f"{imported}{own}{tags}{notes}".strip(), hint=config.notes),
            facts.model,
            facts.problem_set,
            facts.n or None,
            None if headline is None else RichCell(headline.figure, hint=headline.sentence),
            _when_cell(config.created, status),
            RichCell(duration(status.elapsed), status.elapsed) if status.elapsed else None,
        ],
        name=f"{title} {run_label(run)}",
        find="\n".join([run.id, config.name, *config.tags, config.notes, str(status.error or "")]),
        menu=_menu(run, status.state),
    )


def _state_cell(status: RunStatus) -> RichCell:
    text, tone = _STATES[status.state]
    if not status.state.is_live:
        if status.error is None:
            return RichCell(text, tone=tone)
        return RichCell(text, tone=tone, note="ⓘ", hint=str(status.error))
    share = min(status.done / status.total, 1.0) if status.total else 0.0
    note = f"{share:.0%}".replace("%", "\u202f%") if status.total else ""
    amount = f"{status.done:.0f} of {status.total:.0f} {status.unit}" if status.total else ""
    hint = " · ".join(filter(None, (status.what, amount)))
    return RichCell(text, tone=tone, note=note, share=share, hint=hint)


def _when_cell(created: str, status: RunStatus) -> RichCell:
    """When a run was made; of one at work, how long it still takes."""
    made = _when(created)
    took = f", took {duration(status.elapsed)}" if status.elapsed else ""
    if status.state.is_live and status.seconds_left is not None:
        left = f"~{duration(status.seconds_left)} left"
        return RichCell(left, created, tone="live", hint=f"made {made}{took} so far")
    return RichCell(made, created, hint=f"made {made}{took}")


def _menu(run: Run, state: RunState) -> list[str]:
    live = state.is_live
    resumable = state in (RunState.CANCELLED, RunState.FAILED, RunState.INTERRUPTED)
    offered = {
        OPEN: page_of(run) is not None,
        CANCEL: live,
        RESUME: resumable,
        START: state is RunState.NEW,
        AGAIN: run.config.imported is None or bool(run.config.inputs),  # else by importing
        EDIT: True,
        COMMAND: page_of(run) is not None,
        DELETE: not live,
    }
    return [name for name, there in offered.items() if there]


def _is_given_by_the_program(name: str, title: str) -> bool:
    """Whether a name only says kind and problem set, which have columns of their own."""
    first = title.split()[0]
    return name.startswith((f"{first} on ", f"{first} of ", f"{first}s on ", f"{first}s of "))


def _when(created: str) -> str:
    """Day and time, in local time: 26 Nov 18:26; the year where it is another one."""
    moment, now = datetime.fromisoformat(created).astimezone(), datetime.now().astimezone()
    if moment.year != now.year:
        return f"{moment.day} {moment:%b %Y}"
    return f"{moment.day} {moment:%b %H:%M}"
