"""Tags and notes of runs: kept in config.json, shown as they are, found by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import RunError
from core.runs.config import MAX_NOTES, MAX_TAG, MAX_TAGS, RunConfig, RunPlan
from core.runs.run import Run

RUNNER = CliRunner()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "evaluate", RunPlan({}, {}, 0), name="first")


def output_of(run: Run, *arguments: str) -> str:
    result = RUNNER.invoke(app, ["runs", *arguments, "--runs-dir", str(run.folder.parent)])
    assert result.exception is None, result.output
    return result.output


def test_labels_are_changed_one_by_one_and_kept(run: Run) -> None:
    run.label(tags=["  base  line ", "b", "b"])
    run.label(notes="\n<b>why</b>  \nnot\n\n")
    found = Run.open(run.folder).config
    assert found.tags == ("base line", "b")
    assert found.notes == "<b>why</b>\nnot"
    assert found.name == "first"
    run.label(tags=[], notes="")
    assert (Run.open(run.folder).config.tags, run.config.notes) == ((), "")


@pytest.mark.parametrize("tag", ["", "  ", "x" * (MAX_TAG + 1), "a\x1b[2Jb", "\u202e"])
def test_a_tag_that_can_t_be_shown_is_refused(run: Run, tag: str) -> None:
    with pytest.raises(RunError):
        run.label(tags=[tag])
    assert Run.open(run.folder).config.tags == ()


def test_too_many_tags_and_too_long_notes_are_refused(run: Run) -> None:
    with pytest.raises(RunError):
        run.label(tags=[str(i) for i in range(MAX_TAGS + 1)])
    with pytest.raises(RunError):
        run.label(notes="x" * (MAX_NOTES + 1))
    with pytest.raises(RunError):
        run.label(notes="bell \a")


def test_what_a_foreign_config_holds_is_made_harmless() -> None:
    tags = ["a\x1b[31m", "", "b" * 1000, *map(str, range(100))]
    config = RunConfig(task="evaluate", seed=0, tags=tuple(tags), notes="x\x1b\ny" + "z" * 9999)
    assert config.tags[0] == "a\ufffd[31m"
    assert len(config.tags) == MAX_TAGS
    assert all(0 < len(tag) <= MAX_TAG for tag in config.tags)
    assert config.notes.startswith("x\ufffd\ny")
    assert len(config.notes) <= MAX_NOTES


def test_a_config_without_them_opens(run: Run) -> None:
    path = run.folder / "config.json"
    data = json.loads(path.read_text())
    del data["tags"], data["notes"]
    path.write_text(json.dumps(data))
    assert Run.open(run.folder).config.tags == ()


def test_a_repeated_run_keeps_the_tags_and_not_the_notes(run: Run, tmp_path: Path) -> None:
    run.label(tags=["base"], notes="only of the first")
    again = run.repeat(tmp_path / "runs")
    assert (again.config.tags, again.config.notes) == (("base",), "")


def test_the_command_line_tags_notes_and_finds(run: Run) -> None:
    other = Run.create(run.folder.parent, "evaluate", RunPlan({}, {}, 0))
    output_of(run, "tag", run.id, "base", "seed 0")
    output_of(run, "tag", run.id, "seed 0", "good")
    output_of(run, "note", run.id, "half the budget")
    assert Run.open(run.folder).config.tags == ("base", "seed 0", "good")
    both = output_of(run, "list", "--tag", "base", "--tag", "good")
    assert run.id in both
    assert other.id not in both
    assert "[base] [seed 0] [good]" in both
    assert "no runs with these tags" in output_of(run, "list", "--tag", "nothing")
    shown = output_of(run, "show", run.id)
    assert "tags      base, seed 0, good" in shown
    assert "note      half the budget" in shown
    output_of(run, "tag", run.id, "base", "--remove")
    assert Run.open(run.folder).config.tags == ("seed 0", "good")


def test_a_tag_that_isn_t_there_can_t_be_removed(run: Run) -> None:
    result = RUNNER.invoke(
        app, ["runs", "tag", run.id, "x", "--remove", "--runs-dir", str(run.folder.parent)]
    )
    assert isinstance(result.exception, RunError)
