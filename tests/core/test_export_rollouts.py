"""Rollouts of another program to hand out: rows, figures and texts, nothing of this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.export.document import Handout
from core.export.files import Form, exported
from core.export.of_rollouts import rollouts_handout
from core.export.scrubbing import Scrubber
from core.imports.listing import lines
from core.imports.reading import read_rollouts
from core.imports.scores import RolloutScore
from core.models.spec import DEMO_NOTICE, ModelSpec
from core.records import Verdict

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def handout(tmp_path: Path) -> Handout:
    rows = [
        {"prompt": f"Q: {q}\nA:", "completion": out, "reward": reward, "gold": "5"}
        for q, out, reward in (("2 + 3?", "so 5", 1), ("2 + 3?", EVIL, 0), ("1 + 1?", "2", 0.5))
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    table = read_rollouts(path)
    scores = [
        RolloutScore(np.array(nats, np.float32), verdict)
        for nats, verdict in (
            ([2.0, 0.5], Verdict.CORRECT), ([0.5, 0.5], Verdict.WRONG), ([3.0, 0.5], Verdict.WRONG),
        )
    ]  # fmt: skip
    made = lines(zip(table.rollouts, scores, strict=True), tau=1.4)
    return rollouts_handout(table, made, 1.4, ModelSpec())


def test_rows_figures_and_texts(handout: Handout) -> None:
    assert handout.line == "3 rollouts of 2 problems, 3 scored"
    assert handout.notices == (DEMO_NOTICE,)
    assert [(each.name, each.value, each.estimate.n) for each in handout.figures] == [
        ("tokens above 1.4 nats", "33.3 %", 2), ("answers checked correct", "33.3 %", 2),
    ]  # fmt: skip
    (table,) = handout.tables
    assert table.columns == (
        "row", "problem", "reward", "checked", "tokens", "entropy (nats)", "above tau",
    )  # fmt: skip
    assert table.rows[0] == ("1", "1", "1", "correct", "2", "1.250", "50.0 %")
    first, second = handout.problems
    assert (first.question, first.gold, first.head) == (
        "2 + 3?",
        "5",
        "2 rollouts, mean reward 0.5",
    )
    assert [each.text for each in first.chains] == ["so 5", EVIL]
    assert (
        second.chains[0].head == "✗ row 3 · reward 0.5 · wrong · 2 tokens · mean entropy 1.75 nats"
    )


def test_every_form_is_inert_and_names_no_folder(handout: Handout, tmp_path: Path) -> None:
    for form in (Form.HTML, Form.SVG, Form.MD, Form.TEX):
        text = exported(handout, form, scrubber=Scrubber()).decode().replace("\\", "")
        assert EVIL not in text
        assert str(tmp_path) not in text
        assert ("33.3" in text) is (form is not Form.SVG), "a picture has dots"


def test_the_command_writes_what_is_chosen(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": "a", "completion": f"text {n}", "reward": n}) + "\n"
            for n in (0, 1)
        )
    )
    out = tmp_path / "x.html"
    code, _, said = run("import", path, "--where", "reward > 0", "--export", out)
    assert (code, "rollouts of a file" in said) == (0, True), said
    assert "text 1" in out.read_text()
    assert "text 0" not in out.read_text()
    code, _, said = run("import", path, "--export", tmp_path / "x.gif")
    assert (code != 0, "no form 'gif'" in said) == (True, True)
    code, _, said = run("import", path, "--export", tmp_path / "x.svg")
    assert (code != 0, "no picture" in said) == (True, True)
