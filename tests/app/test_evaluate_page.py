"""Evaluate without a browser: what it shows of a run, and what is wrong is said, never thrown."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from component_messages import component_messages, unpacked
from streamlit.testing.v1 import AppTest

from core.evaluation.task import EVALUATE, plan_evaluation
from core.interventions.task import plan_interventions
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, ModelSpec
from core.models.tokenizer_text import load_token_text
from core.problems.problem_sets import demo_problems
from core.records import Problem
from core.runs.context import DONE, carry_out
from core.runs.run import Run
from explorer.shared.messages import plain_lines
from explorer.workbench import Workbench

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=300)


def four() -> list[Problem]:
    """Four problems, with markup in what a person wrote."""
    marked = [replace(each, family="<b>**f**</b>") for each in demo_problems()[:4]]
    return [replace(marked[0], id="<i>*0*</i>"), *marked[1:]]


def prepared(folder: Path, problems: list[Problem], **how: Any) -> Run:
    against, name = how.pop("against", None), how.pop("name", "**mine**")
    plan = plan_evaluation(ModelSpec(), problems, {"samples": 3} | how, against=against)
    return Run.create(folder, EVALUATE.name, plan, name=name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two finished evaluations; the second is compared with the first."""
    folder = tmp_path_factory.mktemp("made") / "runs"
    first = prepared(folder, four(), name="first *one*")
    assert carry_out(first, EVALUATE.carry_out, bar=False) == DONE
    second = prepared(folder, four(), seed=1, against=first.folder)
    assert carry_out(second, EVALUATE.carry_out, bar=False) == DONE
    return folder


@pytest.fixture
def runs(made: Path, user_folder: Path) -> Path:
    shutil.copytree(made, user_folder / "runs")
    return user_folder / "runs"


def opened(app: AppTest, **link: str) -> AppTest:
    app.run()
    app.switch_page("../pages/evaluate.py")
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.info))


def choice(app: AppTest, label: str) -> Any:
    return next(each for each in app.selectbox if each.label == label)


def test_an_empty_page_says_what_to_do_first(app: AppTest) -> None:
    opened(app)
    assert "press **Run**" in said(app)
    assert next(each for each in app.button if each.label == "Run").disabled is False
    assert choice(app, "Compare with").disabled
    assert "1,332 chains. You can leave" in said(app)


def test_greedy_draws_one_sample_a_problem(app: AppTest) -> None:
    opened(app)
    next(each for each in app.number_input if each.label == "Temperature").set_value(0.0).run()
    assert next(each for each in app.number_input if each.label == "Samples per problem").disabled
    assert "333 chains. You can leave" in said(app)


def test_a_finished_run_shows_every_figure_with_its_interval_and_what_the_model_is(
    app: AppTest, runs: Path
) -> None:
    opened(app)
    for fold in ("Curve of pass@k", "By family"):
        next(each for each in app.expander if each.label == fold)
    text = said(app)
    plain_text = text.replace("\\", "").replace("\u2060", "")
    assert "correct on average (4 problems, 3 samples each; 95 % interval " in plain_text
    assert "3 samples per problem · temperature 0.6, top-p 0.95" in plain_text
    for figure in ("pass@3", "majority of 3", "boxed", "cut", "mean length"):
        assert f"{figure} **" in plain_text
    assert text.count(DEMO_NOTICE) == 2, "in the sidebar, and beside the figures"
    assert r"**\*\*mine\*\***" in text
    assert ":green-badge[✓ done]" in text
    against = r"Against first \*one\* :violet-badge[:material/memory: demo]"
    assert any(each.label.startswith(against) for each in app.expander)
    assert "paired over 4 problems" in text
    figures = app.dataframe[0].value
    assert set(figures["problems"]) == {"4"}
    assert all("–" in span for span in figures["95 % interval"])


def table_of(app: AppTest) -> Any:
    """The message of the table of problems."""
    (table,) = (each for each in component_messages(app) if "rows" in each)
    return table


def test_the_first_run_opens_by_its_address_with_its_problems_in_a_table(
    app: AppTest, runs: Path
) -> None:
    first = next(r for r in runs.iterdir() if "first" in (r / "config.json").read_text())
    records = EVALUATE.records_of(Run.open(first))
    opened(app, run=first.name)
    assert "first" in said(app)
    assert not any(each.label.startswith("Against") for each in app.expander)
    assert "own problems (4)" in said(app).replace("\\", ""), "not a set made from the run itself"
    table = table_of(app)
    assert [row["id"] for row in table["rows"]] == [each.problem_id for each in records]
    assert table["rows"][0]["id"] == "<i>*0*</i>", "text is data: the browser shows it as it is"
    for row, record in zip(table["rows"], records, strict=True):
        answers = row["cells"][2]["answers"]
        assert [table["texts"][each[1]] for each in answers] == [
            each.answer for each in record.samples
        ]
        assert [each[0] == "correct" for each in answers] == [
            each.correct for each in record.samples
        ]
        assert row["cells"][3]["text"] == f"{record.correct}/3"
    groups = {each["label"]: each["rows"] for each in table["filters"]}
    assert groups.get("never", []) == [i for i, each in enumerate(records) if not each.correct]
    assert not next(each for each in app.button if each.label.startswith("Open in")).disabled


def test_the_second_run_has_filters_for_what_changed(app: AppTest, runs: Path) -> None:
    second = next(r for r in runs.iterdir() if (r / "against.json").exists())
    results = EVALUATE.results_of(Run.open(second))
    assert results is not None
    assert results.comparison is not None
    opened(app, run=second.name)
    table = table_of(app)
    groups = {each["label"]: each["rows"] for each in table["filters"]}
    ids = [row["id"] for row in table["rows"]]
    for label, wanted in (
        ("now solved", results.comparison.gained),
        ("no longer solved", results.comparison.lost),
    ):
        assert {ids[i] for i in groups.get(label, [])} == set(wanted)


def test_the_chain_on_screen_needs_no_model_and_follows_the_selection(
    app: AppTest, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(r for r in runs.iterdir() if "first" in (r / "config.json").read_text())
    records = EVALUATE.records_of(Run.open(first))
    opened(app, run=first.name)
    monkeypatch.setattr(Workbench, "loaded", lambda self, spec: None)
    asked = []
    monkeypatch.setattr(Workbench, "model", lambda self, spec: asked.append(spec))
    last = records[-1]
    state = app.session_state["browser_state"]
    next(each for each in app.checkbox if each.label == "Colour by entropy").set_value(False)
    state.form.keep(f"problem of evaluation {first.name}", last.problem_id)
    app.session_state[f"sample of evaluation {first.name} {last.problem_id}"] = 2
    app.run()
    assert not app.exception
    text = load_token_text(ModelSpec()).decode(last.samples[2].token_ids[:-1])
    shown = [each.value for each in app.markdown]
    assert any(plain_lines(text) == each for each in shown), (text, shown)
    assert any(f"{len(last.samples[2].token_ids)} tokens" in each for each in shown)
    assert not asked, "of the workbench"


def test_a_chain_is_coloured_by_its_model(app: AppTest, runs: Path) -> None:
    first = next(r for r in runs.iterdir() if "first" in (r / "config.json").read_text())
    opened(app, run=first.name)
    app.session_state["browser_state"].form.keep("colour stored chains", True)
    switch = next(each for each in app.checkbox if each.label == "Colour by entropy")
    switch.set_value(True).run()
    assert not app.exception
    (chain,) = [each for each in component_messages(app) if "tokens" in each]
    record = EVALUATE.records_of(Run.open(first))
    sizes = {len(sample.token_ids) for each in record for sample in each.samples}
    assert len(chain["tokens"]) in sizes
    assert max(unpacked(chain["entropy"])) > 0


def test_only_finished_evaluations_of_the_same_problems_can_be_compared_with(
    app: AppTest, runs: Path
) -> None:
    done = prepared(runs, demo_problems(), name="all of them", samples=1)
    prepared(runs, demo_problems(), name="not finished")
    done.log.path.write_text(
        '{"time": "2026-01-01T00:00:00Z", "event": "started"}\n'
        '{"time": "2026-01-01T00:00:01Z", "event": "ended", "state": "done"}\n'
    )
    opened(app)
    next(each for each in app.button if each.label == "New run").click().run()
    compare = choice(app, "Compare with")
    assert len(compare.options) == 2
    assert compare.options[0] == "nothing"
    assert compare.options[1].startswith("all of them · demo · seed 0 · ")
    count = next(each for each in app.number_input if each.label == "Number of problems")
    count.set_value(4).run()
    assert choice(app, "Compare with").options == ["nothing"], "other problems"


def test_what_can_t_be_run_is_said(app: AppTest) -> None:
    opened(app)
    choice(app, "Prompt style").set_value("plain").run()
    next(each for each in app.text_area if each.label == "Template").set_value("no place").run()
    next(each for each in app.button if each.label == "Run").click().run()
    assert "problem" in app.error[0].value
    assert not app.exception


def test_a_run_of_another_task_is_not_shown_here(app: AppTest, user_folder: Path) -> None:
    plan = plan_interventions(ModelSpec(), four(), {})
    other = Run.create(user_folder / "runs", "interventions", plan)
    opened(app, run=other.id)
    assert "page of its own" in app.error[0].value
    assert "press **Run**" in said(app)


@pytest.mark.parametrize(
    "damage",
    [
        ("results.json", "{"),
        ("results.json", json.dumps({"schema_version": 1, "n": 3})),
        ("results.json", json.dumps({"schema_version": 99})),
        ("against.json", "{}"),
        ("problems.jsonl", "{broken"),
        ("config.json", "{"),
        ("units.jsonl", "garbage\n"),
        ("settings", {"samples": "x"}),
        ("model", {"model": 5}),
    ],
    ids=lambda damage: f"{damage[0]} {str(damage[1])[:9]}",
)
def test_damaged_files_are_said_on_the_page(
    app: AppTest, runs: Path, damage: tuple[str, Any]
) -> None:
    second = next(r for r in runs.iterdir() if (r / "against.json").exists())
    name, content = damage
    if name in ("settings", "model"):
        config = json.loads((second / "config.json").read_text())
        (second / "config.json").write_text(json.dumps(config | {name: content}))
    else:
        (second / name).write_text(content)
    opened(app, run=second.name)
    opens = [each for each in app.button if each.label.startswith("Open in Explore")]
    if name == "model":
        opens[0].click().run()
        assert not app.exception
    assert app.error or (name == "units.jsonl" and not opens)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(pass_at_k=[]),
        lambda data: data["pass_at_k"].reverse(),
        lambda data: data["pass_at_1"].update(value=math.inf),
        lambda data: data["mean_length"].update(low=1e300),
        lambda data: data.update(n=10**400),
        lambda data: data.update(samples=-3),
        lambda data: data["verdicts"].update(correct=10**400),
        lambda data: data["families"][0].update(family="\ud800"),
        lambda data: data["families"][0]["pass_at_1"].update(n=-1),
        lambda data: data["comparison"].update(mcnemar_p=math.nan),
        lambda data: data["comparison"]["difference"].update(low=None),
        lambda data: data["comparison"].update(solved_after=10**400),
    ],
)
def test_numbers_and_texts_that_no_evaluation_writes_are_said(
    app: AppTest, runs: Path, spoil: Callable[[Any], object]
) -> None:
    second = next(r for r in runs.iterdir() if (r / "against.json").exists())
    data = json.loads((second / "results.json").read_text(encoding="utf-8"))
    spoil(data)
    (second / "results.json").write_text(json.dumps(data), encoding="utf-8")
    opened(app, run=second.name)
    assert app.error


def test_a_folder_that_can_t_be_read_is_said(app: AppTest, user_folder: Path) -> None:
    user_folder.mkdir(parents=True)
    (user_folder / "runs").write_text("a file")
    opened(app)
    assert app.error
