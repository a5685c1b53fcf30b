"""Few-shot prompts: worked examples before the question, in every style, recorded with the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from models import byte_level_tokenizer, save_tiny_model, tiny_language_model

from core.chains.few_shot import built_in_examples, read_examples, typed_examples
from core.chains.generation import generate
from core.chains.prompting import PromptSettings, check_prompts, preview_prompt, problem_prompt
from core.errors import PromptError
from core.problems.problem_sets import NAMED_SETS, read_problems
from core.records import Problem, Sampler
from core.tokens.prompts import WorkedExample, encode_prompt, prompt_text

ONE = WorkedExample("What is 1 + 1?", "1 + 1 = 2. \\boxed{2}.")
TWO = WorkedExample("What is 2 * 3?", "\\boxed{6}.\n")


def test_examples_stand_before_the_question_in_its_own_template() -> None:
    assert prompt_text("What is 4 - 1?", "few_shot", examples=(ONE, TWO)) == (
        "Question: What is 1 + 1?\nAnswer: 1 + 1 = 2. \\boxed{2}.\n\n"
        "Question: What is 2 * 3?\nAnswer: \\boxed{6}.\n\n"
        "Question: What is 4 - 1?\nAnswer:"
    )
    own = prompt_text("4 - 1", "plain", "Q: {problem}\nA: ", (ONE,))
    assert own == "Q: What is 1 + 1?\nA: 1 + 1 = 2. \\boxed{2}.\n\nQ: 4 - 1\nA: "


def test_in_a_chat_they_are_earlier_turns() -> None:
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    )
    text = tokenizer.decode(
        encode_prompt(tokenizer, "What is 4 - 1?", "chat_template", examples=(ONE,))
    )
    assert text.count("[user]") == 2
    assert "[assistant]1 + 1 = 2. \\boxed{2}.[user]" in text
    assert text.endswith("Problem: What is 4 - 1?[assistant]")


def test_the_style_few_shot_brings_four_built_in_ones_and_records_them() -> None:
    settings = PromptSettings(prompt_style="few_shot")
    assert settings.examples == built_in_examples()[:4]
    again = PromptSettings(**json.loads(settings.model_dump_json()))
    assert again == settings
    assert PromptSettings().examples is None
    assert PromptSettings(prompt_style="few_shot", examples=0).examples == ()


def test_in_python_the_style_brings_them_too() -> None:
    lm = replace(tiny_language_model(), context_length=1024)  # a byte is a token
    asked = Problem("a", "What is 4 - 1?")
    as_a_run = problem_prompt(lm, asked, PromptSettings(prompt_style="few_shot"))
    sampler = Sampler(max_new_tokens=1)
    (chain,) = generate(lm, [asked], sampler, [0], prompt_style="few_shot")
    assert chain.prompt_ids == as_a_run
    assert preview_prompt(lm, asked.question, "few_shot").ids == as_a_run
    (bare,) = generate(lm, [asked], sampler, [0], prompt_style="few_shot", examples=())
    assert "Question: What is 4 - 1?\nAnswer:" in lm.text.decode(bare.prompt_ids)
    assert len(bare.prompt_ids) < len(as_a_run) / 4


def test_a_question_is_never_among_its_own_examples() -> None:
    with pytest.raises(PromptError, match="one of the prompt's own examples"):
        prompt_text(" What is 1 + 1?", "few_shot", examples=(ONE,))
    lm = tiny_language_model()
    settings = PromptSettings(prompt_style="few_shot", examples=(ONE,), max_new_tokens=4)
    asked = [Problem("a", "What is 4 - 1?"), Problem("b", ONE.question)]
    with pytest.raises(PromptError, match=r"^Problem b: The question is one of"):
        check_prompts(lm, asked, settings, 512)
    assert len(problem_prompt(lm, asked[0], settings)) > 20


@pytest.mark.parametrize("name", NAMED_SETS)
def test_no_problem_of_ours_is_among_the_built_in_examples(name: str) -> None:
    asked = {problem.question for problem in read_problems(name)}
    assert not asked & {each.question for each in built_in_examples()}


@pytest.mark.parametrize(
    ("typed", "examples"),
    [("", None), ("0", ()), ("2", built_in_examples()[:2]), ("8", built_in_examples())],
)
def test_built_in_ones_are_named_by_their_number(typed: str, examples: Any) -> None:
    assert typed_examples(typed) == examples


def test_those_of_a_file_are_named_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [vars(ONE) | {"answer": "2"}, vars(TWO)]
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    assert read_examples(file) == (ONE, TWO)
    assert typed_examples(str(file)) == (ONE, TWO)
    assert typed_examples(f"{file}:1") == (ONE,)
    with pytest.raises(PromptError, match="There are 2 examples, not 3"):
        typed_examples(f"{file}:3")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "Line 1 of .* is not a worked example"),
        (b'{"question": "a"}', "Line 1 of .* is not a worked example"),
        (b'{"question": "a", "solution": 3}', "Line 1 of .* is not a worked example"),
        (b'{"question": "a", "solution": " "}', "empty text"),
        (b"[]", "Line 1"),
        (b"", "has 0 examples"),
        (b"\xff", "can't be read"),
    ],
)
def test_a_file_that_holds_none_is_refused_in_words(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(content)
    with pytest.raises(PromptError, match=reason):
        read_examples(file)


def test_commands_take_them(run: Any, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    common = ["prompt", "--model", folder, "--question", "What is 4 - 1?", "--json"]
    _, out, _ = run(*common, "--prompt-style", "few_shot", "--examples", 2)
    text = json.loads(out)["text"]
    assert text.count("Question:") == 3
    assert built_in_examples()[1].solution in text
    code, _, err = run(*common, "--examples", "missing.jsonl")
    assert code == 2
    assert "missing.jsonl can't be read" in err
