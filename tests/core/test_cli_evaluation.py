"""`fork-explorer evaluate`: a readable summary, JSON, comparison, refusals in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder


@pytest.fixture
def model(tiny_model: str) -> str:
    return tiny_model


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def evaluate(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return evaluate


@pytest.fixture
def common(model: str, tmp_path: Path) -> tuple[object, ...]:
    """Options of a small evaluation: six problems of two families."""
    rows = [
        {"id": f"p{i}", "question": f"What is {i}?", "answer": str(i)}
        | ({"family": "odd\x1b"} if i % 2 else {})
        for i in range(6)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return ("--model", model, "--max-new-tokens", 6, "--runs-dir", tmp_path / "runs",
            "--problems", tmp_path / "mine.jsonl")  # fmt: skip


def test_every_figure_is_printed_with_its_interval_and_n(
    evaluate: Any, common: tuple[object, ...]
) -> None:
    code, out, err = evaluate(*common, "-n", 3)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "6 problems, 3 samples each; 95 % intervals over problems"
    figures = [line for line in lines[1:] if "n = " in line]
    labels = ["pass@1 (mean of 3 samples)", "pass@2", "pass@3", "maj@3", "boxed", "truncated",
              "no answer found", "mean length in tokens", "pass@1 of other",
              "pass@1 of odd\\x1b"]  # fmt: skip
    assert [line[:34].rstrip() for line in figures] == labels
    assert all("[" in line and line.endswith(("n = 6", "n = 3")) for line in figures)
    assert DEMO_NOTICE not in out


def test_a_greedy_evaluation_draws_one_sample_unless_told_otherwise(
    evaluate: Any, common: tuple[object, ...]
) -> None:
    code, out, _ = evaluate(*common, "--temperature", 0, "--json")
    assert code == 0
    assert json.loads(out)["samples"] == 1
    code, out, err = evaluate(*common, "--temperature", 0, "--samples", 2)
    assert (code, out) == (2, "")
    assert "all alike" in err


def test_against_takes_the_problems_of_the_earlier_run_and_says_what_changed(
    evaluate: Any, common: tuple[object, ...], model: str, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    assert evaluate(*common[:4], *common[6:], "--sample", 4, "--run", earlier)[0] == 0
    run = tmp_path / "run"
    code, out, err = evaluate("--model", model, "--max-new-tokens", 6, "--temperature", 1,
                              "--run", run, "--against", earlier)  # fmt: skip
    assert code == 0, err
    assert "Against the earlier evaluation: no measurable difference" in out
    assert "McNemar p = 1" in out
    assert Run.open(run).problems() == Run.open(earlier).problems()
    results = json.loads((run / "results.json").read_text())
    assert results["comparison"]["n"] == results["n"] == 4
    code, out, err = evaluate(*common, "--against", earlier)
    assert (code, out) == (2, "")
    assert "different problems" in err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--top-p", 0), "top_p"),
        (("--samples", 0), "samples"),
        (("--temperature", -1), "temperature"),
        (("--prompt-style", "poem"), "unknown prompt style"),
        (("--template", "x", "--prompt-style", "plain"), "{problem}"),
        (("--against", "./nowhere"), "holds no run"),
        (("--adapter", "./nowhere"), "no adapter"),
        (("--sample", 7), "7 problems"),
    ],
)
def test_bad_input_ends_with_one_line_and_leaves_no_run(
    evaluate: Any, common: tuple[object, ...], option: tuple[object, ...], said: str, tmp_path: Path
) -> None:
    code, out, err = evaluate(*common, *option)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert RunsFolder(tmp_path / "runs").list() == []


@pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)
def test_the_demo_says_that_it_is_a_teaching_model(evaluate: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code, out, _ = evaluate("--sample", 2, "-n", 2, "--run", run)
    assert code == 0
    assert out.splitlines()[-1] == DEMO_NOTICE
    assert DEMO_NOTICE in evaluate("--run", run, "--resume")[1], "it is the run's model that counts"
    code, out, _ = evaluate("--run", run, "--resume", "--json")
    assert json.loads(out)["n"] == 2
