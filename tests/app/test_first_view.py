"""A server that has just started shows a chain before it has imported what it works with."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.chains.glance import chain_at_a_glance
from core.chains.session import Session
from explorer import engine, first_view
from explorer.components.token_heatmap import HeatmapView
from explorer.components.token_heatmap.event import parse_event
from explorer.welcome import FIRST_CLICK, WELCOME

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "explorer" / "app.py"
HEAVY = ("torch", "transformers", "peft", "pandas", "scipy.stats", "statsmodels", "sympy")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORK_EXPLORER_HOME", str(tmp_path))


def test_the_first_view_needs_none_of_the_libraries_that_take_seconds_to_import() -> None:
    code = (
        "import sys, explorer.first_view, explorer.navigation; explorer.first_view._chain();"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_glance_shows_the_chain_that_the_whole_session_has_selected() -> None:
    found = chain_at_a_glance(WELCOME.read_bytes())
    tree = Session.loads(WELCOME.read_bytes()).tree
    assert found is not None
    assert tree is not None
    assert tree.selected is not None
    chain, outcome = found
    assert chain.token_ids == tree.selected.chain.token_ids
    assert outcome == tree.selected.outcome


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"trees": [], "current": null}', '{"trees": 3}'])
def test_the_glance_at_a_file_without_a_chain_is_none(text: str) -> None:
    assert chain_at_a_glance(text) is None


def test_a_cold_server_draws_the_chain_then_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    cold = threading.Event()
    monkeypatch.setattr(engine, "_loaded", cold)
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert any("Loading the engine" in each.value for each in app.caption)
    assert app.get("first_heatmap") or any("token by token" in each.value for each in app.markdown)
    assert not [each for each in app.button if each.label == "Generate"]
    cold.set()
    app.run()
    assert not app.exception
    assert [each for each in app.button if each.label == "Generate"]


def test_a_token_clicked_in_the_first_view_is_selected_on_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def clicked(view: HeatmapView, *, key: str, on_select: Callable[[], None]) -> None:
        click = {"selected": {"chain": view.chain_id, "i": 20}}
        monkeypatch.setattr(first_view, "read_heatmap", lambda _: parse_event(click))
        on_select()

    cold = threading.Event()
    monkeypatch.setattr(engine, "_loaded", cold)
    monkeypatch.setattr(first_view, "token_heatmap", clicked)
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    cold.set()
    app.run()
    assert not app.exception
    tree = app.session_state["browser_state"].opened.session.tree
    assert tree.selection.position == 20
    assert app.query_params["token"] == "20"


@pytest.mark.parametrize("ids", [(1, 2, 3), ()])
def test_a_click_on_another_chain_selects_nothing(ids: tuple[int, ...]) -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state[FIRST_CLICK] = (ids, 1)
    app.run()
    assert not app.exception
    before = Session.loads(WELCOME.read_bytes()).tree
    tree = app.session_state["browser_state"].opened.session.tree
    assert before is not None
    assert tree.selection.position == before.selection.position


def test_the_engine_loads_although_no_browser_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()
    monkeypatch.setattr(engine, "_started", False)
    monkeypatch.setattr(engine, "_timer", None)
    monkeypatch.setattr(engine, "_AT_THE_LATEST", 0.01)
    monkeypatch.setattr(engine, "start_engine", started.set)
    engine.start_engine_soon()
    assert started.wait(60)


def test_an_import_that_fails_leaves_the_error_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    cold = threading.Event()
    monkeypatch.setattr(engine, "_loaded", cold)
    monkeypatch.setattr(engine, "_MODULES", ("explorer.no_such_module",))
    with pytest.raises(ModuleNotFoundError):
        engine.load_engine()
    assert engine.engine_is_loaded()
