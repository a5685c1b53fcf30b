"""Explore without a browser: how a problem is asked, a person's verdict, thinking parts."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from drawn_app import needs_demo, state, tree
from models import random_qwen3
from streamlit.testing.v1 import AppTest
from tokenizer_kinds import byte_level

from core.chains.assembly import scored_chain
from core.chains.judging import judge
from core.chains.prompting import PromptPreview, preview_prompt
from core.chains.session import Session
from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec
from core.records import Problem, Sampler, StopReason
from explorer.shared.prompt_panel import tokens_as_html

pytestmark = needs_demo


def demo(app: AppTest) -> LanguageModel:
    """The demo model, loaded and drawn."""
    lm = state(app).opened.load(ModelSpec())
    app.run()
    return lm


def set_style(app: AppTest, style: str) -> None:
    next(each for each in app.selectbox if each.label == "Prompt style").set_value(style).run()


def set_template(app: AppTest, template: str) -> None:
    next(each for each in app.text_area if each.label == "Template").set_value(template).run()


def preview_text(app: AppTest) -> str:
    return str(app.code[0].value)


def test_the_prompt_is_previewed_as_the_model_reads_it(app: AppTest) -> None:
    lm = demo(app)
    question = tree(app).problem.question
    shown = preview_prompt(lm, question)
    assert preview_text(app) == shown.text
    assert any(f"{len(shown.ids)} tokens" in caption.value for caption in app.caption)
    set_style(app, "plain")
    assert preview_text(app) == question
    set_template(app, "Q: {problem}\nA:")
    assert preview_text(app) == f"Q: {question}\nA:"
    next(each for each in app.button if each.label == "Generate").click().run()
    task = state(app).opened.task
    assert task is not None
    assert task.wait(300)
    branch = tree(app).selected
    assert branch is not None
    asked = preview_prompt(lm, question, "plain", "Q: {problem}\nA:")
    assert branch.chain.prompt_ids == asked.ids


def test_each_problem_set_keeps_its_own_template(app: AppTest) -> None:
    state(app).opened.problem_sets["mine.jsonl"] = [Problem("m", "2 + 2?", "4")]
    demo(app)
    first, other = app.selectbox(key="problem_set").value, "mine.jsonl"
    set_style(app, "plain")
    set_template(app, "First: {problem}")
    app.selectbox(key="problem_set").set_value(other).run()
    assert "2 + 2?" in preview_text(app)
    assert not preview_text(app).startswith("First:")
    set_style(app, "plain")
    set_template(app, "Other: {problem}")
    app.selectbox(key="problem_set").set_value(first).run()
    assert preview_text(app).startswith("First:")
    assert not app.exception


def test_a_template_that_can_not_be_used_says_why(app: AppTest) -> None:
    demo(app)
    set_style(app, "plain")
    set_template(app, "no place for it")
    assert any("doesn't contain" in error.value for error in app.error)
    set_style(app, "chat_template")
    assert any("no chat template" in error.value for error in app.error)


def test_tokens_of_a_prompt_are_text_whatever_they_hold() -> None:
    hostile = ("<script>alert(1)</script>", '"><img onerror=x>', "&amp;", " a", "\n", "", "你")
    shown = tokens_as_html(PromptPreview("plain", None, tuple(range(7)), hostile))
    assert shown.count("<span") == shown.count("</span>") == 7
    assert not re.search(r"<(?!/?(?:div|span|sub|br)\b)", shown), "no other element is made"
    for piece in hostile[:3]:
        assert html.escape(piece) in shown
    assert [int(each) for each in re.findall(r"<sub>(\d+)</sub>", shown)] == list(range(7))


def overrule(app: AppTest, verdict: str) -> None:
    next(each for each in app.radio if each.label == "Your verdict").set_value(verdict).run()
    assert not app.exception


def headline(app: AppTest) -> str:
    return next(
        each.value for each in app.markdown if "-badge[" in each.value and "·" in each.value
    )


def test_a_persons_verdict_is_shown_as_theirs_saved_and_undone(
    app: AppTest, user_folder: Path
) -> None:
    assert "wrong" in headline(app)
    overrule(app, "Correct")
    assert "correct by you (checker: wrong)" in headline(app)
    assert "✓" in headline(app)
    # The folder is that of the first test in this process: the workbench is made once.
    (saved,) = user_folder.parent.parent.rglob(f"{state(app).opened.id}.json")
    (branch,) = json.loads(saved.read_text())["trees"][0]["branches"]
    assert (branch["chain"]["verdict"], branch["chain"]["overruled"]) == ("wrong", "correct")
    next(each for each in app.button if each.label == "Undo").click().run()
    assert "by you" not in headline(app)
    overrule(app, "Wrong")
    overrule(app, "Automatic")
    assert "by you" not in headline(app)


def thinking_session(completion: str) -> Session:
    tokenizer = byte_level()
    tokenizer.add_tokens(["<think>", "</think>"])
    lm = wrap(ModelSpec("thinker"), random_qwen3(len(tokenizer)), tokenizer)
    problem = Problem("p", "1 + 1?", "2")
    ids = tokenizer.encode(completion, add_special_tokens=False)
    chain = scored_chain(
        lm, problem, [5, 6], ids, forced=(), sampler=Sampler(), stop_reason=StopReason.LENGTH
    )
    session = Session()
    session.open_problem(problem).add_root(chain, *judge(lm, [chain]))
    return session


def test_a_thinking_chain_shows_both_parts_and_goes_to_its_answer(app: AppTest) -> None:
    session = thinking_session("<think>one, two</think>So \\boxed{2}.")
    state(app).open_session(session)
    app.run()
    chain = tree(app).branches[0].chain
    assert chain.thinking is not None
    lines = next(each.value for each in app.caption if "thinking" in each.value)
    assert f"to \\#{chain.thinking - 1}, {chain.thinking} tokens" in lines
    assert f"{len(chain) - chain.thinking} tokens" in lines
    mean = float(chain.entropy[: chain.thinking].mean())
    assert f"mean entropy {mean:.2f} nats" in lines
    next(each for each in app.button if each.label == "Go to the answer").click().run()
    assert tree(app).selection.position == chain.thinking
    assert "correct" in headline(app)


def test_a_chain_that_never_ends_its_thinking_says_that_there_is_no_answer(app: AppTest) -> None:
    state(app).open_session(thinking_session("<think>It is \\boxed{2}"))
    app.run()
    assert any("ends inside its thinking part" in each.value for each in app.caption)
    assert "no answer found" in headline(app)


def test_a_template_that_asks_the_date_gets_a_field_for_it(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = demo(app)
    assert not [each for each in app.text_input if each.label == "Date in the prompt"]
    monkeypatch.setattr(
        lm.tokenizer, "chat_template", "{{ strftime_now('%d.%m.%Y') }} {{ messages[0]['content'] }}"
    )
    set_style(app, "chat_template")
    (field,) = (each for each in app.text_input if each.label == "Date in the prompt")
    field.set_value("2026-03-01").run()
    assert preview_text(app).startswith("01.03.2026 ")
    next(each for each in app.button if each.label == "Generate").click().run()
    task = state(app).opened.task
    assert task is not None
    assert task.wait(300)
    branch = tree(app).selected
    assert branch is not None
    assert branch.chain.prompt_date == "2026-03-01"
    app.run()
    next(each for each in app.text_input if each.label == "Date in the prompt").set_value("x").run()
    assert any("x is not a date" in error.value for error in app.error)
