"""Runs side by side: evaluations of the same problems are paired, all others say why not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import RunError
from core.evaluation.comparison import compare
from core.evaluation.task import EVALUATE
from core.runs.run import Run
from core.side_by_side import (
    NO_PAIRS,
    NOT_FINISHED,
    OTHER_KIND,
    OTHER_PROBLEMS,
    best_of,
    headline_of,
    lead_sentences,
    settings_that_differ,
    side_by_side,
)
from core.statistics import WORSE, Estimate

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORED, tmp_path / "runs"))


def opened(runs: Path, *names: str) -> list[Run]:
    return [Run.open(runs / name) for name in names]


def test_two_evaluations_are_compared_problem_by_problem(runs: Path) -> None:
    first, against = opened(runs, "evaluate-first", "evaluate-against")
    own, other = side_by_side([first, against], first)
    assert (own.difference, own.reason) == (None, "")
    expected = compare(EVALUATE.records_of(first), EVALUATE.records_of(against), 0)
    assert other.difference == expected
    assert other.headline == headline_of(against)
    (back, _) = side_by_side([first, against], against)
    assert back.difference is not None
    assert back.difference.difference.value == -expected.difference.value


def test_the_best_is_the_evaluation_with_the_highest_pass_at_1(runs: Path) -> None:
    first, against, train = opened(runs, "evaluate-first", "evaluate-against", "train")
    assert best_of([train, first, against]) is against
    assert best_of([train]) is None
    (against.folder / "results.json").write_text("{")
    assert best_of([first, against]) is first


def test_the_highest_evaluation_is_named_with_what_it_leads_by(runs: Path) -> None:
    first, against, train = opened(runs, "evaluate-first", "evaluate-against", "train")
    twin = Run.open(Path(shutil.copytree(first.folder, runs / "twin")))
    names = {first.id: "A", against.id: "B", twin.id: "C", train.id: "D"}
    level = lead_sentences(side_by_side([first, twin, train], first), names)
    assert level == "A is the highest of 2 on these problems, but not clearly above C."
    assert lead_sentences(side_by_side([first, against], first), names) == "", "B is the highest"
    assert lead_sentences(side_by_side([first, train], first), names) == "", "nothing to compare"

    found = side_by_side([first, against, twin], against)
    for number, worse in ((0, -0.3), (2, -0.5)):
        difference = found[number].difference
        assert difference is not None
        figure = Estimate(worse, worse - 0.1, worse + 0.1, 3)
        difference = replace(difference, difference=figure, word=WORSE)
        found[number] = replace(found[number], difference=difference)
    assert lead_sentences(found, names) == (
        "B is the highest of 3 on these problems, clearly above each of the others; A comes next: "
        "−30.0 points (95 % interval −40.0 to −20.0)."
    )


def test_runs_of_one_kind_say_which_settings_they_differ_in(runs: Path) -> None:
    for name, temperature, seed in (("evaluate-first", 0.3, 1), ("evaluate-against", 1.25, 1)):
        config = json.loads((runs / name / "config.json").read_text())
        config["settings"] |= {"temperature": temperature, "stop": None, "prompt_style": "plain"}
        (runs / name / "config.json").write_text(json.dumps(config | {"seed": seed}))
    first, against, train = opened(runs, "evaluate-first", "evaluate-against", "train")
    assert settings_that_differ([first, against, train]) == {
        first.id: "Temperature 0.3",
        against.id: "Temperature 1.25",
        train.id: "",
    }
    own, other = side_by_side([first, against], first)
    assert (own.settings, other.settings) == ("Temperature 0.3", "Temperature 1.25")
    assert set(settings_that_differ([first, first]).values()) == {""}
    shown = CliRunner().invoke(
        app, ["runs", "compare", first.id, against.id, "--runs-dir", str(runs)]
    )
    assert "    Temperature 1.25\n" in shown.output


def test_what_is_not_paired_says_why(runs: Path) -> None:
    first, train, study = opened(runs, "evaluate-first", "train", "interventions")
    alone = Run.open(runs / "interventions-alone")
    reasons = [each.reason for each in side_by_side([first, train, study], first)]
    assert reasons == ["", OTHER_KIND, OTHER_KIND]
    assert side_by_side([study, alone], study)[1].reason == NO_PAIRS


def test_other_problems_and_unfinished_runs_are_not_paired(runs: Path) -> None:
    first, against = opened(runs, "evaluate-first", "evaluate-against")
    path = against.folder / "problems.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace('"question": "', '"question": "Now '))
    assert side_by_side([first, against], first)[1].reason == OTHER_PROBLEMS
    path.write_text(whole)
    log = against.log.path
    log.write_text(
        "".join(line for line in log.read_text().splitlines(True) if "ended" not in line)
    )
    assert side_by_side([first, against], first)[1].reason == NOT_FINISHED


def test_damaged_results_are_an_error_of_their_row_alone(runs: Path) -> None:
    first, against = opened(runs, "evaluate-first", "evaluate-against")
    (against.folder / "results.json").write_text("{")
    good, bad = side_by_side([first, against], first)
    assert good.headline is not None
    assert bad.problem is not None
    assert bad.difference is None


def test_one_run_or_a_reference_from_elsewhere_is_refused(runs: Path) -> None:
    first, against, train = opened(runs, "evaluate-first", "evaluate-against", "train")
    with pytest.raises(RunError):
        side_by_side([first], first)
    with pytest.raises(RunError):
        side_by_side([first, against], train)


def test_the_command_line_says_the_same(runs: Path) -> None:
    names = ["evaluate-first", "evaluate-against", "train"]
    command = ["runs", "compare", *names, "--runs-dir", str(runs)]
    result = CliRunner().invoke(app, command)
    assert result.exception is None, result.output
    assert "points (95 % interval" in result.output
    assert f"against evaluate-against: {OTHER_KIND}" in result.output
    result = CliRunner().invoke(app, [*command, "--from", "evaluate-first", "--json"])
    data = json.loads(result.output)
    assert data["from"] == "evaluate-first"
    assert [each["id"] for each in data["runs"]] == names
    assert data["runs"][1]["difference"]["n"] == 3
