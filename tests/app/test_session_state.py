"""What a person has set belongs to the session: it comes back, and holds on the other pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drawn_app import needs_demo, state
from streamlit.testing.v1 import AppTest

from core.records import Problem
from explorer.open_session import PROBLEM_SET
from explorer.shared.set_choice import UPLOAD

ROOT = Path(__file__).resolve().parents[2]
OWN = "My own question"
SHEEP = "A farmer has 3 sheep and buys 4. How many sheep are there?"
MARK = "differs from Explore"
pytestmark = [needs_demo, pytest.mark.usefixtures("sessions")]


def on(app: AppTest, page: str) -> AppTest:
    app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception
    return app


def field(app: AppTest, label: str) -> Any:
    kinds = (app.selectbox, app.number_input, app.text_input, app.text_area)
    return next(each for kind in kinds for each in kind if each.label == label)


def put(app: AppTest, label: str, value: Any) -> None:
    field(app, label).set_value(value).run()
    assert not app.exception


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.error)
    html = [each.proto.body for each in app.get("html")]
    return "\n".join([*(each.value for kind in kinds for each in kind), *html])


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


def finished(app: AppTest) -> AppTest:
    task = state(app).opened.task
    assert task is not None
    assert task.wait(300)
    app.run()
    assert not app.exception
    return app


def ask_about_sheep(app: AppTest) -> None:
    put(app, "Problems from", OWN)
    put(app, "Question", SHEEP)
    put(app, "Correct answer", "7")


@pytest.mark.parametrize("leave", ["while it is written", "when it is done"])
def test_own_question_and_its_chain_are_there_after_another_page(app: AppTest, leave: str) -> None:
    ask_about_sheep(app)
    button(app, "Generate").click().run()
    if leave == "when it is done":
        finished(app)
    on(on(app, "runs"), "explore")
    finished(app)
    assert field(app, "Problems from").value == OWN
    assert field(app, "Question").value == SHEEP
    assert field(app, "Correct answer").value == "7"
    tree = state(app).opened.session.tree
    assert tree is not None
    assert tree.problem.question == SHEEP
    assert len(tree.branches) == 1


def test_an_uploaded_set_and_its_chain_are_there_after_another_page(app: AppTest) -> None:
    state(app).opened.problem_sets["mine.jsonl"] = [Problem("a", "1 + 1?", "2")]
    app.run()
    put(app, "Problems from", "mine.jsonl")
    button(app, "Generate").click().run()
    finished(app)
    on(on(app, "runs"), "explore")
    assert field(app, "Problems from").value == "mine.jsonl"
    tree = state(app).opened.session.tree
    assert tree is not None
    assert tree.problem.question == "1 + 1?"
    assert len(tree.branches) == 1


def test_the_sampler_is_there_after_another_page(app: AppTest) -> None:
    put(app, "Temperature", 0.7)
    put(app, "Max new tokens", 77)
    on(on(app, "runs"), "explore")
    assert field(app, "Temperature").value == 0.7
    assert field(app, "Max new tokens").value == 77


def test_an_own_question_is_there_after_another_set(app: AppTest) -> None:
    ask_about_sheep(app)
    put(app, "Problems from", "Demo problems")
    put(app, "Problems from", OWN)
    assert field(app, "Question").value == SHEEP
    assert field(app, "Correct answer").value == "7"


def test_the_chain_of_another_question_says_so(app: AppTest) -> None:
    tree = state(app).opened.session.tree
    assert tree is not None
    first = tree.problem.question
    assert "answers another question" not in said(app)
    ask_about_sheep(app)
    assert f"answers another question:** {first[:20]}" in said(app)
    button(app, "Generate").click().run()
    finished(app)
    assert "answers another question" not in said(app)


def test_an_empty_state_says_what_to_do_once(app: AppTest) -> None:
    picker = field(app, "Problem")
    picker.select_index(5).run()
    assert "No chain yet: press **Generate**" in said(app)
    put(app, "Problems from", OWN)
    assert button(app, "Generate").disabled
    assert not app.error


def test_the_adapter_leaves_with_its_model(app: AppTest) -> None:
    opened = state(app).opened
    opened.spec = replace(opened.spec, adapter="/somewhere/adapter")
    app.run()
    label = "LoRA adapter folder, or its Hugging Face ID"
    assert field(app, label).value == "/somewhere/adapter"
    assert "demo \\+ adapter" in said(app)
    put(app, "Model", "Load another model…")
    put(app, "Folder or Hugging Face ID", "/another/model")
    assert field(app, label).value == ""


def test_an_uploaded_file_is_selected_at_once(app: AppTest) -> None:
    put(app, "Problems from", UPLOAD)
    assert button(app, "Generate").disabled
    app.file_uploader(key="problem_file").set_value(
        ("mine.jsonl", b'{"question": "1 + 1?", "answer": "2"}', "application/json")
    ).run()
    assert not app.exception
    assert field(app, "Problems from").value == "mine.jsonl"
    assert state(app).opened.session.form[PROBLEM_SET] == "mine.jsonl"
    assert [each.value for each in app.toast] == ["Added and selected: 1 problem of mine\\.jsonl"]
    app.run()
    assert not app.toast


@pytest.mark.parametrize(
    ("page", "prompt", "length"),
    [
        ("interventions", "study", "study max_new_tokens"),
        ("compare", "compare", "compare max_new_tokens"),
        ("evaluate", "evaluation", "evaluation max_new_tokens"),
        ("finetune", "tuning demo prompt", "tuning demo max_new_tokens"),
    ],
)
def test_how_explore_asks_holds_on_the_other_pages(
    app: AppTest, page: str, prompt: str, length: str
) -> None:
    if page == "finetune":  # asks the problems that it learns from
        state(app).opened.session.form |= {
            "Demo training problems asked in style": "plain",
            "Demo training problems asked in template": "Q: {problem}\nA:",
        }
    else:
        put(app, "Prompt style", "plain")
        put(app, "Template", "Q: {problem}\nA:")
        app.text_area(key="Demo problems asked in stop").set_value("\\nQ:").run()
    put(app, "Max new tokens", 96)
    on(app, page)
    assert app.selectbox(key=f"{prompt} style").value == "plain"
    assert app.text_area(key=f"{prompt} template").value == "Q: {problem}\nA:"
    assert app.number_input(key=length).value == 96
    assert "plain" in said(app)
    assert "96 tokens" in said(app)
    if page != "finetune":
        assert app.text_area(key=f"{prompt} stop").value == "\\nQ:"
    assert f"{MARK}: max new tokens" not in said(app)

    app.number_input(key=length).set_value(50).run()
    assert f"{MARK}: max new tokens (96 there)" in said(app)
    button(app, "Use the session's").click().run()
    assert not app.exception
    assert app.number_input(key=length).value == 96
    assert MARK not in said(app)


def test_one_threshold_for_the_session(app: AppTest) -> None:
    on(app, "interventions")
    assert app.number_input(key="study tau").value == 1.2  # the kind's, until a person sets one
    assert MARK not in said(app), "the defaults of two pages are not a departure"
    on(app, "explore")
    state(app).tau = 0.9
    for page, key in (("interventions", "study tau"), ("compare", "compare tau")):
        on(app, page)
        assert app.number_input(key=key).value == 0.9
        assert MARK not in said(app)
    app.number_input(key="compare tau").set_value(1.6).run()
    assert f"{MARK}: τ (0\\.90 nats there)" in said(app)
    button(app, "Use the session's").click().run()
    assert app.number_input(key="compare tau").value == 0.9


def test_the_problem_set_of_explore_is_that_of_the_other_pages(app: AppTest) -> None:
    put(app, "Problems from", "Word problems (test)")
    on(app, "evaluate")
    assert field(app, "Problems from").value == "Word problems (test)"
    put(app, "Problems from", "Demo problems")
    on(on(app, "explore"), "evaluate")
    assert field(app, "Problems from").value == "Demo problems"
    on(app, "interventions")
    assert field(app, "Problems from").value == "Word problems (test)"
