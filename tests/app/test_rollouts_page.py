"""Rollouts without a browser: a file is read, scored and opened, and what is wrong is said."""

from __future__ import annotations

import json
import re
import shlex
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from component_messages import component_messages
from drawn_app import drawn, needs_demo, state, tree
from streamlit.testing.v1 import AppTest

from core.imports.kept_files import KeptFiles
from core.imports.reading import read_rollouts
from core.models.spec import ModelSpec
from core.runs.runs_folder import RunsFolder
from explorer.rollouts.reading import Scorings
from explorer.tasks import Task

pytestmark = needs_demo
DATA = Path(__file__).resolve().parents[1] / "data" / "rollouts"
RIGHT, WRONG = "So 2+3=5. The answer is \\boxed{5}.", "The answer is \\boxed{6}."


def opened(*files: Path) -> AppTest:
    """The page with files that the session has opened, the last one on screen."""
    app = drawn()
    kept = [KeptFiles().keep(path.name, path.read_bytes()) for path in files]
    state(app).form.keep("rollout files", [each.id for each in kept])
    return shown(app)


def shown(app: AppTest) -> AppTest:
    app.switch_page("../pages/rollouts.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    every = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error)
    return "\n".join(each.value for each in every).replace("\\", "").replace("\u2060", "")


def table_of(app: AppTest) -> Any:
    (table,) = (each for each in component_messages(app) if "rows" in each)
    return table


def column(table: Any, name: str) -> list[Any]:
    place = [each["name"] for each in table["columns"]].index(name)
    cells = [row["cells"][place] for row in table["rows"]]
    return [each["text"] if isinstance(each, dict) else each for each in cells]


def button(app: AppTest, key: str) -> Any:
    (found,) = (each for each in app.button if each.key == key)
    return found


def until_gone(app: AppTest, key: str) -> None:
    """Wait for work, by the button that would cancel it."""
    deadline = time.monotonic() + 120
    while any(each.key == key for each in app.button):
        assert time.monotonic() < deadline
        time.sleep(0.2)
        app.run()


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """Two problems with two answers each; the rewards of the second are the wrong way round."""
    path = tmp_path / "sums.jsonl"
    rows = [
        {"input": f"Answer briefly.\nQuestion: {question}", "output": output, "gts": "5",
         "score": reward, "step": 40}
        for question, output, reward in (
            ("2 + 3?", RIGHT, 1.0), ("2 + 3?", WRONG, 0.0),
            ("1 + 4?", RIGHT, 0.0), ("1 + 4?", WRONG, 1.0),
        )
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_without_a_file_the_page_asks_for_one() -> None:
    app = shown(drawn())
    (ways,) = (each for each in app.expander if each.label == "Open a file or paste a text")
    assert ways.proto.expanded
    assert [each.label for each in ways.get("tab")] == ["Upload a file", "Paste prompt and answer"]


def test_a_file_is_read_scored_sorted_and_opened(sums: Path) -> None:
    app = opened(sums)
    assert "JSON lines with **4 rollouts** of 2 problems, in the form of verl" in said(app)
    table = table_of(app)
    assert column(table, "problem") == ["2 + 3?", "2 + 3?", "1 + 4?", "1 + 4?"], "not what all say"
    assert column(table, "reward") == ["1", "0", "0", "1"]
    assert "verdict" not in [each["name"] for each in table["columns"]]

    assert button(app, "make rollouts run").disabled, "not scored yet"
    button(app, "score rollouts").click().run()
    until_gone(app, "cancel scoring")
    assert "4 rollouts of 2 problems scored" in said(app)
    assert "**50.0 %" in said(app)
    table = table_of(app)
    assert column(table, "verdict") == ["✓ correct", "✗ wrong"] * 2
    assert all(float(each) > 0 for each in column(table, "entropy"))
    rows = {each["name"]: each["rows"] for each in table["filters"]}
    assert rows["correct"] == [0, 2]
    assert rows["reward and check differ"] == [2, 3]

    again = shown(drawn())  # another tab: nothing of the first one's
    assert "scored" not in said(again)
    state(again).form.keep("rollout files", state(app).form.value("rollout files", [], bool))
    assert "4 rollouts of 2 problems scored" in said(shown(again)), "kept on the disk"

    forms = [each.proto.label for each in app.get("download_button")]
    assert forms == ["HTML", "PNG", "SVG", "Markdown", "LaTeX"] * 2, "the file, and a rollout"
    assert "2 correct and 2 wrong rollouts; **2** of 2 problems have both" in said(app)
    button(app, "make rollouts run").click().run()
    until_gone(app, "cancel making")
    if state(app).page == "Rollouts":
        button(app, "open made run").click().run()
    (run,) = RunsFolder().list()
    assert app.query_params["run"] == run.id
    whole = said(app)
    assert "2 problems, 2 rollouts each**" in whole
    assert "Imported from sums.jsonl; sampled by an unknown model" in whole
    assert "imported from sums.jsonl, correct from a reward of 1" in whole
    assert "2 of 4 rollouts with a known correct answer are rewarded otherwise" in whole
    assert any(each.label == "Train from these rollouts" for each in app.button)
    shown(app)

    button(app, "open rollout").click().run()
    found = state(app).opened
    assert found.task is None or found.task.wait(120)
    app.run()
    assert tree(app).problem.question.endswith("2 + 3?")
    (root,) = tree(app).branches
    assert root.name == "row 1, reward 1"
    assert root.chain.text.startswith(RIGHT[:12])


def test_a_pasted_text_is_shown_and_what_can_not_be_is_said() -> None:
    app = shown(drawn())
    show = next(each for each in app.button if each.label == "Show")
    show.click().run()
    assert "The prompt is empty." in said(app)
    app.text_area(key="rollouts pasted prompt").input("Question: 2 + 3?")
    app.text_area(key="rollouts pasted answer").input(RIGHT)
    app.text_input(key="rollouts pasted gold").input("5")
    next(each for each in app.button if each.label == "Show").click().run()
    assert not app.exception
    assert "JSON lines with **1 rollout** of 1 problem" in said(app)
    assert "is empty" not in said(app)
    assert "Correct answer: **5**" in said(app)


def test_problems_with_their_rollouts_together(sums: Path) -> None:
    app = opened(sums)
    (switch,) = (each for each in app.segmented_control if each.label == "A row is")
    switch.set_value("Problems").run()
    table = table_of(app)
    assert column(table, "problem") == ["2 + 3?", "1 + 4?"]
    assert column(table, "rollouts") == [2, 2]
    assert column(table, "rewards") == ["0 to 1"] * 2
    (choice,) = (each for each in app.selectbox if each.label == "Rollout")
    assert choice.options == ["row 1 · reward 1", "row 2 · reward 0"]


def test_fields_are_shown_and_can_be_changed(sums: Path) -> None:
    app = opened(sums)
    fields = {each.label: each for each in app.selectbox}
    assert (fields["Prompt"].value, fields["Reward"].value) == ("input", "score")
    assert fields["Entropies"].value == "none"
    fields["Reward"].set_value("none").run()
    assert "reward" not in [each["name"] for each in table_of(app)["columns"]]
    fields = {each.label: each for each in app.selectbox}
    assert fields["Reward"].value == "none"
    (kept,) = KeptFiles().folder.iterdir()
    state(app).form.keep(f"fields of {kept.name}", ["answer=nothing"])  # typed
    app.run()
    assert "has nothing at 'nothing' for the answer" in said(app)
    (again,) = (each for each in app.button if each.label == "Guess again")
    again.click().run()
    assert column(table_of(app), "reward") == ["1", "0", "0", "1"]


def test_the_command_loads_the_same_model(sums: Path) -> None:
    app = opened(sums)
    spec = ModelSpec(
        "some/model", "my adapter", dtype="float32", revision="v1", quantization="8bit"
    )
    state(app).opened.spec = spec
    app.run()
    assert not app.exception
    (command,) = (each.value for each in app.code if " import " in each.value)
    words = shlex.split(command)
    assert words[:3] == ["fork-explorer", "import", "sums.jsonl"]
    given = dict(pairwise(words))
    assert (
        ModelSpec(
            given["--score"],
            given["--adapter"],
            dtype=given["--dtype"],
            revision=given["--revision"],
            quantization="8bit" if given["--quantization"] == "8bit" else "none",
        )
        == spec
    )
    assert float(given["--tau"]) == state(app).tau


def test_a_file_that_can_not_be_read_is_said_and_can_be_removed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"colour": "red"}\n')
    app = opened(bad)
    assert "none of its fields looks like a prompt" in said(app)
    assert {"Prompt", "Answer"} <= {each.label for each in app.selectbox}, "they can be chosen"
    button(app, "remove rollouts").click().run()
    assert not app.exception
    assert not list(KeptFiles().folder.iterdir())
    assert "none of its fields" not in said(app)


def test_the_scores_of_a_removed_file_are_gone_when_it_is_opened_again(sums: Path) -> None:
    app = opened(sums)
    button(app, "score rollouts").click().run()
    button(app, "remove rollouts").click().run()
    assert not app.exception
    assert not app.error
    assert not list(KeptFiles().folder.iterdir())
    app = opened(sums)
    assert "scored" not in said(app)
    assert button(app, "score rollouts").label == "Score all"
    assert not button(app, "score rollouts").disabled


def test_only_the_last_scorings_stay_in_memory_and_those_at_work(sums: Path) -> None:
    kept, found = KeptFiles().keep(sums.name, sums.read_bytes()), Scorings()
    table, go_on = read_rollouts(sums), threading.Event()
    first = found.of(kept, table, ModelSpec("model-0"))
    first.task = Task("Scoring", lambda _: (go_on.wait(60), None)[1])
    known = [found.of(kept, table, ModelSpec(f"model-{number}")) for number in range(20)]
    assert known[0] is first, "at work"
    go_on.set()
    assert found.of(kept, table, ModelSpec("model-19")) is known[19]
    assert found.of(kept, table, ModelSpec("model-5")) is not known[5], "read again"


def test_text_is_data(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    hostile = "<img src=x onerror=alert(1)> **x** [a](javascript:1) $y$"
    path.write_text(json.dumps({"prompt": hostile, "response": hostile}) + "\n")
    app = opened(path)
    raw = "\n".join(each.value for each in (*app.markdown, *app.caption))
    assert re.findall(r"(?<!\\)(?:<img|\*\*x|\[a\]|\$y)", raw) == []


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_every_form_is_drawn(path: Path) -> None:
    app = opened(path)
    assert not app.error
    assert table_of(app)["rows"]
