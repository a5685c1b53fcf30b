"""A fine-tune's adapter: into Explore, or out of the app as a zip file."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

from core.language_model import ModelSpec
from core.reasonmaxxer.side_by_side import SideBySide
from explorer.arm_opening import known_branch
from explorer.navigation import ask_for
from explorer.open_session import OpenSession
from explorer.panels.run_panel import with_consent
from explorer.state import BrowserState
from explorer.tasks import Task


def open_with_adapter(
    state: BrowserState, base: ModelSpec, folder: Path, shown: SideBySide | None = None
) -> None:
    """Go to Explore with a tuned model.

    Args:
        base: as a run has it; device and precision are the sidebar's, since they may be others
            than where the run was at work.
        folder: of the adapter.
        shown: a problem whose chain is to be on screen.
    """
    here, base = state.opened.spec, with_consent(state, base)
    spec = replace(base, adapter=str(folder.resolve()), device=here.device, dtype=here.dtype)
    _start_with_adapter(state.opened, spec, shown)
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)


def _start_with_adapter(opened: OpenSession, spec: ModelSpec, shown: SideBySide | None) -> None:
    """Make a tuned model the session's, and show its chain of a problem where one is given."""
    tree = None if shown is None else opened.open_problem(shown.after.problem)

    def work(task: Task) -> None:
        opened.load(spec)
        opened.spec = spec  # only now that it is there: the session goes on with this model

        def show() -> None:
            assert tree is not None
            assert shown is not None
            chain = shown.after
            root = known_branch(tree.branches, chain) or tree.add_root(chain, shown.after_outcome)
            tree.select(root.id)

        if tree is not None:
            opened.keep(show)

    opened.start("Loading the model", work, None)


def zipped(folder: Path, name: str) -> bytes:
    """The plain files of a folder as a zip file, in a folder of that name. Links are left out:
    in a folder from elsewhere they could lead to any file of this machine.

    Raises:
        OSError: one of them can't be read.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.is_symlink():
                archive.write(path, f"{name}/{path.name}")
    return buffer.getvalue()
