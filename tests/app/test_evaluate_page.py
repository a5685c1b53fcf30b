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
from streamlit.testing.v1 import AppTest

from core.evaluation.task import EVALUATE, plan_evaluation
from core.interventions.task import plan_interventions
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, ModelSpec
from core.problems.problem_sets import demo_problems
from core.records import Problem
from core.runs.context import DONE, carry_out
from core.runs.run import Run

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
    assert "1,332 chains by the model demo" in said(app)


def test_greedy_draws_one_sample_a_problem(app: AppTest) -> None:
    opened(app)
    next(each for each in app.number_input if each.label == "Temperature").set_value(0.0).run()
    assert next(each for each in app.number_input if each.label == "Samples per problem").disabled
    assert "333 chains by the model demo" in said(app)


def test_a_finished_run_shows_every_figure_with_its_interval_and_what_the_model_is(
    app: AppTest, runs: Path
) -> None:
    opened(app)
    shown = {each.label: each for each in app.metric}
    assert list(shown) == ["pass@1", "pass@3", "maj@3", "Boxed", "Truncated", "Mean length"]
    assert all("-" in each.delta for each in shown.values())
    text = said(app)
    assert "4 problems, 3 samples each, by demo: temperature 0.6, top-p 0.95, seed 1." in text
    assert text.count(DEMO_NOTICE) == 2, "in the sidebar, and beside the figures"
    assert r"**\*\*mine\*\*** :green-badge[✓ done]" in text
    assert r"**Against first \*one\*** (demo)" in text
    assert "paired over 4 problems" in text
    assert len(app.get("plotly_chart")) == 2
    charts = "".join(str(each.proto) for each in app.get("plotly_chart"))
    assert "<b>" not in charts.replace("<br>", "")
    figures, families = (each.value for each in app.dataframe)
    assert set(figures["problems"]) == {"4"}
    assert all("-" in span for span in figures["95 % interval"])
    assert list(families["family"]) == ["<b>**f**</b>"], "a table shows text as it is"
    assert families["difference (points)"].str.contains("[", regex=False).all()


def test_the_first_run_opens_by_its_address_and_its_samples_can_be_chosen(
    app: AppTest, runs: Path
) -> None:
    first = next(r for r in runs.iterdir() if "first" in (r / "config.json").read_text())
    opened(app, run=first.name)
    assert "first" in said(app)
    assert "**Against" not in said(app)
    show = choice(app, "Show")
    assert show.options[-1] == "all (4)"
    show.set_value("all").run()
    problem, sample = choice(app, "Problem"), choice(app, "Sample")
    assert len(problem.options) == 4
    assert "<i>*0*</i>" in problem.options[0]
    assert [each[:2] for each in sample.options] == ["#1", "#2", "#3"]
    assert not next(each for each in app.button if each.label == "Open in Explore").disabled


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
    opens = [each for each in app.button if each.label == "Open in Explore"]
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
