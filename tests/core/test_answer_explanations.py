"""Why an answer got its verdict: what was found, where, how it was read, which rule decided."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from test_records import chain_of

from core.answers import AnswerChecker
from core.chain_json import chain_from_json, chain_to_json
from core.cli import main
from core.errors import SessionError
from core.records import Explanation, Outcome, Verdict
from explorer.shared.verdict import verdict_reason


@pytest.mark.parametrize(
    ("text", "gold", "place", "answer_form", "rule"),
    [
        (r"so \boxed{1,200}.", "1200", r"the last \boxed{}", "1200", "the same normal form"),
        ("#### $18.00", "18", "after the last ####", "18 dollar", "numbers, exactly; the unit"),
        ("The answer is 5 km.", "5 m", "after the last “the answer is”", "5 kilo", "different"),
        ("it is 50%", "0.5", "the last number", "50%", "a percentage by its value"),
        ("it is 5 or 6", "6", "the last number", "{5, 6}", "answers of different kinds"),
        (r"\boxed{2\sin x\cos x}", r"\sin 2x", r"the last \boxed{}", r"2 \cdot", "math-verify"),
        (r"\boxed{7 \foo}", "7", r"the last \boxed{}", None, "not understood"),
        ("hm", "7", "", None, "no answer"),
    ],
)  # fmt: skip
def test_an_explanation_says_place_form_and_rule(
    text: str, gold: str, place: str, answer_form: str | None, rule: str
) -> None:
    with AnswerChecker() as checker:
        outcome = checker.judge(text, gold)
    why = outcome.explanation
    assert why is not None
    assert why.place == place
    assert rule in why.rule
    assert (why.answer_form is None) == (answer_form is None)
    assert (why.answer_form or "").startswith(answer_form or "")
    if outcome.answer is not None:
        assert why.span is not None
        assert text[slice(*why.span)] == outcome.answer


def test_what_is_explained_on_demand_is_what_judging_says() -> None:
    with AnswerChecker() as checker:
        outcome = checker.judge(r"so \boxed{5 km}", "5 m")
        why = checker.explain(outcome.answer, "5 m")
    assert outcome.explanation is not None
    assert (why.answer_form, why.gold_form, why.rule) == (
        outcome.explanation.answer_form, outcome.explanation.gold_form, outcome.explanation.rule,
    )  # fmt: skip


def test_an_explanation_is_kept_with_its_chain() -> None:
    why = Explanation(r"the last \boxed{}", (3, 5), "2", "2", "numbers, exactly", (1, 1))
    outcome = Outcome("2", Verdict.CORRECT, True, explanation=why)
    data = json.loads(json.dumps(chain_to_json(chain_of(), outcome)))
    assert data["explanation"] == {
        "place": r"the last \boxed{}", "span": [3, 5], "answer_form": "2", "gold_form": "2",
        "rule": "numbers, exactly", "tokens": [1, 1],
    }  # fmt: skip
    _, reread = chain_from_json(data)
    assert reread is not None
    assert reread.explanation == why


@pytest.mark.parametrize(
    "damage", [{}, {"span": [1]}, {"span": [5, 3]}, {"tokens": ["a", "b"]}, {"rule": None}]
)
def test_a_damaged_explanation_is_refused(damage: Any) -> None:
    why = Explanation("", None, None, "2", "no answer")
    data = chain_to_json(chain_of(), Outcome(None, Verdict.UNPARSEABLE, False, explanation=why))
    data["explanation"] = {**data["explanation"], **damage} if damage else 5
    with pytest.raises(SessionError):
        chain_from_json(data)


def test_the_tooltip_shows_nothing_as_markup() -> None:
    with AnswerChecker() as checker:
        outcome = checker.judge("The answer is <b>[x](http://a.b)</b> *7*", "7")
    shown = verdict_reason(outcome, "7")
    assert shown is not None
    assert "<b>" not in shown
    assert "](" not in shown
    assert "Decided by" in shown


def test_a_verdict_from_before_explanations_gets_its_reason_on_demand() -> None:
    shown = verdict_reason(Outcome("5 km", Verdict.WRONG, True), "5 m")
    assert shown is not None
    assert "5 kilometer" in shown
    assert "different units" in shown
    assert verdict_reason(Outcome("5", Verdict.NO_GOLD, True), None) is None


def test_the_command_line_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    data = json.loads(run(r"so \boxed{5 km}", "--gold", "5 m", "--json"))
    assert (data["answer"], data["verdict"], data["boxed"]) == ("5 km", "wrong", True)
    assert data["explanation"]["rule"] == "different units"
    assert data["explanation"]["span"] == [10, 14]
    said = run("5 kilometers", "--gold", "5", "--alone")
    assert "correct" in said
    assert "the unit is left out" in said
