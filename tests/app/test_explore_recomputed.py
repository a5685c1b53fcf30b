"""Explore says so where a model's branches can't share their work."""

from __future__ import annotations

from pathlib import Path

import pytest
from architectures import language_model
from streamlit.testing.v1 import AppTest

from core.chains.generation import generate
from core.chains.judging import judge
from core.chains.session import Session
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.records import Problem, Sampler
from explorer.state import BrowserState

APP = str(Path(__file__).resolve().parents[2] / "explorer" / "app.py")
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("gpt-neo, window of 8", "attention windows are counted from the longest row"),
        ("mamba", "has a recurrent state that can't be rewound"),
        ("llama", None),
    ],
)
def test_a_model_that_is_recomputed_says_why(kind: str, reason: str | None, tmp_path: Path) -> None:
    made = language_model(kind)
    made.model.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)
    app = AppTest.from_file(APP, default_timeout=300)
    app.run()
    state: BrowserState = app.session_state["browser_state"]
    spec = ModelSpec(str(tmp_path))
    lm = state.opened.load(spec)
    problem = Problem("p", "1 + 1?", "2")
    (chain,) = generate(lm, [problem], Sampler(max_new_tokens=6), [0])
    session = Session()
    session.open_problem(problem).add_root(chain, *judge(lm, [chain]))
    tree = session.tree
    assert tree is not None
    tree.select("b1", 2)
    state.open_session(session)
    state.opened.spec = spec
    app.run()
    assert not app.exception
    said = [each.value for each in app.caption if "can't share a cache" in each.value]
    assert len(said) == (reason is not None)
    if reason is not None:
        assert reason in said[0].replace("\\", "")
