"""The tour, the keys and the glossary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn_app import APP, done, selected, state, tree
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


def at_fork(app: AppTest) -> int:
    """The strongest fork of the chain on screen, selected by the page's own button."""
    for _ in range(len(selected(app).chain)):
        press(app, "Next fork")
        if tree(app).selection.position == int(selected(app).chain.entropy.argmax()):
            break
    position = tree(app).selection.position
    assert position is not None
    return position


@built
def test_the_tour_moves_on_as_its_steps_are_done(app: AppTest) -> None:
    assert step(app) == "1"
    position = at_fork(app)
    assert step(app) == "2"
    press(app, "Try all five")
    done(app)
    assert step(app) == "3", "its table was filled"
    chain = selected(app).chain
    other = int(chain.statistics.top_ids[position][1])
    state(app).opened.force(state(app).opened.spec, selected(app), position, (other,))
    assert step(app.run()) == "4", "another token was forced"
    tree(app).select("b1")
    app.run()
    press(app, "Find the fix")
    done(app)
    assert step(app) == "5"
    slider = next(each for each in app.slider if each.label.startswith("Threshold"))
    slider.set_value(1.0).run()
    assert step(app) == "6"
    app.switch_page(str(ROOT / "pages" / "learn.py")).run()
    app.switch_page(str(ROOT / "pages" / "explore.py")).run()
    assert step(app) == "", "all of it was seen"
    assert not state(app).opened.busy


@built
def test_one_act_can_be_several_steps_and_what_was_done_before_counts_for_none(
    app: AppTest,
) -> None:
    position = at_fork(app)
    assert step(press(app, "Back")) == "1"
    assert step(app.run()) == "1", "the token was selected before this step began"
    press(app, "Next")
    chain = selected(app).chain
    other = int(chain.statistics.top_ids[position][1])
    state(app).opened.force(state(app).opened.spec, selected(app), position, (other,))
    done(app)
    assert step(app) == "4", "a token is forced by a key without a look at its table"


@built
def test_a_tour_half_way_is_at_its_step_after_a_refresh(app: AppTest) -> None:
    press(press(app, "Next"), "Next")
    again = AppTest.from_file(APP, default_timeout=300)
    again.query_params["session"] = state(app).opened.id
    assert step(again.run()) == "3"


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
