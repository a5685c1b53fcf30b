"""The example notebook, executed: every cell that ends with a result shows it."""

from __future__ import annotations

import ast
import html
import json
from pathlib import Path
from typing import Any

import pytest

from core.chains.session import Session
from core.evaluation.task import EVALUATE
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, DEMO_TEACHER_FOLDER
from core.system.in_notebook import InNotebook

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"
KINDS = ["Chain", "Chain", "Table", "Tree", "", "Comparison", "Evaluation"]
"""What the output of each cell of code shows."""
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


def cells() -> list[dict[str, Any]]:
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [each for each in found if each["cell_type"] == "code"]


def kind_of(shown: str) -> str:
    """What the HTML of an output is of, as its page says it."""
    if "<iframe " not in shown:
        return "Table" if "<table>" in shown else ""
    page = html.unescape(shown)
    return page.split('<p class="kind">')[1].split(" · ")[0]


def test_it_is_kept_without_outputs() -> None:
    for cell in cells():
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_its_cells_run_in_order_and_their_results_show_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell as a notebook runs it: the value of the last line is shown."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names: dict[str, Any] = {}
    shown: list[str] = []
    for number, cell in enumerate(cells()):
        *body, last = ast.parse("".join(cell["source"]), f"cell {number}").body
        assert isinstance(last, ast.Expr)
        exec(compile(ast.Module(body, []), f"cell {number}", "exec"), names)
        value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
        shown.append((value._repr_html_() if isinstance(value, InNotebook) else "") or "")
    assert [kind_of(each) for each in shown] == KINDS
    notice = html.escape(DEMO_NOTICE)
    assert all(notice in html.unescape(each) for each in shown if each), "a teaching model"
    assert "The strongest fork of this chain." in shown[3]
    assert len(names["run"].problems()) == 8
    headline = EVALUATE.headline_of(names["run"])
    assert headline is not None
    assert headline.sentence in html.unescape(html.unescape(shown[6]))
    assert "8 problems" in headline.sentence
    assert "95 % interval" in headline.sentence
    assert "demo-teacher would change" in shown[5]
    saved = Session.loads((names["folder"] / "session.json").read_bytes())
    assert saved.tree is not None
    assert saved.tree.notes == names["tree"].notes


def test_a_kernel_runs_it() -> None:
    """The same by Jupyter's own client and kernel, where they are installed."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": "."}}
    ).execute()
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    results = [
        next(each["data"] for each in found if each["output_type"] == "execute_result")
        for found in outputs
    ]
    assert [kind_of(each.get("text/html", "")) for each in results] == KINDS
    assert results[0]["text/plain"].startswith("Chain: ")
    assert "\n" not in results[0]["text/plain"]
