"""Claims to hand out: the table and one claim, as a page, a picture and tables."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest
from claim_runs import make_all, scope_in
from made_once import MadeOnce

from core.claims.measuring import missing_runs
from core.claims.registry import CLAIMS
from core.claims.rules import Verdict
from core.claims.table import ClaimRow, claims_table
from core.cli.claims_measuring import report_of
from core.errors import RunError
from core.export.document import Handout
from core.export.files import Form, exported
from core.export.of_claims import claim_handout, claims_handout
from core.export.scrubbing import Scrubber
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, DEMO_TEACHER_FOLDER

pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


@pytest.fixture(scope="module")
def folder(made_once: MadeOnce) -> Path:
    return made_once("runs of claims", make_all)


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[ClaimRow]:
    return claims_table(scope_in(folder))


@pytest.fixture(scope="module")
def table(folder: Path, rows: list[ClaimRow]) -> Handout:
    return claims_handout(report(folder, rows), rows)


def report(folder: Path, rows: list[ClaimRow], ids: list[str] | None = None) -> Any:
    scope = scope_in(folder)
    return report_of(scope, rows, missing_runs(scope, rows), ids)


def text(found: Any, form: Form) -> str:
    return exported(found, form, scrubber=Scrubber()).decode()


def test_the_page_has_every_claim_with_figure_control_and_verdict(
    folder: Path, table: Handout
) -> None:
    page = text(table, Form.HTML)
    for claim in CLAIMS.values():
        assert escape(claim.sentence) in page
        assert escape(claim.stated) in page
    assert "10 times [10, 10], n = 12 chains (holds if" in page
    assert "entropy at unchanged tokens: 0.20 nats" in page
    assert "✗ does not hold" in page
    assert DEMO_NOTICE in page
    assert "default-src 'none'" in page
    assert 'content="Claims"' in page, "for a gallery"
    assert str(folder) not in page


def test_one_claim_has_its_runs_with_command_and_time(folder: Path, rows: list[ClaimRow]) -> None:
    row = next(each for each in rows if each.claim.id == "rm-entropy")
    found = claim_handout(report(folder, [row], ["rm-entropy"]), row)
    assert found.title == row.claim.sentence
    assert found.headline is not None
    assert found.headline.sentence.startswith("Measured here: 10 times [10, 10], n = 12 chains")
    first, *_, last = found.figures
    assert (first.value, first.interval, first.papers) == ("10", "10–10", row.claim.numbers)
    assert last.name.startswith("control: entropy at unchanged tokens")
    (run,) = row.runs.values()
    for form in (Form.HTML, Form.MD, Form.TEX):
        whole = text(found, form).replace("\\", "")
        assert run.id in whole
        assert "fork-explorer compare" in whole
        assert "0.20 nats" in whole
    with pytest.raises(RunError, match="isn't of the claim rm-entropy alone"):
        claim_handout(report(folder, rows), row)


def test_the_picture_marks_the_papers_figures(folder: Path, rows: list[ClaimRow]) -> None:
    shares = [
        each
        for each in rows
        if each.finding is not None and each.finding.checks[0].figure.unit == "share"
    ]
    picture = text(claims_handout(report(folder, shares), shares), Form.SVG)
    strokes = picture.count('stroke-width="0.9"')
    assert strokes == sum(len(each.claim.numbers) for each in shares) > 0
    assert picture.count("<circle") == len(shares)
    assert "Upright strokes: the papers" in picture


def test_tables_break_their_lines_in_latex(table: Handout) -> None:
    tex = text(table, Form.TEX)
    assert r"\begin{tabular}{p{0.22\linewidth}p{0.2\linewidth}" in tex
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") > 3


def test_what_was_not_measured_is_said(rows: list[ClaimRow], tmp_path: Path) -> None:
    nothing = claims_table(scope_in(tmp_path), ["rm-entropy"])
    found = claim_handout(report(tmp_path, nothing, ["rm-entropy"]), nothing[0])
    assert found.line == "○ not measured"
    assert found.headline is not None
    assert found.headline.sentence.startswith("Not measured here. The paper: ")
    assert found.figures == ()


def test_hostile_text_is_inert(folder: Path, rows: list[ClaimRow]) -> None:
    evil = "<script>alert(1)</script>"
    claim = replace(rows[0].claim, sentence=evil, stated=evil)
    row = replace(rows[0], claim=claim, note=evil)
    found = claim_handout(report(folder, [row], [claim.id]), row)
    assert evil not in text(found, Form.HTML)
    assert evil not in text(found, Form.MD)


def test_the_command_exports_the_table_or_a_claim(run: Any, folder: Path, tmp_path: Path) -> None:
    common = ("--claims", "demo", "--runs-dir", folder)
    problems = tmp_path / "demo.jsonl"
    scope = scope_in(folder)
    problems.write_text(
        "".join(json.dumps({"id": p.id, "question": p.question, "answer": p.answer}) + "\n"
                for p in scope.problems)
    )  # fmt: skip
    code, _, said = run("export", *common, "--problems", problems, "-o", tmp_path / "all.html")
    assert (code, "claims," in said) == (0, True), said
    page = (tmp_path / "all.html").read_text()
    assert "Claims of three papers" in page
    assert str(tmp_path) not in page
    out = tmp_path / "one.md"
    code, _, said = run(
        "export", *common, "--problems", problems, "--rows", "rm-entropy", "-o", out
    )
    assert (code, "claim," in said) == (0, True), said
    assert re.search("10 times", out.read_text())


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--rows", "rm-entropy"), "are of claims"),
        (("--claims", "demo", "--chain", "1"), "are not of a session"),
        (("--claims", "demo", "--rows", "nonsense"), "nonsense"),
        (("--claims", "demo", "--gallery", "x"), "Give --gallery alone"),
    ],
)
def test_what_does_not_go_together_is_refused(
    run: Any, tmp_path: Path, options: tuple[str, ...], what: str
) -> None:
    code, _, said = run("export", *options, "-o", tmp_path / "x.html")
    assert (code != 0, what in said) == (True, True), said


def test_verdicts_are_counted_in_the_line(rows: list[ClaimRow], table: Handout) -> None:
    count = sum(each.verdict is Verdict.HOLDS for each in rows)
    assert f"holds: {count}" in table.line
