"""`fork-explorer notes`: written into a session's file or a run, listed, searched, exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from export_cases import CORRECT, WORDS, chain_of, session_of

from core.chain_json import chain_to_json
from core.chains.session import Session, SessionFolder
from core.export.of_runs import run_handout
from core.export.tables import markdown
from core.runs.run import Run
from core.system.environment import runs_folder, sessions_folder
from core.system.json_text import json_text

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "session.json"
    path.write_text(session_of().dumps())
    return path


@pytest.fixture
def a_run() -> Run:
    folder = runs_folder() / "evaluate-first"
    shutil.copytree(STORED / "evaluate-first", folder)
    return Run.open(folder)


def test_a_note_is_written_listed_searched_and_removed(run: Any, session: Path) -> None:
    code, out, _ = run("notes", session, "--write", "Here it counts.", "--position", 3)
    assert (code, out) == (0, "saw-1 · b1 · #3 ␣there\n    Here it counts.\n")
    run("notes", session, "--write", "The correct one\nof three", "--branch", "b2")
    code, out, _ = run("notes", session)
    assert out == (
        "saw-1 · b1 · #3 ␣there\n    Here it counts.\n"
        "saw-1 · b2 · the chain\n    The correct one\n    of three\n"
    )
    assert run("notes", session, "--find", "COUNTS here")[1].count("\n") == 2
    found = json.loads(run("notes", session, "--find", "three", "--json")[1])
    assert found == [
        {
            "of": "saw-1",
            "on": "b2 · the chain",
            "branch": "b2",
            "position": None,
            "note": "The correct one\nof three",
        }
    ]
    code, out, said = run("notes", session, "--find", "elsewhere")
    assert (code, out) == (0, "")
    assert "No note has these words." in said
    run("notes", session, "--write", "", "--branch", "b2")
    assert len(json.loads(run("notes", session, "--json")[1])) == 1


def test_a_session_is_written_to_another_file_or_where_it_is_stored(
    run: Any, session: Path, tmp_path: Path
) -> None:
    before, other = session.read_bytes(), tmp_path / "other.json"
    assert run("notes", session, "--write", "x", "--out", other)[0] == 0
    assert session.read_bytes() == before
    assert len(json.loads(run("notes", other, "--json")[1])) == 1
    folder = SessionFolder(sessions_folder())
    folder.save("abcdef123456", session_of())
    assert run("notes", "abcdef123456", "--write", "stored", "--branch", "b3")[0] == 0
    stored = folder.load("abcdef123456")
    assert stored is not None
    assert stored.tree is not None
    assert stored.tree.note("b3") == "stored"


def test_notes_of_runs_are_those_of_the_runs_page(run: Any, a_run: Run) -> None:
    assert run("notes", a_run.id, "--write", "Too few problems")[0] == 0
    assert Run.open(a_run.folder).config.notes == "Too few problems"
    run("runs", "note", a_run.id, "Too many problems")
    for source in ([a_run.folder], [a_run.id], []):
        out = json.loads(run("notes", *source, "--json")[1])
        assert [(each["of"], each["note"]) for each in out] == [(a_run.id, "Too many problems")]
        assert run("notes", *source, "--find", "few")[1] == ""
    text = markdown(run_handout(Run.open(a_run.folder)))
    assert "## Notes\n\nToo many problems  \n" in text


def test_what_can_t_be_done_is_refused_in_words(
    run: Any, session: Path, a_run: Run, tmp_path: Path
) -> None:
    chain = tmp_path / "chain.json"
    chain.write_text(json_text(chain_to_json(chain_of(WORDS), CORRECT)))
    empty = tmp_path / "empty.json"
    empty.write_text(Session().dumps())
    before = session.read_bytes()
    for arguments, says in (
        ((chain,), "single chain"),
        ((chain, "--write", "x"), "single chain"),
        ((empty, "--write", "x"), "no chains"),
        ((tmp_path / "no.json",), "does not exist"),
        (("--write", "x"), "Where to write"),
        ((session, "--branch", "b1"), "The note to write is missing"),
        ((session, "--write", "x", "--branch", "b9"), "no branch 'b9'"),
        ((session, "--write", "x", "--position", "10"), "no position 10"),
        ((session, "--write", "x" * 2_001), "2,001 characters"),
        ((session, "--write", "\x1b[31m"), "U+001B"),
        ((a_run.id, "--write", "x", "--position", "1"), "on the whole run"),
        ((a_run.id, "--write", "x" * 4_001), "too long"),
        ((session, "--write", "x", "--out", tmp_path / "no" / "x.json"), "can't be written"),
    ):
        code, out, said = run("notes", *arguments)
        assert (code, out) == (2, ""), arguments
        assert says in said
    assert session.read_bytes() == before
