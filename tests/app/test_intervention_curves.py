"""The curves of an intervention run: what is drawn, and what stands in the table below."""

from __future__ import annotations

from pathlib import Path

import pytest
from lookup_model import BASE, TEACHER, lookup_model
from streamlit.testing.v1 import AppTest

from core.interventions.curves import point_arms
from core.interventions.results import InterventionResults
from core.interventions.settings import InterventionSettings
from core.interventions.study import intervene
from core.interventions.summary import summarise
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.models.spec import DEMO_NOTICE, ModelSpec
from core.problems.problem_sets import demo_problems
from core.records import Problem
from core.runs.run import Run
from explorer.interventions.curves import accuracy_curve, touched_curve

SETTINGS = InterventionSettings(arms=("teacher",), taus=(1.0, 0.4, 2.0), max_new_tokens=6)


@pytest.fixture(scope="module")
def results() -> InterventionResults:
    """Two problems whose answer is 7, which only the teacher says."""
    problems = [Problem("p", "so", "7"), Problem("q", "so", "7")]
    records = intervene(lookup_model(BASE), lookup_model(TEACHER), problems, SETTINGS)
    assert records is not None
    return summarise(records, 0, point_arms(SETTINGS))


def test_a_curve_shows_every_point_with_its_interval_and_its_control(
    results: InterventionResults,
) -> None:
    (curve,) = results.curves
    base, teacher = results.arms
    drawn = accuracy_curve(curve, base, teacher)
    arm, control = drawn.data
    assert list(arm.x) == list(control.x) == [0.4, 1.0, 2.0]
    assert list(arm.y) == [1.0, 1.0, 0.0]
    assert list(arm.error_y.array) == [
        each.arm.accuracy.high - each.arm.accuracy.value for each in curve.points
    ]
    assert arm.customdata[0].endswith(", n = 2")
    assert [(shape.y0, shape.y1) for shape in drawn.layout.shapes] == [(0, 0), (1, 1)]
    replaced, _ = touched_curve(curve).data
    assert list(replaced.y) == [1.0, pytest.approx(2 / 3), 0.0]


def test_the_table_below_has_a_row_a_point_with_n_and_both_counts(
    results: InterventionResults, tmp_path: Path
) -> None:
    plan = plan_interventions(ModelSpec(), demo_problems()[:2], {})
    run = Run.create(tmp_path, INTERVENTIONS.name, plan)

    def page(run, results):  # type: ignore[no-untyped-def]
        from explorer.interventions.curves import curves_section

        curves_section(run, results)

    app = AppTest.from_function(page, args=(run, results), default_timeout=60).run()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["τ (nats)"]) == ["0.4", "1", "2"]
    assert list(table["replaced"]) == [
        "100 % (3.00 a chain)",
        "67 % (2.00 a chain)",
        "0 % (0.00 a chain)",
    ]
    assert list(table["n"]) == ["2", "2", "2"]
    assert all("n = 2 problems" in each.value for each in app.caption[:1])
    assert any(DEMO_NOTICE in each.value for each in (*app.caption, *app.warning, *app.markdown))
