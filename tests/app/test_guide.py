"""The tour, the keys and the glossary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn_app import APP
from streamlit.testing.v1 import AppTest

from core.models.spec import DEMO_FOLDER
from core.records import Problem
from explorer.explore.problem_labels import distinct
from explorer.guide.glossary import TERMS, meaning_of_setting
from explorer.guide.tour import STEPS
from explorer.shared.problem_text import problem_html

ROOT = Path(__file__).resolve().parents[2]
built = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception
    return app


def step(app: AppTest) -> str:
    steps = [each.value for each in app.markdown if f"of {len(STEPS)}:]" in each.value]
    return "".join(steps).removeprefix(":small[").partition(" ")[0]


@built
def test_a_new_user_is_shown_six_steps_and_then_left_alone(app: AppTest) -> None:
    assert len(STEPS) == 6
    assert step(app) == "1"
    for number in "23456":
        assert step(press(app, "Next")) == number
    assert step(press(app, "Back")) == "5"
    press(app, "Next")
    assert step(press(app, "Done")) == ""
    again = AppTest.from_file(APP, default_timeout=300)
    again.query_params["session"] = app.session_state["browser_state"].opened.id
    assert step(again.run()) == ""


@built
def test_a_skipped_tour_is_opened_again_from_any_page(app: AppTest) -> None:
    press(app, "Skip")
    assert step(app) == ""
    app.switch_page(str(ROOT / "pages" / "runs.py")).run()
    press(app, "Tour")
    app.switch_page(str(ROOT / "pages" / "explore.py")).run()
    assert step(app) == "1"


def html_of(app: AppTest) -> str:
    bodies: list[Any] = [each.proto.body for each in app.get("html")]
    return "\n".join(bodies)


@built
def test_the_keys_and_the_glossary_open_on_every_page(app: AppTest) -> None:
    assert "<kbd>?</kbd>" in html_of(press(app, "Keys"))
    app.switch_page(str(ROOT / "pages" / "evaluate.py")).run()
    shown = html_of(press(app, "Glossary"))
    assert all(term.name in shown for term in TERMS if "&" not in term.name)


def test_every_term_is_there_once_and_explained_in_plain_words() -> None:
    names = [term.name for term in TERMS]
    assert len(set(names)) == len(names)
    known = " ".join(names).lower()
    for wanted in ("nats", "τ", "rank", "greedy", "fork", "pass@k", "pivotality", "oracle"):
        assert wanted in known
    assert all(term.meaning.endswith(".") for term in TERMS)
    assert meaning_of_setting("gate.tau").startswith("Tokens whose entropy")
    assert meaning_of_setting("no.such") == ""


def test_a_question_is_text_whatever_it_holds() -> None:
    shown = problem_html(Problem("a", "<b>1</b>\nis \\boxed{<i>} & $x$", "<u>"))
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "<u>" not in shown
    assert "&lt;b&gt;1&lt;/b&gt;\nis" in shown
    assert '<span class="boxed">&lt;i&gt;</span>' in shown
    assert "Correct answer: &lt;u&gt;" in shown


@pytest.mark.parametrize(("question", "folded"), [("short", False), ("a\nb\nc", True),
                                                  ("word " * 60, True)])  # fmt: skip
def test_a_long_question_is_folded(question: str, folded: bool) -> None:
    assert ("<details>" in problem_html(Problem("a", question, None))) is folded


def test_problems_that_begin_alike_are_told_apart() -> None:
    shots = "Question: There are 15 trees in the grove. How many now? Answer: 6. Question: "
    assert distinct([shots + "Tom has 3.", shots + "Ann has 4."]) == [
        "… Tom has 3.",
        "… Ann has 4.",
    ]
    assert distinct([shots]) == [shots.strip()]
    assert distinct(["Tom has 3\nshells.", "Tim has 4."]) == ["Tom has 3 shells.", "Tim has 4."]
    assert distinct([]) == []
    same = [shots + "x", shots + "x"]
    assert distinct(same) == ["… x", "… x"]
