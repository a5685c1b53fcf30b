"""Whatever a run or its folder is called: it is refused at the start, or every list can read it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.cli import main
from core.errors import RunError
from core.runs.config import RunPlan
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder

NAMES = [
    "mine", "my run", " mine", "mine ", "mine\n", ".hidden", "-x", "--help", "~", "~root", "..",
    ".", "", "a/../b", "größer", "gro\u0308ßer", "走", "a\u202eb", "x" * 120, "x" * 121, "x" * 300,
    "a:b", "a*", "CON", "a.", "_a", "a\\b", "$HOME", "%2e", "run.lock", "config.json",
]  # fmt: skip


def create(runs: Path, **how: Any) -> Run:
    return Run.create(runs, "toy", RunPlan({}, {}, 0), **how)


def examples(test: Any) -> Any:
    for name in NAMES:
        test = example(name)(test)
    return test


@examples
@given(st.text(st.characters(exclude_characters="/")))
def test_a_folder_is_refused_before_it_is_made_or_it_is_listed(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        runs.mkdir()
        try:
            made = create(runs, folder=runs / name)
        except RunError:
            assert list(runs.iterdir()) == []
            return
        folder = RunsFolder(made.folder.parent)
        assert folder.broken() == []
        assert [run.id for run in folder.list()] == [made.id]
        assert folder.get(made.id).config == made.config


@examples
@given(st.text())
def test_a_name_is_refused_or_it_is_read_back_as_one_printable_line(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        try:
            made = create(Path(place), name=name)
        except RunError:
            assert list(Path(place).iterdir()) == []
            return
        (run,) = RunsFolder(Path(place)).list()
        assert run.config.name == made.config.name == " ".join(name.split())
        assert run.config.name.isprintable()
        run.config.name.encode("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_commands_list_and_show_what_they_let_pass(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    refused = len(name) > 200 or not " ".join(name.split()).isprintable()
    made = create(tmp_path, name="" if refused else name, folder=tmp_path / "runs" / "one")
    runs = f"--runs-dir={tmp_path / 'runs'}"
    assert made.id in run("runs", "list", runs)[1]
    code, out = run("runs", "show", made.id, runs)
    assert (code, made.config.name in out) == (0, True)
    listed = json.loads(run("runs", "list", "--json", runs)[1])
    assert [each["config"]["name"] for each in listed["runs"]] == [made.config.name]
    assert run("runs", "rename", made.id, runs, "--", name)[0] == (2 if refused else 0)


def test_a_link_is_no_folder_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="link"):
        create(tmp_path, folder=tmp_path / "runs" / "link")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_of_before_that_can_t_be_listed_says_what_to_do(tmp_path: Path) -> None:
    create(tmp_path, folder=tmp_path / "one").folder.rename(tmp_path / "my run")
    ((path, error),) = RunsFolder(tmp_path).broken()
    assert path.name == "my run"
    assert "renamed" in str(error)
    assert Run.open(path).status().state == "new"
