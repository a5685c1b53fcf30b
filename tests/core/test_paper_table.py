"""Table 3 of the paper: whole, as printed, and beside a fine-tune of one's own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import FileError
from core.evaluation.benchmarks import BENCHMARKS, benchmark_of
from core.reasonmaxxer.paper_table import (
    PAPER_TABLE,
    paper_base,
    paper_rows,
    read_paper_rows,
)

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"


def test_it_has_eight_bases_and_thirty_rows() -> None:
    rows = paper_rows()
    assert len(rows) == 30
    assert len({row.base for row in rows}) == 8
    assert sum(row.method == "base" for row in rows) == 8
    assert all((row.usd is None) == (row.method == "base") for row in rows)


def test_its_six_columns_average_to_the_printed_average() -> None:
    for row in paper_rows():
        assert len(row.accuracy) == 6
        assert sum(row.accuracy.values()) / 6 == pytest.approx(row.average, abs=0.0016), row


def test_the_figures_that_the_paper_names_in_its_text() -> None:
    rows = {(row.base, row.method): row for row in paper_rows()}
    own = rows["Qwen2.5-1.5B", "ReasonMaxxer"]
    assert (own.accuracy["math500"], own.accuracy["gsm8k"], own.usd) == (0.502, 0.710, 4)
    rival = rows["Qwen2.5-7B", "Open-Reasoner-Zero (RL)"]
    assert (rival.accuracy["math500"], rival.accuracy["gsm8k"], rival.usd) == (0.732, 0.924, 6300)


def test_it_is_the_table_that_was_handed_to_us() -> None:
    given = Path(__file__).resolve().parents[3] / "shared" / "data" / "paper_table3.csv"
    if not given.is_file():
        pytest.skip("the folder shared/data is not beside this checkout")
    assert given.read_text() == PAPER_TABLE.read_text()


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("Qwen/Qwen2.5-1.5B", "Qwen2.5-1.5B"),
        ("/models/Qwen3-4B/", "Qwen3-4B"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "DS-R1-Distill-1.5B"),
        ("Qwen/Qwen2.5-1.5B-Instruct", None),
        ("demo", None),
    ],
)
def test_a_model_is_found_in_the_table_by_its_name(model: str, base: str | None) -> None:
    assert paper_base(model) == base


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("math500_test.jsonl", "math500"),
        ("HuggingFaceH4/MATH-500", "math500"),
        ("gsm8k-test.parquet", "gsm8k"),
        ("aime_2024.jsonl", "aime24"),
        ("AMC23", "amc23"),
        ("OlympiadBench.json", "olympiad"),
        ("minerva_math", "minerva"),
        ("aime25.jsonl", None),
        ("gsm8k_and_math500.jsonl", None),
        ("demo", None),
    ],
)
def test_a_benchmark_is_recognised_by_the_name_of_its_file(name: str, key: str | None) -> None:
    found = benchmark_of(name)
    assert (None if found is None else found.key) == key


def test_the_command_prints_every_row_or_those_of_a_base() -> None:
    whole = CliRunner().invoke(app, ["paper-table"])
    assert whole.exit_code == 0, whole.output
    assert whole.output.count("ReasonMaxxer") == 8
    assert "none was measured here" in whole.output
    head, first, *_ = whole.output.splitlines()
    titles = [each.title for each in BENCHMARKS.values()]
    assert [head.find(f" {each} ") > 0 for each in titles] == [True] * 6, "whole names"
    assert first.rindex("56.1") + 4 == head.index("GSM8K") + 5, "a figure ends below its name"
    part = CliRunner().invoke(app, ["paper-table", "--base", "Qwen3-4B", "--json"])
    rows = json.loads(part.output)["rows"]
    assert [row["method"] for row in rows] == ["base", "General-Reasoner", "ReasonMaxxer"]
    assert rows[1]["accuracy"]["math500"] == 0.746
    assert list(rows[0]["accuracy"]) == list(BENCHMARKS)


def test_a_fine_tune_stands_above_it_with_its_cost_at_the_given_rate() -> None:
    arguments = ["paper-table", str(STORED / "train"), "--usd-per-hour", "3600", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments).output)["own"]
    assert found["cost"]["usd"] == pytest.approx(found["cost"]["total_seconds"])
    results = json.loads((STORED / "train" / "results.json").read_text())
    assert found["after"]["value"] == results["comparison"]["after"]["value"]
    text = CliRunner().invoke(app, arguments[:-1]).output
    assert "yours, before" in text
    assert "3600 an hour" in text


def test_another_kind_of_run_or_base_is_refused(run) -> None:  # type: ignore[no-untyped-def]
    code, _, error = run("paper-table", STORED / "compare")
    assert (code, "not a finished fine-tune" in error) == (2, True)
    code, _, error = run("paper-table", "--base", "other")
    assert (code, "has no base other" in error) == (2, True)


@pytest.mark.parametrize("damage", ["", "base,method\nx,y\n", "average"])
def test_a_damaged_file_is_said(damage: str, tmp_path: Path) -> None:
    with PAPER_TABLE.open(encoding="utf-8") as file:
        (row, *_) = csv.DictReader(file)
    if damage == "average":
        damage = ",".join(row) + "\n" + ",".join([*list(row.values())[:-2], "7", ""]) + "\n"
    (tmp_path / "t.csv").write_text(damage)
    if not damage:
        (tmp_path / "t.csv").unlink()
    with pytest.raises(FileError, match="can't be read"):
        read_paper_rows(tmp_path / "t.csv")
