"""The app under Streamlit's AppTest, and what its session holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.chains.branch import Branch
from core.chains.tree import ForkTree
from core.models.spec import DEMO_FOLDER
from explorer.state import BrowserState

APP = str(Path(__file__).resolve().parents[1] / "explorer" / "app.py")
needs_demo = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


def drawn() -> AppTest:
    """A new browser tab, with the page on screen."""
    app = AppTest.from_file(APP, default_timeout=300).run()
    assert not app.exception
    return app


def unfolded(app: AppTest, key: str) -> AppTest:
    """Open a part of the page that is drawn once it is open (`explorer.shared.folding`)."""
    app.session_state[f"fold {key}"] = True
    app.run()
    assert not app.exception
    return app


def state(app: AppTest) -> BrowserState:
    """The state of the tab."""
    found: BrowserState = app.session_state["browser_state"]
    return found


def tree(app: AppTest) -> ForkTree:
    """The tree on screen."""
    found = state(app).opened.session.tree
    assert found is not None
    return found


def selected(app: AppTest) -> Branch:
    """The branch on screen."""
    branch = tree(app).selected
    assert branch is not None
    return branch


def done(app: AppTest) -> None:
    """Wait until the work of the tab has ended without an error, and draw the page again."""
    task = state(app).opened.task
    assert task is not None
    assert task.wait(300)
    assert task.error is None
    app.run()
    assert not app.exception
