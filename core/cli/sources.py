"""What a command works on: a saved session, a chain file or a run, by its path or its id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.files import read_json
from core.errors import RunError

if TYPE_CHECKING:
    from core.chains.session import Session
    from core.runs.run import Run

SOURCE_HELP = "A saved session or chain, the folder of a run, or the id of a session or run."


def open_source(source: Path, runs_dir: Path | None) -> Session | Run | Any:
    """A session, a run, or the JSON of another file.

    Args:
        runs_dir: where a run's id is looked up, before sessions; None: the user's runs, after the
            stored sessions.

    Raises:
        ExplorerError: there is none, or it can't be opened.
    """
    from core.chains.session import Session, SessionFolder
    from core.runs.run import Run
    from core.runs.runs_folder import RunsFolder
    from core.system.environment import sessions_folder

    if source.is_dir():
        return Run.open(source)
    if source.is_file():
        data = read_json(source)
        is_session = isinstance(data, dict) and data.get("kind") == "session"
        return Session.from_json(data) if is_session else data
    if source.name != str(source):
        raise RunError(f"{source} does not exist.", "Check the path.")
    session = SessionFolder(sessions_folder()).load(source.name) if runs_dir is None else None
    return RunsFolder(runs_dir).get(source.name) if session is None else session
