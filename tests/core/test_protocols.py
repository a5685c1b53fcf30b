"""The paper's protocol: its settings for each benchmark, in the record, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import core.cli.run_command
from core.cli.protocol import _sources
from core.errors import ProblemError, RunError
from core.evaluation.benchmarks import BENCHMARKS
from core.evaluation.protocols import ProtocolName, protocol_values
from core.evaluation.settings import EvaluationSettings
from core.models.spec import DEMO_FOLDER
from core.problems.problem_sets import demo_problems, write_problems
from core.runs.context import DONE
from core.runs.runs_folder import RunsFolder
from core.runs.settings import changed, checked_settings

needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
PAPER = ProtocolName.REASONMAXXER


def settings(**changes: Any) -> EvaluationSettings:
    return changed(EvaluationSettings(), protocol_values(PAPER, "math500") | changes)


def test_its_settings_are_the_papers() -> None:
    found = settings()
    assert (found.temperature, found.top_p, found.max_new_tokens) == (0.6, 0.95, 8192)
    assert found.protocol is PAPER


@pytest.mark.parametrize(
    ("problem_set", "samples"),
    [
        ("gsm8k_test.jsonl", 1),
        ("MATH-500", 1),
        ("minerva_math.json", 1),
        ("OlympiadBench.parquet", 1),
        ("aime24.jsonl", 8),
        ("amc23.csv", 8),
        ("demo", 8),
    ],
)
def test_one_sample_on_four_benchmarks_and_the_mean_of_eight_elsewhere(
    problem_set: str, samples: int
) -> None:
    assert protocol_values(PAPER, problem_set)["samples"] == samples


def test_without_a_protocol_nothing_is_set() -> None:
    assert protocol_values(ProtocolName.NONE, "gsm8k") == {}
    assert EvaluationSettings().protocol is ProtocolName.NONE


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 1.0},
        {"top_p": 1.0},
        {"samples": 4},
        {"max_new_tokens": 9000},
        {"fork_temperature": 1.2},
    ],
)
def test_settings_that_are_not_the_protocols_are_refused_under_its_name(
    change: dict[str, Any],
) -> None:
    with pytest.raises(RunError, match=rf"has its own.* {next(iter(change))}"):
        settings(**change)
    changed(settings(protocol="none"), change)


def test_a_model_of_a_short_context_may_have_fewer_tokens() -> None:
    assert settings(max_new_tokens=256).max_new_tokens == 256


def test_runs_of_earlier_versions_have_no_protocol() -> None:
    old = EvaluationSettings().model_dump(mode="json")
    del old["protocol"], old["keep_entropy"]
    assert checked_settings(EvaluationSettings, old).protocol is ProtocolName.NONE


@needs_demo
def test_the_option_fills_the_settings_and_the_record_says_so(
    run: Any, tmp_path: Path, user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.cli.run_command, "carry_out", lambda *_, **__: DONE)
    monkeypatch.setattr(core.cli.run_command, "write_result", lambda *_: None)
    file = tmp_path / "math_500.jsonl"
    write_problems(file, demo_problems()[:2])
    given = ("evaluate", "--problems", file, "--protocol", "reasonmaxxer")
    run(*given)
    (made,) = RunsFolder(user_folder / "runs").list()
    own = made.config.settings
    assert own["protocol"] == "reasonmaxxer"
    assert (own["samples"], own["max_new_tokens"], own["temperature"]) == (1, 8192, 0.6)
    code, _, error = run(*given, "--temperature", "1")
    assert code == 2
    assert "the protocol reasonmaxxer has its own temperature" in error


def test_files_and_hub_ids_are_recognised_and_others_named() -> None:
    found = _sources(["a/gsm8k_test.jsonl", "HuggingFaceH4/aime_2024", "minerva=mine.csv"])
    assert found == {
        "gsm8k": "a/gsm8k_test.jsonl",
        "aime24": "HuggingFaceH4/aime_2024",
        "minerva": "mine.csv",
    }
    with pytest.raises(ProblemError, match="none of the paper's benchmarks"):
        _sources(["mine.csv"])
    with pytest.raises(ProblemError, match="GSM8K is given twice"):
        _sources(["gsm8k.csv", "gsm8k=other.csv"])


def test_what_is_missing_is_named_with_where_to_get_it(run: Any) -> None:
    code, out, _ = run("protocol", "--model", "Qwen/Qwen2.5-1.5B")
    assert code == 0
    assert out.count("missing") == 7, "six lines, and the sentence"
    for each in BENCHMARKS.values():
        assert each.title in out
        assert each.command in out
    assert "(paper: base 29.8, SimpleRL-Zoo (RL) 49.6" in out
    record = json.loads(run("protocol", "--json")[1])
    assert record["benchmarks"]["aime24"]["settings"]["samples"] == "8"
    assert record["benchmarks"]["gsm8k"]["results"] is None


@needs_demo
def test_one_command_evaluates_the_benchmarks_that_are_here(
    run: Any, tmp_path: Path, user_folder: Path
) -> None:
    file = tmp_path / "gsm8k.jsonl"
    write_problems(file, demo_problems()[:2])
    code, out, _ = run("protocol", file, "--max-new-tokens", "150")
    assert code == 0
    (made,) = RunsFolder(user_folder / "runs").list()
    assert made.config.settings["protocol"] == "reasonmaxxer"
    assert made.config.settings["samples"] == 1
    line = next(each for each in out.splitlines() if each.startswith("GSM8K"))
    assert "pass@1" in line
    assert "n = 2" in line
    code, out, _ = run("protocol", file, "--max-new-tokens", "150", "--json")
    assert code == 0
    assert json.loads(out)["benchmarks"]["gsm8k"]["results"]["n"] == 2, "JSON alone"
