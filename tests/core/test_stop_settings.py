r"""Stop strings as settings: how they are typed, what they are by default, and what a run makes of
them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import save_tiny_model, tiny_language_model

from core.chains.prompting import PromptSettings, RunPromptSettings
from core.evaluation.sampling import evaluate
from core.evaluation.settings import EvaluationSettings
from core.models.language_model import LanguageModel
from core.records import Problem, StopReason
from core.runs.config import RunConfig
from core.system.setting import typed_lines

PROBLEM = Problem("p", "what is 3 + 4?", "7")


@pytest.mark.parametrize(
    ("typed", "stop"),
    [
        ("\\nQuestion:", ("\nQuestion:",)),
        ("\\nQuestion:\n###", ("\nQuestion:", "###")),
        ("\\boxed", ("\\boxed",)),
        ("\\\\n", ("\\n",)),
        ("", None),
        ("none", ()),
        (["\nQ:"], ("\nQ:",)),
        (None, None),
    ],
)
def test_stop_strings_are_typed_a_line_each(typed: Any, stop: tuple[str, ...] | None) -> None:
    assert PromptSettings(stop=typed).stop == stop


TYPED = st.text(min_size=1, max_size=200).filter(lambda text: "\r" not in text)


@given(st.lists(TYPED, min_size=1, max_size=3))
def test_what_is_shown_can_be_typed(stop: list[str]) -> None:
    stop = [each.encode("utf-8", "ignore").decode() or "a" for each in stop]
    if stop != ["none"]:
        assert PromptSettings(stop=typed_lines(tuple(stop))).stop == tuple(stop)


def test_by_default_they_are_those_of_the_prompt() -> None:
    assert PromptSettings().stop_strings("llama_abel") == ("\nQuestion:",)
    assert PromptSettings(prompt_style="qwen_boxed").stop_strings("plain") == ("\nProblem:",)
    few_shot = PromptSettings(prompt_style="plain", template="Q: 1?\nA: 1\n\nQ: {problem}\nA:")
    assert few_shot.stop_strings("qwen_boxed") == ("\nQ:",)
    assert PromptSettings(stop=()).stop_strings("llama_abel") == ()


def test_an_answer_ends_at_the_next_problem_whatever_the_stop_strings() -> None:
    settings = RunPromptSettings(prompt_style="qwen_boxed", stop=("###",))
    assert settings.answer_ends("plain") == ("###", "\nProblem:")
    assert RunPromptSettings(stop=()).answer_ends("llama_abel") == ("\nQuestion:",)
    assert RunPromptSettings(stop=("a",)).answer_ends("chat_template") == ("a",)
    assert RunPromptSettings(stop=("a",), keep_run_on=True).answer_ends("llama_abel") == ()


def test_too_long_a_stop_string_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at most 16 strings of 1 to 200 characters"):
        PromptSettings(stop=("a" * 201,))


def test_a_run_made_before_there_were_stop_strings_goes_on_without_them() -> None:
    old = {"max_new_tokens": 8, "prompt_style": None, "template": None}
    config = RunConfig(task="evaluate", seed=0, settings=old)
    settings = EvaluationSettings(**config.settings)
    assert (settings.stop, settings.keep_run_on) == ((), True)
    new = RunConfig(task="evaluate", seed=0, settings=EvaluationSettings().model_dump(mode="json"))
    assert EvaluationSettings(**new.settings).stop is None


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


def sampled(lm: LanguageModel, **changes: Any) -> list[tuple[tuple[int, ...], StopReason]]:
    fields = {"samples": 6, "temperature": 1.0, "max_new_tokens": 40, "prompt_style": "llama_abel"}
    settings = EvaluationSettings(**{**fields, **changes})
    (record,) = evaluate(lm, [PROBLEM], settings) or []
    return [(each.token_ids, each.stop_reason) for each in record.samples]


def test_samples_of_a_run_end_before_their_stop_string(lm: LanguageModel) -> None:
    whole = sampled(lm, stop=())
    texts = [lm.text.decode(ids) for ids, _ in whole]
    stop = next(sign for sign in texts[0][len(texts[0]) // 2 :] if sign != "\ufffd")
    for (ids, _), text, (cut, reason) in zip(whole, texts, sampled(lm, stop=(stop,)), strict=True):
        if stop in text:
            assert reason is StopReason.STOP
            assert cut == ids[: len(cut)]
            assert stop not in lm.text.decode(cut).rstrip()
        else:
            assert cut == ids
    kept = sampled(lm, stop=(stop,), keep_run_on=True)
    assert all(stop in lm.text.decode(ids) for ids, reason in kept if reason is StopReason.STOP)


def test_the_command_takes_a_stop_string_more_than_once(run: Any, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    code, out, err = run(
        "generate", "--model", folder, "--question", "1+1?", "--max-new-tokens", 30,
        "--stop", "\\nQ:", "--stop", "###", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["sampler"]["stop"] == ["\nQ:", "###"]
    code, out, err = run("generate", "--model", folder, "--question", "1+1?", "--stop", "none",
                         "--max-new-tokens", 5, "--json")  # fmt: skip
    assert json.loads(out)["sampler"]["stop"] == []
