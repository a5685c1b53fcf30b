"""Results show themselves in a notebook: the exported page in a frame, one line as text."""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from export_cases import CORRECT, HOSTILE, WORDS, WRONG, chain_of, pair_of, tree_of

from core.chains.tree import ForkTree
from core.export.document import Table
from core.export.files import Form, exported
from core.export.of_chains import chain_handout, forks_table, tree_handout
from core.export.of_runs import run_handout
from core.models.spec import DEMO_NOTICE
from core.runs.run import Run
from core.system.in_notebook import InNotebook

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"


class Printer:
    """As much of IPython's pretty printer as is used."""

    def __init__(self) -> None:
        self.said = ""

    def text(self, text: str) -> None:
        self.said += text


def text_of(thing: InNotebook) -> str:
    assert "_repr_pretty_" in vars(type(thing)), "IPython would take the dataclass's __repr__"
    printer = Printer()
    thing._repr_pretty_(printer, False)
    return printer.said


def framed(thing: InNotebook) -> str:
    """The page inside the frame, as a browser reads the attribute."""
    shown = thing._repr_html_()
    assert shown is not None
    assert shown.count("<iframe ") == 1
    assert shown.count('"') == 8, "every text in an attribute is escaped"
    assert 'sandbox="allow-scripts"' in shown
    return html.unescape(shown.split('srcdoc="')[1].removesuffix('"></iframe>'))


def test_a_frame_holds_the_exported_page_and_no_second_heatmap() -> None:
    tree = tree_of()
    tree.write_note("b1", "a note", 1)
    chain = chain_of(HOSTILE)
    for thing, handout in (
        (chain, chain_handout(chain)),
        (chain_handout(chain, CORRECT, 0.7), chain_handout(chain, CORRECT, 0.7)),
        (tree, tree_handout(tree)),
        (tree.branch("b1"), chain_handout(tree.branch("b1").chain, WRONG)),
    ):
        assert framed(thing) == exported(handout, Form.HTML).decode()
    assert "teacher would change 2 of 10 tokens" in framed(pair_of())
    assert "a note" in framed(tree)


def test_the_text_is_one_line() -> None:
    assert text_of(chain_of(WORDS)) == "Chain: 10 tokens · temperature 0.6, top-p 0.9, seed 7"
    assert text_of(tree_of()) == "Tree: 3 branches, 2 endings"
    assert text_of(tree_of().branch("b2")).startswith("Chain: ✓ 64 · correct · 10 tokens")
    assert text_of(pair_of()).startswith("Comparison: teacher would change 2 of 10 tokens")
    assert text_of(forks_table(chain_of(WORDS), 0.9)) == "Forks, strongest first: 4 rows"


def test_forks_are_a_table_that_says_their_threshold_and_whose_they_are() -> None:
    table = forks_table(chain_of(["<b>x</b>", *WORDS], model="demo"), 1.2)
    assert [row[0] for row in table.rows] == ["3", "7"]
    shown = table._repr_html_()
    assert shown is not None
    assert "Entropy above 1.2 nats." in shown
    assert html.escape(DEMO_NOTICE) in shown
    hostile = Table("<script>", ("<i>",), (("<img src=x>",),))._repr_html_()
    assert hostile is not None
    assert not {"<script", "<i>", "<img"} & set(hostile.replace(">", "><").split("<"))
    assert "&lt;img src=x&gt;" in hostile


def test_a_run_shows_its_headline_with_n_and_interval(tmp_path: Path) -> None:
    folder = tmp_path / "evaluate-first"
    shutil.copytree(STORED / "evaluate-first", folder)
    run = Run.open(folder)
    page = framed(run)
    headline = run_handout(run).headline
    assert headline is not None
    assert html.escape(headline.sentence) in page
    assert "95 % interval" in headline.sentence
    assert str(tmp_path) not in page
    assert text_of(run) == "Run evaluate-first (evaluate, done)"


def test_what_can_t_be_shown_yet_is_said_in_words(tmp_path: Path) -> None:
    empty = ForkTree(tree_of().problem)
    assert empty._repr_html_() == "<p>There is no chain to hand out. Generate one first.</p>"
    assert text_of(empty) == "ForkTree: There is no chain to hand out. Generate one first."
    shutil.copytree(STORED / "evaluate-first", tmp_path / "r")
    for each in (tmp_path / "r").glob("results*.json"):
        each.unlink()
    shown: Any = Run.open(tmp_path / "r")._repr_html_()
    assert shown.startswith("<p>The run r has no results yet.")


@pytest.mark.parametrize("size", [0, 1, 3_000])
def test_a_frame_is_as_high_as_its_chain_within_limits(size: int) -> None:
    chain = chain_of([" word"] * size)
    shown = chain._repr_html_()
    assert shown is not None
    height = {0: "480px", 1: "480px", 3_000: "800px"}[size]
    assert f"height:{height}" in shown


def test_records_bring_no_exporter_with_them() -> None:
    """The first view of a server shows a chain before torch is imported."""
    code = "import sys, core.records, core.chains.session; print('core.export' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
