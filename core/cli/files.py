"""What a command prints: results to stdout or --out, messages to stderr."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.chain_json import chain_from_json
from core.errors import FileError, SessionError
from core.records import Chain
from core.system.durable_files import replace_file
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.problems.table import ProblemTable, RowRefusal
    from core.records import Problem


def say(message: str) -> None:
    """Print a message in one line on stderr."""
    print(f"fork-explorer: {printable(' '.join(message.split()))}", file=sys.stderr)


def check_writable(out: Path | None) -> None:
    """Check that --out can be written, before the work.

    Raises:
        FileError: the file can't be written.
    """
    if out is not None:
        try:
            is_new = not os.path.lexists(out)
            out.open("a").close()
            if is_new:
                out.unlink()
            elif out.is_file() and not os.access(out.resolve().parent, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise FileError(
                f"{out} can't be written ({error.strerror}).", "Choose another --out."
            ) from error


def write_out(out: Path | None, text: str) -> None:
    """Write to --out, if given; an existing file is replaced atomically.

    Raises:
        FileError: the file can't be written.
    """
    if out is None:
        return
    try:
        replace_file(out, text.encode("utf-8"))
    except OSError as error:
        raise FileError(
            f"{out} can't be written ({error.strerror}).", "Choose another --out."
        ) from error


def write_result(text: str, as_json: bool, out: Path | None) -> None:
    """Write a command's result as JSON: to --out, and with --json to stdout.

    Raises:
        FileError: the file can't be written.
    """
    write_out(out, text + "\n")
    if as_json:
        print(text)


def read_json(path: Path) -> Any:
    """A file's JSON.

    Raises:
        SessionError: the file can't be read or isn't JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise SessionError(
            f"{path} can't be read ({error.strerror}).", "Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SessionError(
            f"{path} is not one JSON object ({error}).", "Give a file with one chain."
        ) from error


def read_chain(path: Path) -> Chain:
    """A file with one chain.

    Raises:
        SessionError: the file can't be read or doesn't hold a chain.
    """
    return chain_from_json(read_json(path))[0]


_NAMED = 5  # refused rows that are named


def given_problems(path: Path) -> list[Problem]:
    """The problems of a file of any format, or of a set by its name. Rows that hold no problem are
    left out; they and doubts about the columns are reported on stderr.

    Raises:
        ProblemError: as `read_problem_file`.
    """
    from core.problems.problem_sets import problem_file
    from core.problems.reading import read_problem_file

    found = read_problem_file(problem_file(path))
    say_doubts(found, path.name)
    return found.problems


def say_doubts(found: ProblemTable, name: str) -> None:
    """Report doubts about the columns, and the rows that are left out, on stderr."""
    for warning in found.warnings:
        say(f"{name}: {warning}")
    say_refused(found.refused, found.noun, name)


def say_refused(refused: Sequence[RowRefusal], noun: str, name: str) -> None:
    """Report the rows of a file that are left out on stderr, the first of them with the reason."""
    for refusal in refused[:_NAMED]:
        say(f"{name}, {noun} {refusal.row} is left out: {refusal.reason}.")
    if len(refused) > _NAMED:
        say(f"{len(refused) - _NAMED:,} more rows of {name} are left out.")


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that work ends at its next token and keeps its results."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def progress(chains: int, as_json: bool) -> Any:
    """A progress bar with the time left on stderr, for more than one chain."""
    from tqdm import tqdm

    return tqdm(total=chains, unit="chain", disable=as_json or chains == 1, file=sys.stderr)
