"""Notes on Explore: written beside the token, marked in the chain, listed, searched, gone to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from component_messages import component_messages
from drawn_app import drawn, needs_demo, state, tree
from export_cases import CORRECT, WORDS, chain_of
from streamlit.testing.v1 import AppTest

from core.chains.session import SessionFolder
from core.chains.tree import ForkTree
from core.records import Problem

pytestmark = needs_demo


def heatmap(app: AppTest) -> Any:
    return next(each for each in component_messages(app) if "strip" in each)


def listed(app: AppTest) -> list[str]:
    return [each.label for each in app.button if (each.key or "").endswith("in the list")]


@pytest.fixture
def two_problems(sessions: Path) -> AppTest:
    """The welcome chain with its token 4 selected, and a chain of another problem with notes."""
    app = drawn()
    other = ForkTree(Problem("saw-9", "How many *minutes*?", "64"))
    other.add_root(chain_of(WORDS), CORRECT)
    for position in range(3):
        other.write_note("b1", f"other {position} <b>", position)
    session = state(app).opened.session
    mine = session.current
    session.open_problem(other.problem)
    assert session.current is not None
    session.trees[session.current] = other
    session.current = mine
    tree(app).select("b1", 4)
    return app.run()


def test_a_note_is_written_marked_kept_listed_and_found(
    two_problems: AppTest, sessions: Path
) -> None:
    app = two_problems
    app.text_area(key="note on b1 4").set_value("Here it decides.\nAnd here.").run()
    assert not app.exception
    assert tree(app).note("b1", 4) == "Here it decides.\nAnd here."
    assert heatmap(app)["notes"] == {"4": "Here it decides.\nAnd here."}
    app.text_area(key="note on b1 None").set_value("The *wrong* one").run()
    assert any(r"The \*wrong\* one" in each.value for each in app.caption)
    stored = SessionFolder(sessions).load(state(app).opened.id)
    assert stored is not None
    assert stored.tree is not None
    assert stored.tree.notes == tree(app).notes

    # Another tab has it; what is written there shows here.
    tree(app).write_note("b1", "changed elsewhere", 4)
    app.run()
    assert app.text_area(key="note on b1 4").value == "changed elsewhere"

    # What can't be kept is refused in words, and stays in the field.
    app.text_area(key="note on b1 4").set_value("a\u202eb").run()
    assert any("a character that can" in each.value for each in app.error)
    assert app.text_area(key="note on b1 4").value == "a\u202eb"
    assert tree(app).note("b1", 4) == "changed elsewhere"

    # Another problem's chain b1 doesn't get it.
    app.text_area(key="note on b1 None").set_value("c\u202ed").run()
    next(each for each in app.button if each.label.startswith("**saw")).click().run()
    assert app.text_area(key="note on b1 None").value == ""
    next(each for each in app.button if "changed elsewhere" in each.label).click().run()

    assert len(listed(app)) == 5
    search = next(each for each in app.text_input if each.label == "Find in all notes")
    search.set_value("OTHER 2").run()
    (label,) = listed(app)
    assert label == "**saw\\-9 · b1 · \\#2 ,**  \nother 2 \\<b\\>"
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception
    assert tree(app).problem.id == "saw-9"
    assert (tree(app).selection.branch, tree(app).selection.position) == ("b1", 2)
    assert app.text_area(key="note on b1 2").value == "other 2 <b>"
    assert heatmap(app)["notes"]["2"] == "other 2 <b>"
    assert heatmap(app)["goTo"][1] == 2
