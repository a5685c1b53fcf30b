"""Pictures at the width of a column, tables in Markdown and LaTeX, galleries: exact and inert."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from export_cases import CORRECT, HOSTILE, WORDS, chain_of, pair_of, tree_of
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FileError, ResourceError
from core.export.document import Handout, Table
from core.export.figures import Figure, figures_of
from core.export.files import Form, can_draw_png, exported
from core.export.gallery import exhibits_of, write_gallery
from core.export.of_chains import chain_handout, comparison_handout, tree_handout
from core.export.of_runs import run_handout
from core.export.pictures import COLUMN, PAGE, svg_picture
from core.export.scrubbing import Scrubber
from core.export.tables import latex, markdown
from core.export.type_setting import clipped, set_tokens, text_width
from core.interventions.results import (
    ArmSummary,
    Comparison,
    Curve,
    CurvePoint,
    InterventionResults,
)
from core.interventions.task import INTERVENTIONS
from core.lora.cost import Cost
from core.runs.run import Run
from core.statistics import Estimate, share
from core.studies.results import StudyResults

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
SVG = "{http://www.w3.org/2000/svg}"


def texts_of(svg: str) -> list[str]:
    return [each.text or "" for each in Xml.fromstring(svg).iter(f"{SVG}text")]


def test_helvetica_is_as_wide_as_adobe_says() -> None:
    assert text_width("To start", 10) == pytest.approx(
        6.11 + 5.56 + 2.78 + 5 + 2.78 + 5.56 + 3.33 + 2.78
    )
    assert text_width("中", 10) == 10
    assert text_width("e\u0301", 10) == pytest.approx(5.56)


def test_a_line_breaks_before_the_word_that_leaves_the_column() -> None:
    """At size 10: "aa" and "bb" are 11.12 wide each, a space 2.78."""
    placed, lines = set_tokens(["aa", " bb", "\n", "aa"], 10, 24)
    assert [(p.token, p.text, p.line) for p in placed] == [(0, "aa", 0), (1, "bb", 1), (3, "aa", 2)]
    assert lines == 3
    assert set_tokens(["aa", " bb"], 10, 26)[1] == 1


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), max_size=30), st.floats(20, 500))
def test_no_token_leaves_the_column(tokens: list[str], width: float) -> None:
    placed, lines = set_tokens(tokens, 8, width)
    assert all(p.x >= 0 and p.x + p.width <= width + 1e-6 for p in placed)
    assert [p.line for p in placed] == sorted(p.line for p in placed)
    assert all(p.line < lines for p in placed)


def test_text_is_clipped_to_fit() -> None:
    assert clipped("abc", 10, 100) == "abc"
    cut = clipped("abcdefghij", 10, 30)
    assert cut.endswith("…")
    assert text_width(cut, 10) <= 30


@pytest.mark.parametrize("inches", [COLUMN, PAGE])
def test_a_picture_is_as_wide_as_the_column(inches: float) -> None:
    for handout in (
        chain_handout(chain_of(HOSTILE), CORRECT),
        tree_handout(tree_of()),
        comparison_handout(pair_of(), CORRECT, "teacher"),
        run_handout(Run.open(STORED / "interventions")),
    ):
        svg = Xml.fromstring(svg_picture(handout, inches))
        assert svg.attrib["width"] == f"{inches}in"
        left, top, width, height = map(float, svg.attrib["viewBox"].split())
        assert (left, top, width) == (0, 0, 72 * inches)
        for text in svg.iter(f"{SVG}text"):
            assert 0 <= float(text.attrib["x"]) <= width
            assert float(text.attrib["x"]) + float(text.attrib["textLength"]) <= width + 1
            assert 0 < float(text.attrib["y"]) < height


def test_a_picture_has_every_token_its_colours_and_its_marks() -> None:
    """Entropies 0, .5, 1, 1.5 nats in turn, so that two of ten tokens are forks above 1.4."""
    svg = svg_picture(chain_handout(chain_of(WORDS, model="demo"), CORRECT))
    shown = texts_of(svg)
    assert [word.strip() for word in WORDS] == shown[shown.index("To") : shown.index("cut") + 1]
    assert "2 forks above 1.40 nats" in shown
    assert any("demo, a teaching model" in each for each in shown)
    heats = [e.attrib["fill-opacity"] for e in Xml.fromstring(svg).iter(f"{SVG}rect")
             if e.attrib.get("rx") == "1.5"]  # fmt: skip
    assert heats == ["0.167", "0.333", "0.500", "0.167", "0.333", "0.500", "0.167"]


def test_hostile_tokens_are_text_in_a_picture() -> None:
    svg = Xml.fromstring(svg_picture(chain_handout(chain_of(HOSTILE), CORRECT)))
    assert {each.tag.removeprefix(SVG) for each in svg.iter()} <= {
        *("svg", "title", "desc", "rect", "g", "text", "line", "circle"),
    }
    assert "<script>alert(1)</script>" in [each.text for each in svg.iter(f"{SVG}text")]


def test_a_tree_s_picture_has_a_row_a_branch() -> None:
    shown = texts_of(svg_picture(tree_handout(tree_of()), COLUMN))
    assert [each for each in shown if each.startswith("64") or each.startswith("72")] == [
        "72", "64 · <b>mine</b>", "72",
    ]  # fmt: skip


@pytest.mark.skipif(not can_draw_png(), reason="resvg-py is not installed (extra `pictures`)")
def test_a_png_has_300_dots_an_inch() -> None:
    data = exported(chain_handout(chain_of(HOSTILE), CORRECT), Form.PNG, inches=COLUMN)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") == 975


def test_without_its_package_a_png_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    with pytest.raises(ResourceError, match="pip install resvg-py"):
        exported(chain_handout(chain_of(WORDS)), Form.PNG)


def table_of(*cells: str) -> Handout:
    rows = (tuple(cells),)
    table = Table("A & B", tuple(f"c{i}" for i in range(len(cells))), rows)
    return Handout("Chain", "1. # Title", "line", "demo", (("model", "a_b"),), tables=(table,))


def test_markdown_is_escaped() -> None:
    text = markdown(table_of("a|b", "<b>*x*</b>", "two\nlines"))
    assert "# 1\\. \\# Title" in text
    assert "## A \\& B" in text
    assert "| a\\|b | \\<b\\>\\*x\\*\\</b\\> | two lines |" in text
    assert "| model | a\\_b |" in text


def test_latex_is_escaped() -> None:
    text = latex(table_of("50 % of $x_1$ & more", "␣Cuts → ✓", "\\input{a}"))
    assert "\\caption{A \\& B}" in text
    assert "50 \\% of \\$x\\_1\\$ \\& more" in text
    assert "\\textvisiblespace{}Cuts $\\to$ \\checkmark{}" in text
    assert "\\textbackslash input\\{a\\}" in text
    assert "\\input{" not in text
    assert "\\toprule" in text


def test_figures_have_value_interval_and_n() -> None:
    half = share(3, 6)
    assert (Figure("x", half).value, Figure("x", half).interval) == ("50.0 %", "18.8–81.2 %")
    gain = Figure("x", Estimate(0.042, -0.031, 0.11, 9), "difference")
    assert (gain.value, gain.interval) == ("+4.2 points", "−3.1 to +11.0")
    length = Figure("x", Estimate(46.83, 45.5, 47.5, 3), "amount")
    assert (length.value, length.interval) == ("46.8", "45.5–47.5")
    assert Figure("x", Estimate(float("nan"), 0, 1, 0)).value == "unknown"
    assert figures_of(object()) == ()


def test_the_points_of_an_intervention_runs_curves_are_figures_too() -> None:
    def arm(key: str, right: int, control: Comparison | None = None) -> ArmSummary:
        return ArmSummary(key, key, 4, {}, 0, share(right, 4), None, control, None, None)

    better = Comparison("control", share(2, 4), 0.5, "better", (), ())
    point = CurvePoint(1.2, arm("point", 3, better), arm("control", 1))
    results = InterventionResults(4, (arm("base", 2),), (Curve("taus", (point,)),))
    assert [(each.name, each.value) for each in figures_of(results)] == [
        ("base: correct", "50.0 %"),
        ("point: correct", "75.0 %"),
        ("point: less its control, control", "+50.0 points"),
        ("control: correct", "25.0 %"),
    ]


def test_a_study_of_distillations_has_its_teacher_s_figure() -> None:
    cost = Cost({}, 0, 0, 0, 1.0)
    results = StudyResults(2, 1, share(2, 8), None, (), None, cost, teacher_test=share(6, 8))
    assert [(each.name, each.value, each.estimate.n) for each in figures_of(results)] == [
        ("pass@1 of the base on the test problems", "25.0 %", 8),
        ("pass@1 of the teacher on the test problems", "75.0 %", 8),
    ]


def test_an_unfinished_run_that_counts_no_problems_does_not_say_none(tmp_path: Path) -> None:
    """Its first figure says on how many problems it was measured."""
    run = Run.open(shutil.copytree(STORED / "train", tmp_path / "train"))
    (run.folder / "progress.jsonl").unlink()
    said = run_handout(run).notices
    assert "Not finished: these are the results so far." in said
    assert "Only 3 problems: the interval is wide." in said


def test_a_sweep_is_not_shown_as_correct_like_a_single_chain() -> None:
    """It has many tries at each problem, and is right where one of them is."""
    results = INTERVENTIONS.results_of(Run.open(STORED / "interventions"))
    assert results is not None
    sweeps = {each.label for each in results.arms if each.sweep is not None}
    assert sweeps
    names = {each.name for each in figures_of(results)}
    for each in results.arms:
        assert (f"{each.label}: correct" in names) == (each.label not in sweeps)
        assert (f"{each.label}: any replacement correct" in names) == (each.label in sweeps)


def exhibit(folder: Path, name: str, title: str, **changes: object) -> None:
    handout = chain_handout(chain_of(WORDS, **changes), CORRECT)
    page = exported(Handout(**{**vars(handout), "title": title}), Form.HTML, scrubber=Scrubber())
    (folder / name).write_bytes(page)


def test_a_gallery_links_what_was_exported_and_nothing_else(tmp_path: Path) -> None:
    exhibit(tmp_path, "b #1.html", "<b>Second</b>", model="demo")
    exhibit(tmp_path, "a.html", "first")
    (tmp_path / "other.html").write_text("<title>not ours</title>")
    (tmp_path / "note.txt").write_text("x")
    found = write_gallery(tmp_path, "Class & Co")
    assert [(each.file, each.title, each.model) for each in found] == [
        ("b #1.html", "<b>Second</b>", "demo"),
        ("a.html", "first", "smollm2"),
    ]
    index = (tmp_path / "index.html").read_text()
    assert 'href="b%20%231.html"' in index
    assert "&lt;b&gt;Second&lt;/b&gt;" in index
    assert "64 · correct · 10 tokens" in index
    assert "Class &amp; Co" in index
    assert "not ours" not in index
    assert str(tmp_path) not in index
    assert "default-src 'none'" in index
    assert "<script" not in index
    assert exhibits_of(tmp_path) == found  # the index is not in itself


def test_an_index_of_something_else_is_left_alone(tmp_path: Path) -> None:
    exhibit(tmp_path, "a.html", "first")
    write_gallery(tmp_path, "Class")
    write_gallery(tmp_path, "Class")  # its own index is replaced
    for own in ("<title>My page</title>", (tmp_path / "a.html").read_text()):
        (tmp_path / "index.html").write_text(own)
        with pytest.raises(FileError, match="not an index that this program wrote"):
            write_gallery(tmp_path)
        assert (tmp_path / "index.html").read_text() == own


def test_an_empty_gallery_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no exported pages"):
        write_gallery(tmp_path)
    with pytest.raises(FileError, match="can't be read"):
        write_gallery(tmp_path / "missing")
