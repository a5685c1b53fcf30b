"""`notes`: what people wrote on chains, on their tokens and on runs; read, searched, written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.files import check_writable, say
from core.cli.option_groups import grouped
from core.cli.options import AsJson, RunsDir, path_argument, path_option
from core.cli.sources import SOURCE_HELP, open_source
from core.errors import NoteError, PositionError, ResourceError, SessionError
from core.system.durable_files import replace_file
from core.system.json_text import json_text
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.chains.session import Session


@dataclass(frozen=True)
class WriteOptions:
    """A note to write, and on what."""

    write: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help='Write this note in place of the one there; "" removes.'),
    ] = None
    branch: Annotated[
        str | None, typer.Option(help="Of a session: a branch of its current problem, b1 ...")
    ] = None
    position: Annotated[
        int | None, typer.Option(help="Completion position, from 0; without it, the chain.")
    ] = None
    out: Annotated[
        Path | None,
        path_option("--out", help="Write the session here instead of changing its file."),
    ] = None


@grouped
def notes(
    source: Annotated[
        Path | None, path_argument(metavar="SESSION|RUN", help=f"{SOURCE_HELP} None: all runs.")
    ] = None,
    find: Annotated[
        str, typer.Option(metavar="WORDS", help="Only notes in which all of these words occur.")
    ] = "",
    *,
    writing: WriteOptions,
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
) -> None:
    """List the notes of a session, a run or all runs; search them; write one.

    A token that branches share has one note. The session's file is changed in place, or written to
    --out.
    """
    given = None if source is None else open_source(source, runs_dir)
    if writing.write is None:
        placed = (writing.branch, writing.position, writing.out)
        if any(each is not None for each in placed):
            raise NoteError("The note to write is missing.", "Give it with --write TEXT.")
    elif source is None:
        raise NoteError("Where to write this note is missing.", "Give a session or a run.")
    else:
        _write(source, given, writing, runs_dir)
    records = list(_records(given, find, runs_dir))
    if as_json:
        print(json_text(records, ascii_only=True))
        return
    for each in records:
        print(printable(" · ".join(filter(None, (each["of"], each["on"])))))
        for line in each["note"].splitlines():
            print(printable(f"    {line}"))
    if not records:
        say("No note has these words." if find else "There are no notes.")


def _write(source: Path, given: Any, writing: WriteOptions, runs_dir: Path | None) -> None:
    from core.chains.session import Session
    from core.runs.run import Run

    if isinstance(given, Session):
        _write_in_session(given, writing)
        _save(source, given, writing.out)
        return
    if not isinstance(given, Run):
        raise _single_chain()
    if (writing.branch, writing.position, writing.out) != (None, None, None):
        raise NoteError(
            f"The notes of the run {given.id} are on the whole run.",
            "Leave --branch, --position and --out out.",
        )
    given.label(notes=writing.write or "")


def _write_in_session(session: Session, writing: WriteOptions) -> None:
    assert writing.write is not None
    tree = session.tree
    if tree is None or not tree.branches:
        raise SessionError("This session has no chains in it.", "Open another file.")
    branch = writing.branch or tree.selection.branch
    if branch is None:
        raise PositionError("Which branch the note is on is not clear.", "Give --branch.")
    tree.write_note(branch, writing.write, writing.position)


def _save(source: Path, session: Session, out: Path | None) -> None:
    """Write a session to --out, its own file, or where sessions are stored."""
    from core.chains.session import SessionFolder
    from core.system.environment import sessions_folder

    target = out or source
    if out is None and not source.is_file():
        SessionFolder(sessions_folder()).save(source.name, session)
        return
    check_writable(target)
    try:
        replace_file(target, session.dumps().encode("utf-8"))  # the person's only copy
    except OSError as error:
        raise ResourceError(
            f"{target} can't be written ({error.strerror or error}).",
            "Free space there or choose another --out; the file is as it was.",
        ) from error


def _records(given: Any, find: str, runs_dir: Path | None) -> Iterator[dict[str, Any]]:
    """The notes with all of these words, each with what it is of and on."""
    from core.chains.session import Session
    from core.components.note_list import found_notes, has_words, notes_of_session
    from core.runs.run import Run
    from core.runs.runs_folder import RunsFolder

    if isinstance(given, Session):
        for each in found_notes(notes_of_session(given), find):
            place = {"branch": each.note.branch, "position": each.note.position}
            yield {"of": each.problem.id, "on": each.place, **place, "note": each.note.text}
        return
    if given is not None and not isinstance(given, Run):
        raise _single_chain()
    for run in RunsFolder(runs_dir).list() if given is None else [given]:
        said = "\n".join((run.id, run.config.name, run.config.notes, *run.config.tags))
        if run.config.notes and has_words(said, find):
            yield {"of": run.id, "on": run.config.name, "note": run.config.notes}


def _single_chain() -> SessionError:
    return SessionError(
        "This is a single chain, and notes are kept in a session.",
        "Give a session that Explore saved.",
    )
