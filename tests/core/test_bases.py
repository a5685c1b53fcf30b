"""Comparisons of several bases in one table, from results that are written by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from test_compare import RECORDS, chain
from typer.testing import CliRunner

from core.cli import app
from core.disagreement.bases import MEASURES, bases_table
from core.disagreement.records import ComparedChain
from core.disagreement.results import CompareResults, summarise_comparison
from core.disagreement.task import COMPARE
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.run import Run

OTHERS = [chain("a", [1, 4, 1], [0.2, 1.0, 0.2]), chain("b", [1, 1, 12], [0.2, 0.2, 3.0])]


def compared(folder: Path, base: str, records: list[ComparedChain]) -> Run:
    """A finished comparison of a base with one teacher."""
    plan = RunPlan(
        settings={},
        model=asdict(ModelSpec(base)),
        teachers=["/models/teacher"],
        seed=0,
        problems=[Problem(each.problem_id, "q", "1") for each in records],
    )
    run = Run.create(folder, COMPARE.name, plan)
    results = summarise_comparison(records, ["/models/teacher"], 1.2)
    (run.folder / "results.json").write_text(json.dumps(results.to_json()))
    return run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    folder = tmp_path / "runs"
    return [
        compared(folder, "/models/small", RECORDS),
        compared(folder, "org/Large", OTHERS),
    ]


def test_of_the_changes_the_share_within_the_bases_top_k_by_hand() -> None:
    """Base ranks of the changes are 2, 3, 5 and 6."""
    (found,) = summarise_comparison(RECORDS, ["t"], 1.2).teachers
    assert found.divergence is not None
    shares = {each.k: each.share.value for each in found.divergence.within_top}
    assert shares == {2: 0.25, 3: 0.5, 5: 0.75, 10: 1.0}


def test_results_of_earlier_versions_have_no_shares_within_the_top_k() -> None:
    results = summarise_comparison(RECORDS, ["t"], 1.2)
    data = results.to_json()
    del data["teachers"][0]["divergence"]["within_top"]
    old = CompareResults.from_json(data)
    assert old.teachers[0].divergence is not None
    assert old.teachers[0].divergence.within_top == ()
    assert old.to_json() == data, "written as they were"


def test_every_base_is_a_column_and_every_measure_a_row(runs: list[Run]) -> None:
    table = bases_table(runs)
    assert [(each.base, each.teacher) for each in table.columns] == [
        ("small", "teacher"),
        ("org/Large", "teacher"),
    ]
    by_name = {each.name: each for each in MEASURES}
    first, second = table.columns
    rank = by_name["mean base rank of changes"]
    assert rank.of(first.summary).value == 4.0  # type: ignore[union-attr]
    assert rank.of(second.summary).value == 8.0  # type: ignore[union-attr]
    assert rank.paper_says == "2.14–2.39"
    assert by_name["shifted"].paper_says.startswith("0 % (its text; 0.01–0.12 %")
    assert by_name["changes within the base's top 3"].paper_says == "80–90 % (arXiv:2603.22446)"
    assert by_name["reranked"].written(second.summary.reranked).startswith("16.67 % [")
    assert table.to_json()[0]["figures"]["reranked"]["n"] == 2
    assert table.to_rows()[1]["mean base rank of changes"] == 8.0
    assert len({each.label for each in table.columns}) == 2


def test_adapters_of_several_runs_have_names_of_their_own(tmp_path: Path) -> None:
    """Every run calls the folder of its adapter alike, which would be one column of the table."""
    folder = tmp_path / "runs"
    made = compared(folder, "/models/small", RECORDS)
    teachers = [f"{made.folder}/adapter", "/elsewhere/a/adapter", "/elsewhere/b/adapter"]
    (one,) = summarise_comparison(RECORDS, teachers[:1], 1.2).teachers
    results = summarise_comparison(RECORDS, teachers[:1], 1.2)
    several = replace(results, teachers=tuple(replace(one, teacher=each) for each in teachers))
    (made.folder / "results.json").write_text(json.dumps(several.to_json()))
    columns = bases_table([made]).columns
    assert [each.teacher for each in columns] == [made.id, "adapter (2)", "adapter (3)"]
    assert len({each.label for each in columns}) == 3


def test_other_kinds_and_unfinished_runs_are_left_out(runs: list[Run]) -> None:
    (runs[0].folder / "results.json").unlink()
    assert [each.base for each in bases_table(runs).columns] == ["org/Large"]


def test_the_command_prints_the_bases_beside_the_paper(runs: list[Run], tmp_path: Path) -> None:
    ids = [each.id for each in runs]
    arguments = ["runs", "compare", *ids, "--runs-dir", str(tmp_path / "runs")]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    for part in ("reranked (paper: 1–4.1 %)", "small + teacher", "org/Large + teacher", "30.00 %"):
        assert part in found.output
    data = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert [each["base"] for each in data["bases"]] == ["small", "org/Large"]


def test_a_figure_that_old_results_lack_is_unknown(runs: list[Run]) -> None:
    (column, _) = bases_table(runs).columns
    old = replace(column.summary, divergence=None)
    assert {m.written(m.of(old)) for m in MEASURES if "JS" in m.name} == {"unknown"}
