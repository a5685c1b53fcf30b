"""What a person of a class may still use: checked before work begins, and while it is done."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from core.classroom.people import People, Person
from core.errors import ExplorerError, RunError
from core.models.spec import ModelSpec, teacher_spec
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.classroom.here import classroom, person_here

_SECONDS = 1.0  # between two looks at the limit while tokens are made


@dataclass(frozen=True)
class Account:
    """A person's use of the server."""

    people: People
    person: Person

    def check(self) -> None:
        """Check before work on a chain begins.

        Raises:
            ResourceError: tokens or disk are used up.
        """
        self.people.check_tokens(self.person)
        self.people.check_disk(self.person)

    def meter(self) -> Meter:
        """Counts the tokens of one piece of work."""
        return Meter(self)


class Meter:
    """Counts the tokens of one piece of work as they are made, in its thread."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._charged = self._made = 0
        self._looked = time.monotonic()
        self._error: ExplorerError | None = None

    def is_used_up(self, tokens: int) -> bool:
        """Whether to stop, at so many tokens of this work."""
        self._made = tokens
        now = time.monotonic()
        if self._error is None and now - self._looked > _SECONDS:
            self._looked = now
            self._charge()
            try:
                self._account.people.check_tokens(self._account.person)
            except ExplorerError as error:
                self._error = error
        return self._error is not None

    def close(self) -> None:
        """Count what is left; called when the work has ended.

        Raises:
            ResourceError: the work was stopped at the limit.
        """
        self._charge()
        with contextlib.suppress(ExplorerError):  # the disk is full: counted on in memory
            self._account.people.keep()
        if self._error is not None:
            raise self._error

    def _charge(self) -> None:
        if self._made > self._charged:
            self._account.people.charge(self._account.person, self._made - self._charged)
            self._charged = self._made


def account_of(sessions: Path) -> Account | None:
    """The account of the person whose sessions are in a folder; None in the plain app."""
    found = classroom()
    if found is None:
        return None
    owner = next((each for each in found.people.everyone() if each.sessions == sessions), None)
    return None if owner is None else Account(found.people, owner)


def account_here() -> Account | None:
    """The account of who looks at this page; None in the plain app."""
    found, person = classroom(), person_here()
    return None if found is None or person is None else Account(found.people, person)


def check_run_here(run: Run) -> None:
    """Check that a run may be started by who looks at this page; in the plain app all may.

    Raises:
        RunError: it is in another person's folder.
        ResourceError: disk or tokens are used up, or too many runs are at work.
        ModelError: a model that the class doesn't have.
    """
    found, account = classroom(), account_here()
    if found is None:
        return
    if account is None:
        raise RunError("Your seat was given up.", "Load the page again, and enter the class.")
    for spec in _models_of(run):
        found.room.check_model(spec)
    person = account.person
    if person.teacher:
        return
    if not run.folder.resolve().is_relative_to(person.folder.resolve()):
        raise RunError("This is the run of another person.", "Start one of your own.")
    account.check()
    working = sum(each.status().state.is_live for each in RunsFolder(person.runs).list())
    account.people.check_runs(person, working)


def _models_of(run: Run) -> list[ModelSpec]:
    """The models that a run loads."""
    model = run.config.model
    adapter = model.get("adapter")
    base = ModelSpec(
        str(model.get("model")),
        None if adapter is None else str(adapter),
        trust_remote_code=bool(model.get("trust_remote_code")),
    )
    return [base, *(teacher_spec(base, each) for each in run.config.teachers)]
