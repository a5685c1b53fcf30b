"""Words: which tokens are forks and which a teacher changes, by hand, and from the runs of the
demo."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from core.cli import app
from core.disagreement.task import COMPARE, plan_comparison
from core.errors import RunError
from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, DEMO_TEACHER_FOLDER, ModelSpec
from core.models.tokenizer_text import load_token_text
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE, carry_out
from core.runs.run import Run
from core.statistics import share
from core.tokens.visible import visible
from core.words.of_run import words_of_run
from core.words.table import PRIOR, WordTable, word_table
from core.words.tally import UNCHANGED, WordTally

needs_demo = pytest.mark.skipif(
    not DEMO_FOLDER.is_dir() or not DEMO_TEACHER_FOLDER.is_dir(), reason="no demo model built"
)
SAME = UNCHANGED


def text(token_id: int) -> str:
    return f"w{token_id}"


def by_hand() -> WordTally:
    """Word 1 in three problems, with 2, 1 and 1 occurrences; word 2 once."""
    tally = WordTally(tau=1.0)
    tally.add([1, 1, 2], [0.5, 1.5, 0.0], [9, SAME, SAME])
    tally.add([1], [2.0], [9])
    tally.add([1], [1.0], [8])
    return tally


def test_a_word_by_hand() -> None:
    found = word_table(by_hand(), text, min_count=1, teacher="t")
    first, second = found.rows
    assert (found.tokens, found.problems, found.words) == (5, 3, 2)
    assert found.mean_entropy == pytest.approx(5.0 / 5)
    assert found.changed_share == pytest.approx(3 / 5)
    assert (first.text, first.count) == ("w1", 4)
    assert first.entropy.value == pytest.approx(5.0 / 4)
    assert first.above.value == pytest.approx(2 / 4), "1.5 and 2.0; 1.0 is not above 1"
    assert first.changed is not None
    assert first.changed.value == pytest.approx(3 / 4)
    assert first.replacement is not None
    assert (first.replacement.text, first.replacement.count) == ("w9", 2)
    assert (second.text, second.count, second.replacement) == ("w2", 1, None)


def test_the_interval_is_that_of_a_ratio_of_sums_over_problems() -> None:
    (first, _) = word_table(by_hand(), text, min_count=1).rows
    nats, counts = np.array([2.0, 2.0, 1.0]), np.array([2.0, 1.0, 1.0])
    rest = nats - 1.25 * counts  # -.5, .75, -.25
    error = math.sqrt(3 / 2 * (0.25 + 0.5625 + 0.0625)) / 4
    assert (rest**2).sum() == pytest.approx(0.875)
    half = scipy.stats.t.ppf(0.975, 2) * error
    assert first.entropy.high == pytest.approx(1.25 + half)
    assert first.entropy.low == pytest.approx(max(1.25 - half, 0))
    assert first.entropy.n == 3, "problems"


def test_a_word_that_always_or_never_forks_has_wilsons_interval_for_its_problems() -> None:
    tally = WordTally(tau=1.0)
    for _ in range(4):
        tally.add([1, 1, 2], [2.0, 2.0, 0.5])
    always, never = word_table(tally, text, min_count=1).rows
    assert always.above == share(4, 4)
    assert never.above == share(0, 4)


def test_a_word_seen_three_times_does_not_lead() -> None:
    tally = WordTally(tau=1.0)
    for number in range(30):
        rare = [3] if number < 3 else []
        tally.add([1, 2, *rare], [1.5, 0.1, *[2.0] * len(rare)])
    every = word_table(tally, text, min_count=1)
    assert [each.text for each in every.rows] == ["w1", "w3", "w2"]
    mean = (30 * 1.5 + 30 * 0.1 + 3 * 2.0) / 63
    assert every.rows[0].shrunk_entropy == pytest.approx((45 + PRIOR * mean) / (30 + PRIOR))
    assert every.rows[1].shrunk_entropy == pytest.approx((6 + PRIOR * mean) / (3 + PRIOR))
    often = word_table(tally, text)
    assert [each.text for each in often.rows] == ["w1", "w2"]
    assert often.left_out == 1
    assert often.tokens == 63, "rare words count as tokens"


def test_the_ends_of_the_table_are_on_either_side_of_the_mean() -> None:
    tally = WordTally(tau=1.0)
    tally.add([1, 2, 3], [2.0, 0.2, 0.1])
    found = word_table(tally, text, min_count=1)
    assert [each.text for each in found.highest(5)] == ["w1"]
    assert [each.text for each in found.lowest(5)] == ["w3", "w2"]
    assert found.most_changed(5) == ()


def test_memory_grows_with_the_words_not_with_the_chains() -> None:
    tally = WordTally(tau=1.0)
    for _ in range(50):
        tally.add([1, 2, 1], [0.1, 0.2, 0.3], [5, SAME, 5])
    assert len(tally.words) == 2
    assert tally.replacements == {1: {5: 100}}
    assert all(each.amounts.nbytes == 32 for each in tally.words.values())


@given(some.lists(some.lists(some.tuples(some.integers(0, 3), some.floats(0, 5)), max_size=6)))
def test_every_token_is_counted_once(problems: list[list[tuple[int, float]]]) -> None:
    tally = WordTally(tau=1.0)
    for each in problems:
        tally.add([word for word, _ in each], [nats for _, nats in each])
    found = word_table(tally, text, min_count=1)
    tokens = [pair for each in problems for pair in each]
    assert found.tokens == len(tokens) == sum(row.count for row in found.rows)
    for row in found.rows:
        own = [nats for word, nats in tokens if word == row.token_id]
        assert row.count == len(own)
        assert row.entropy.value == pytest.approx(sum(own) / len(own))
        assert not row.entropy.low > row.entropy.value + 1e-9
        assert 0 <= row.above.low <= row.above.value + 1e-9 <= row.above.high + 2e-9


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        WordTally(1.0).add([1, 2], [0.1])


def test_no_cell_is_a_formula_and_unknown_parts_are_null() -> None:
    tally = WordTally(tau=1.0)
    tally.add([1], [0.5])
    found = word_table(tally, lambda _: "=1+1", min_count=1)
    assert found.to_rows()[0]["word"] == "'=1+1"
    assert found.to_json()["rows"][0]["entropy"]["low"] is None
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("token", "shown"), [(" Last", "␣Last"), ("a b", "a b"), ("\n\t", "↵⇥"), ("", "…")]
)
def test_one_notation_for_tokens(token: str, shown: str) -> None:
    assert visible(token) == shown


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = plan_comparison(ModelSpec(), demo_problems()[:12], {}, teachers=[DEMO_TEACHER])
    run = Run.create(tmp_path_factory.mktemp("runs"), COMPARE.name, plan)
    assert carry_out(run, COMPARE.carry_out, bar=False) == DONE
    return run


@needs_demo
def test_the_words_of_a_comparison_are_those_of_its_chains(comparison: Run) -> None:
    found = words_of_run(comparison, load_token_text(ModelSpec()), min_count=1)
    (results,) = COMPARE.results_of(comparison).teachers  # type: ignore[union-attr]
    assert found.tokens == results.tokens
    assert found.changed_share == pytest.approx(1 - results.unshifted.value)
    records = COMPARE.records_of(comparison)
    leading = found.rows[0]
    own = [
        nats
        for record in records
        for token_id, nats in zip(record.token_ids, record.entropy, strict=True)
        if token_id == leading.token_id
    ]
    assert (leading.count, leading.entropy.value) == (len(own), pytest.approx(np.mean(own)))
    changed = sum(len(record.changes(0)) for record in records)
    assert sum(round(r.changed.value * r.count) for r in found.rows if r.changed) == changed


@needs_demo
def test_the_command_prints_both_ends_and_writes_json_and_csv(
    comparison: Run, tmp_path: Path
) -> None:
    out, table = tmp_path / "words.json", tmp_path / "words.csv"
    arguments = ["words", str(comparison.folder), "--min-count", "2", "--top", "3"]
    found = CliRunner().invoke(app, [*arguments, "--out", str(out), "--csv", str(table)])
    assert found.exit_code == 0, found.output
    for part in ("Highest entropy", "Lowest entropy", "Changed most often", "95 % intervals"):
        assert part in found.output
    data = json.loads(out.read_text())
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [each["token_id"] for each in data["rows"]] == [int(r["token id"]) for r in rows]
    assert data["min_count"] == 2


@needs_demo
def test_a_teacher_that_is_not_there_is_refused(comparison: Run) -> None:
    with pytest.raises(RunError, match=r"has 1 teacher\."):
        words_of_run(comparison, load_token_text(ModelSpec()), teacher=3)


def evaluated(folder: Path, **settings: Any) -> Run:
    chosen = [replace(each, id=f"p{i}") for i, each in enumerate(demo_problems()[:3])]
    plan = plan_evaluation(ModelSpec(), chosen, {"samples": 2, **settings})
    run = Run.create(folder, EVALUATE.name, plan)
    assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE
    return run


@needs_demo
def test_an_evaluation_keeps_entropies_only_where_asked(tmp_path: Path) -> None:
    names = load_token_text(ModelSpec())
    kept = words_of_run(evaluated(tmp_path, keep_entropy=True), names, min_count=1)
    records = EVALUATE.records_of(Run.open(next(tmp_path.iterdir())))
    lengths = [len(each.token_ids) for record in records for each in record.samples]
    assert (kept.tokens, kept.problems, kept.teacher) == (sum(lengths), 3, None)
    with pytest.raises(RunError, match=r"has not kept the entropies.*keep_entropy"):
        words_of_run(evaluated(tmp_path), names)


def test_an_empty_run_has_an_empty_table() -> None:
    found: WordTable = word_table(WordTally(1.0), text)
    assert (found.rows, found.highest(3), found.lowest(3)) == ((), (), ())
