"""A chat template that asks the date is given the one that the chain or run records."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from models import byte_level_tokenizer, save_tiny_model, tiny_language_model
from transformers import PreTrainedTokenizerFast

from core.chain_json import chain_from_json, chain_to_json
from core.chains.generation import generate
from core.chains.prompting import PromptSettings, preview_prompt, problem_prompt
from core.cli import main
from core.models.language_model import LanguageModel
from core.records import Problem, Sampler
from core.runs.run import Run
from core.tokens.prompts import encode_prompt
from core.tokens.template_clock import asks_the_date

CLOCK = (
    "{{ strftime_now('%Y-%m-%d %H:%M:%S') }} {% for m in messages %}{{ m['content'] }}{% endfor %}"
)
DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
PROBLEM = Problem("p", "1 + 1?", "2")
GREEDY = Sampler(max_new_tokens=2)


def clock_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = CLOCK
    return tokenizer


def clock_model() -> LanguageModel:
    lm = tiny_language_model()
    return replace(lm, tokenizer=clock_tokenizer(), prompt_style="chat_template")


def text_of(lm: LanguageModel, ids: tuple[int, ...]) -> str:
    return str(lm.tokenizer.decode(list(ids)))


def test_the_template_s_clock_stands_at_midnight_of_the_date() -> None:
    tokenizer = clock_tokenizer()
    text = tokenizer.decode(encode_prompt(tokenizer, "1 + 1?", "chat_template", prompt_date=DAY))
    assert text.startswith("2026-03-01 00:00:00 Solve")


@pytest.mark.parametrize(
    "form",
    [
        "%d %b %Y",
        "%A, %-d %B %y",
        "%%Y is not %Y",
        "%j%U",
        "noon",
        "",
        "%",
        "100 %",
        "%H:%M %p",
        "%é",
    ],
)
def test_every_form_of_a_date_is_python_s(form: str) -> None:
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = "{% set form = " + json.dumps(form) + " %}{{ strftime_now(form) }}!"
    text = tokenizer.decode(encode_prompt(tokenizer, "1", "chat_template", prompt_date=DAY))
    assert text == DAY.strftime(form) + "!"


def test_a_template_may_ask_whether_there_is_a_clock() -> None:
    """As Llama 3's does."""
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = (
        "{%- if strftime_now is defined %}{%- set day = strftime_now('%d %b %Y') %}"
        "{%- else %}{%- set day = '26 Jul 2024' %}{%- endif %}Today: {{ day | upper }}"
    )
    ids = encode_prompt(tokenizer, "1", "chat_template", prompt_date=DAY)
    assert tokenizer.decode(ids) == "Today: 01 MAR 2026"


def test_without_a_date_it_is_today() -> None:
    tokenizer = clock_tokenizer()
    before = datetime.now().date()
    text = tokenizer.decode(encode_prompt(tokenizer, "1 + 1?", "chat_template"))
    assert date.fromisoformat(text[:10]) in (before, datetime.now().date())
    assert text[10:].startswith(" 00:00:00 ")


def test_only_a_template_that_names_the_clock_asks_the_date() -> None:
    assert asks_the_date(clock_tokenizer())
    assert not asks_the_date(byte_level_tokenizer())


def test_a_chain_records_the_date_it_was_given_and_can_be_made_again() -> None:
    lm = clock_model()
    (chain,) = generate(lm, [PROBLEM], GREEDY, [0], prompt_date=DAY)
    assert chain.prompt_date == "2026-03-01"
    opened, _ = chain_from_json(json.loads(json.dumps(chain_to_json(chain))))
    assert opened.prompt_date == "2026-03-01"
    (again,) = generate(
        lm, [PROBLEM], GREEDY, [0], prompt_date=date.fromisoformat(opened.prompt_date)
    )
    (other,) = generate(lm, [PROBLEM], GREEDY, [0], prompt_date=NEXT)
    assert again.prompt_ids == chain.prompt_ids != other.prompt_ids
    (now,) = generate(lm, [PROBLEM], GREEDY, [0])
    assert now.prompt_date is not None
    assert now.prompt_date in text_of(lm, now.prompt_ids)


def test_chains_from_before_have_no_date() -> None:
    (chain,) = generate(clock_model(), [PROBLEM], GREEDY, [0])
    data = chain_to_json(chain)
    del data["prompt_date"]
    assert chain_from_json(data)[0].prompt_date is None


def test_the_settings_go_before_the_model_s_date() -> None:
    lm = replace(clock_model(), prompt_date=DAY)
    assert text_of(lm, problem_prompt(lm, PROBLEM, PromptSettings())).startswith("2026-03-01")
    settings = PromptSettings(prompt_date=NEXT)
    assert text_of(lm, problem_prompt(lm, PROBLEM, settings)).startswith("2026-03-02")
    assert preview_prompt(lm, "1 + 1?").text.startswith("2026-03-01")
    assert preview_prompt(lm, "1 + 1?", prompt_date=NEXT).text.startswith("2026-03-02")


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["fork-explorer", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The command that evaluates the model with a clock."""
    folder = save_tiny_model(tmp_path / "model")
    clock_tokenizer().save_pretrained(folder)
    problems = tmp_path / "mine.jsonl"
    problems.write_text(json.dumps({"id": "p", "question": "1 + 1?", "answer": "2"}))
    return ["evaluate", "--model", folder, "--problems", problems, "--max-new-tokens", 4,
            "--seed", 1, "-n", 1, "--prompt-style", "chat_template"]  # fmt: skip


def prompts_of(folder: Path) -> list[list[int]]:
    return [record["prompt_ids"] for unit in Run.open(folder).units().values() for record in unit]


def test_a_run_s_prompts_have_the_day_on_which_it_was_made(
    evaluate: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed on another day, too: here the run says that it was made in March."""
    folder = tmp_path / "run"
    assert run_command(monkeypatch, *evaluate, "--run", folder) == 0
    tokenizer = clock_tokenizer()
    today = datetime.now(UTC).date().isoformat()
    assert tokenizer.decode(prompts_of(folder)[0]).startswith(f"{today} 00:00:00")
    config = json.loads((folder / "config.json").read_text())
    config["created"] = "2026-03-01T12:00:00+00:00"
    for path in folder.iterdir():
        if path.name not in ("config.json", "problems.jsonl"):
            path.unlink()
    (folder / "config.json").write_text(json.dumps(config))
    assert run_command(monkeypatch, "evaluate", "--run", folder, "--resume") == 0
    assert tokenizer.decode(prompts_of(folder)[0]).startswith("2026-03-01 00:00:00")


def test_a_date_that_is_given_is_the_run_s(
    evaluate: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    assert run_command(monkeypatch, *evaluate, "--prompt-date", "2026-03-02", "--run", folder) == 0
    assert clock_tokenizer().decode(prompts_of(folder)[0]).startswith("2026-03-02 00:00:00")
