"""`fork-explorer export`: every source in every form, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from export_cases import CORRECT, WORDS, chain_of, session_of

from core.chain_json import chain_to_json
from core.chains.session import Session, SessionFolder
from core.errors import PositionError
from core.evaluation.task import EVALUATE
from core.export.document import Handout
from core.export.of_chains import chain_handout
from core.export.of_run_chains import run_chain_handout
from core.export.of_runs import run_handout
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER_FOLDER, ModelSpec, teacher_spec
from core.runs.run import Run
from core.system.environment import sessions_folder
from core.system.json_text import json_text

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
needs_demo = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


def session_with_tau() -> Session:
    session = session_of()
    session.form["tau"] = 0.7
    return session


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "session.json"
    path.write_text(session_with_tau().dumps())
    return path


@pytest.mark.parametrize("form", ["html", "svg", "md", "tex"])
def test_a_session_in_every_form(run: Any, session: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    assert run("export", session, "--as", form, "-o", out)[0] == 0
    assert "72" in out.read_text()
    named = tmp_path / f"named.{form}"
    assert run("export", session, "--out", named)[0] == 0  # the end of the name says the form
    assert named.read_bytes() == out.read_bytes()


def test_a_branch_by_its_number_and_the_session_s_threshold(
    run: Any, session: Path, tmp_path: Path
) -> None:
    out = tmp_path / "b.html"
    assert run("export", session, "--chain", "2", "-o", out)[0] == 0
    assert "<dt>fork</dt><dd>entropy above 0.7 nats</dd>" in out.read_text()
    assert run("export", session, "--chain", "b2", "--tau", "1.2", "-o", out)[0] == 0
    assert "entropy above 1.2 nats" in out.read_text()
    code, _, said = run("export", session, "--chain", "9", "-o", out)
    assert (code, "no branch 'b9'" in said) == (2, True)


def test_a_chain_file_and_a_session_by_its_id(run: Any, tmp_path: Path) -> None:
    chain = tmp_path / "chain.json"
    chain.write_text(json_text(chain_to_json(chain_of(WORDS), CORRECT)))
    out = tmp_path / "chain.html"
    assert run("export", chain, "-o", out)[0] == 0
    SessionFolder(sessions_folder()).save("abcdef123456", session_with_tau())
    assert run("export", "abcdef123456", "-o", out)[0] == 0
    assert "abcdef123456" not in out.read_text()  # the id alone grants access to the session
    for arguments, says in (
        ((chain, "--chain", "2"), "is a single chain"),
        ((tmp_path / "abcdef123456",), "does not exist"),
    ):
        code, _, said = run("export", *arguments, "-o", out)
        assert (code, says in said) == (2, True)


def test_permission_for_remote_code_is_for_the_base_alone(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A teacher's specification never has it, whatever the command allows."""
    asked = [ModelSpec("base", trust_remote_code=True), teacher_spec(ModelSpec("base"), "other")]

    def handout(folder: Any, problem: int, chain: int, load: Any, tau: float) -> Handout:
        loaded.extend(load(spec).trust_remote_code for spec in asked)
        return chain_handout(chain_of(WORDS), CORRECT)

    loaded: list[bool] = []
    monkeypatch.setattr("core.cli.models.load", lambda spec: spec)
    monkeypatch.setattr("core.export.of_run_chains.run_chain_handout", handout)
    command = ("export", STORED / "compare", "--chain", "1", "-o", tmp_path / "x.html")
    assert run(*command, "--trust-remote-code")[0] == 0
    assert run(*command)[0] == 0
    assert loaded == [True, False, False, False]


@pytest.mark.parametrize("form", ["html", "svg", "md", "tex"])
@pytest.mark.parametrize(
    "kind", ["compare", "evaluate-against", "interventions", "rollouts", "train"]
)
def test_a_run_of_every_kind(run: Any, tmp_path: Path, kind: str, form: str) -> None:
    out = tmp_path / f"run.{form}"
    assert run("export", STORED / kind, "-o", out)[0] == 0
    assert out.stat().st_size > 400


@needs_demo
def test_a_run_says_its_result_its_figures_and_its_warnings() -> None:
    handout = run_handout(Run.open(STORED / "evaluate-first"))
    assert handout.headline is not None
    assert handout.headline.sentence.startswith("50.0 % correct on average (3 problems")
    assert [(f.name, f.value, f.interval, f.estimate.n) for f in handout.figures[:2]] == [
        ("pass@1 (mean of 2 samples)", "50.0 %", "21.9–78.1 %", 3),
        ("pass@2", "100 %", "43.9–100.0 %", 3),
    ]
    assert "Only 3 problems: the interval is wide." in handout.notices
    assert [each.head for each in handout.problems] == ["✓ 1 of 2 correct"] * 3
    assert handout.left_out == ""
    texts = [chain.text for each in handout.problems for chain in each.chains]
    assert len(texts) == 6
    assert all("\\boxed" in text for text in texts)


@needs_demo
def test_what_is_larger_than_the_limit_is_left_out_and_said() -> None:
    handout = run_handout(Run.open(STORED / "evaluate-first"), most_bytes=1_600)
    kept = sum(bool(each.chains) for each in handout.problems)
    assert 0 < kept < 3
    assert handout.left_out.startswith(f"The chains of {kept} of 3 problems are in this file")


@needs_demo
def test_a_chain_of_a_run_is_scored_again(run: Any, tmp_path: Path) -> None:
    for kind, chain, says in (
        ("evaluate-first", "2.2", "<dt>sampler</dt><dd>temperature 0.6"),
        ("compare", "2", "demo-teacher would change"),
        ("interventions", "1.3", "<dt>arm</dt><dd>oracle</dd>"),
    ):
        out = tmp_path / f"{kind}.html"
        assert run("export", STORED / kind, "--chain", chain, "-o", out)[0] == 0
        assert says in out.read_text()
    code, _, said = run("export", STORED / "compare", "--chain", "9", "-o", tmp_path / "x.html")
    assert (code, "There is no problem 9: there are 3." in said) == (2, True)


def test_a_problem_has_its_number_in_the_run_whichever_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers may have done the last one alone."""
    run, asked = Run.open(STORED / "evaluate-first"), []
    last = EVALUATE.records_of(run)[-1:]
    monkeypatch.setattr(type(EVALUATE), "records_of", lambda kind, run: last)

    def scored(lm: Any, problem: Any, *rest: Any) -> Any:
        asked.append(problem)
        return chain_of(WORDS)

    monkeypatch.setattr("core.export.of_run_chains.scored_sample", scored)
    run_chain_handout(run, 3, 1, lambda spec: None)  # type: ignore[arg-type, return-value]
    assert asked == run.problems()[2:]
    with pytest.raises(PositionError, match=r"Problem 1 of the run .* isn't done"):
        run_chain_handout(run, 1, 1, lambda spec: None)  # type: ignore[arg-type, return-value]


def test_what_can_t_be_exported_is_refused_in_words(
    run: Any, session: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.html"
    new = tmp_path / "new"
    shutil.copytree(STORED / "evaluate-first", new)
    (new / "results.json").unlink()
    damaged = tmp_path / "damaged.json"
    damaged.write_text(json.dumps({"schema_version": 1, "kind": "session", "trees": 5}))
    for arguments, says in (
        ((session,), "is missing"),
        ((tmp_path / "no" / "file", "-o", out), "does not exist"),
        (("no-such-run", "-o", out), "has no run no-such-run"),
        ((session, "--as", "pdf", "-o", out), "There is no form 'pdf'"),
        ((session, "--chain", "two", "-o", out), "is not the number of a chain"),
        ((STORED / "train", "--chain", "1", "-o", out), "keeps no chains"),
        ((new, "-o", out), "has no results yet"),
        ((damaged, "-o", out), "is not a session file"),
        ((session, "-o", tmp_path / "no" / "x.html"), "can't be written"),
        (("--gallery", tmp_path / "none"), "can't be read"),
        ((session, "--gallery", tmp_path), "Give --gallery alone"),
    ):
        code, printed, said = run("export", *arguments)
        assert (code, printed) == (2, "")
        assert says in said
        assert not out.exists()


def test_a_gallery_from_the_command_line(run: Any, session: Path, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    assert run("export", session, "-o", folder / "one.html")[0] == 0
    assert run("export", "--gallery", folder, "--title", "My class")[0] == 0
    assert 'href="one.html"' in (folder / "index.html").read_text()
