"""Compare: the summary of hand-made chains by hand, and the run that makes real ones."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from test_disagreement import save_adapters
from typer.testing import CliRunner

from core.chains.generation import generate
from core.cli import app
from core.disagreement.divergence import DIVERGENCE_EDGES
from core.disagreement.reading import read_chain
from core.disagreement.records import ComparedChain, TeacherView
from core.disagreement.results import (
    ENTROPY_EDGES,
    CompareResults,
    rank_of_reranked,
    summarise_comparison,
)
from core.disagreement.settings import CompareSettings
from core.disagreement.task import COMPARE, compare_chains, plan_comparison
from core.disagreement.token_classes import TokenClass, disagree
from core.errors import FileError, ModelError, ProblemError
from core.models.language_model import load_language_model
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, DEMO_TEACHER_FOLDER, ModelSpec, teacher_spec
from core.models.teacher import load_beside
from core.problems.problem_sets import demo_problems
from core.records import Problem, Sampler, StopReason, Verdict, floats
from core.runs import problem_units
from core.runs.context import CANCELLED, DONE, RunContext, carry_out
from core.runs.run import Run
from core.statistics import ratio_of_sums

needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


def chain(name: str, ranks: list[int], nats: list[float], verdict: str = "wrong") -> ComparedChain:
    """The teacher's argmax is the base's own (id 7) where the rank is 1."""
    argmax = tuple(7 if rank == 1 else 100 + rank for rank in ranks)
    view = TeacherView(argmax, tuple(ranks), tuple(0.5 if rank > 1 else 0.01 for rank in ranks))
    base = (7,) * len(ranks)
    return ComparedChain(
        name, (1, 2), base, StopReason.EOS, "3", Verdict(verdict), tuple(nats), base, (view,)
    )


RECORDS = [
    chain("a", [1, 2, 1, 1], [0.1, 2.0, 0.3, 0.0], "correct"),
    chain("b", [3, 1, 1, 5, 1, 6], [1.5, 0.2, 0.2, 1.0, 0.2, 0.3]),
]


def test_the_summary_by_hand() -> None:
    results = summarise_comparison(RECORDS, ["t"], tau=1.2)
    (found,) = results.teachers
    assert (results.n, found.tokens) == (2, 10)
    assert results.accuracy.value == 0.5
    assert found.counts == {"unshifted": 6, "reranked": 3, "shifted": 1}
    assert found.unshifted.value == pytest.approx(0.6)
    assert found.reranked.value == pytest.approx(0.3)
    assert found.shifted.value == pytest.approx(0.1)
    assert found.changed_per_chain.value == 2.0
    assert found.mean_base_rank.value == pytest.approx((2 + 3 + 5 + 6) / 4)
    assert rank_of_reranked(RECORDS, 0).value == pytest.approx((2 + 3 + 5) / 3), "not the shifted"
    assert found.entropy_changed.value == pytest.approx((2.0 + 1.5 + 1.0 + 0.3) / 4)
    assert found.entropy_unshifted.value == pytest.approx(1.0 / 6)
    assert found.entropy_ratio.value == pytest.approx(1.2 / (1.0 / 6))
    mass = 4 * 0.5 + 6 * 0.01
    assert found.js_divergence.value == pytest.approx(mass / 10)
    assert found.js_above_tau.value == pytest.approx(1.0 / mass)
    assert found.rank_counts == (0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0)
    assert found.place_counts == (1, 0, 1, 0, 0, 1, 0, 0, 1, 0)  # of 6: 0, 3, 5; of 4: 1
    bins = dict(zip(ENTROPY_EDGES, found.entropy_counts_changed, strict=True))
    assert {edge: n for edge, n in bins.items() if n} == {0.2: 1, 1.0: 1, 1.4: 1, 2.0: 1}
    assert sum(found.entropy_counts_unshifted) == 6
    for estimate in (found.reranked, found.mean_base_rank, found.entropy_ratio):
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == 2


def test_the_divergence_by_hand() -> None:
    """Tokens whose choice changes are .5 nats apart, the others .01: 4 and 6 of 10."""
    found = summarise_comparison(RECORDS, ["t"], tau=1.2).teachers[0].divergence
    assert found is not None
    assert found.near_zero.value == 0  # .01 is not below it
    assert found.divergent.value == pytest.approx(0.4)
    assert found.divergent_but_sure.value == 0.5  # at 1.0 and .3 nats, not at 2.0 and 1.5
    assert {each.share: each.divergence.value for each in found.levels} == {
        0.5: pytest.approx(0.01),
        0.2: 0.5,
        0.1: 0.5,
        0.05: 0.5,
        0.01: 0.5,
    }
    # Places of the chain of 4: 0, 2, 5, 7; of the chain of 6: 0, 1, 3, 5, 6, 8.
    means = [each.value for each in found.profile]
    expected = [0.255, 0.01, 0.5, 0.01, math.nan, 0.255, 0.01, 0.01, 0.5, math.nan]
    assert means == pytest.approx(expected, nan_ok=True)
    assert sum(map(sum, found.plane)) == 10
    plane = {
        (entropy, edge): n
        for entropy, row in zip(ENTROPY_EDGES, found.plane, strict=True)
        for edge, n in zip(DIVERGENCE_EDGES, row, strict=True)
        if n
    }
    assert plane[2.0, 0.4] == 1
    assert plane[0.2, 0.4] == 1  # divergent at .3 nats, where a locator by entropy is blind
    assert found.overlap is None, "these records have no entropies of the teacher"


def test_what_the_teacher_s_own_entropies_say_by_hand() -> None:
    def seen(record: ComparedChain, entropy: list[float], overlap: list[int]) -> ComparedChain:
        view = replace(record.views[0], entropy=tuple(entropy), overlap=tuple(overlap))
        return replace(record, views=(view,))

    records = [
        seen(chain("a", [1] * 5, [0.1, 2.0, 0.3, 0.0, 0.2]), [0.0, 1.0, 0.0, 0.0, 0.0], [5] * 5),
        seen(chain("b", [1] * 5, [0.1, 0.2, 0.3, 0.0, 3.0]), [1.5, 0.0, 0.0, 0.0, 0.0], [4] * 5),
    ]
    found = summarise_comparison(records, ["t"], tau=1.2).teachers[0].divergence
    assert found is not None
    assert found.overlap is not None
    assert found.overlap.value == pytest.approx(0.9)
    assert found.entropy_teacher is not None
    assert found.entropy_teacher.value == pytest.approx(0.25)
    assert found.top_entropy_overlap is not None
    assert found.top_entropy_overlap.value == 0.5  # a fifth of 5 tokens is one, the same in "a"


def test_results_survive_json_and_damage_is_refused() -> None:
    results = summarise_comparison(RECORDS[:1], ["=t"], tau=1.2)
    data = json.loads(json.dumps(results.to_json()))
    again = CompareResults.from_json(data)
    assert again.to_json() == results.to_json()
    (row,) = again.to_rows()
    assert row["teacher"] == "'=t", "a spreadsheet runs no teacher"
    del data["teachers"][0]["counts"]["shifted"]
    with pytest.raises(FileError, match="damaged"):
        CompareResults.from_json(data)


def test_records_survive_json_and_damage_is_refused() -> None:
    data = json.loads(json.dumps(RECORDS[1].to_json()))
    assert ComparedChain.from_json(data) == RECORDS[1]
    assert RECORDS[1].changes(0) == [0, 3, 5]
    data["views"][0]["base_rank"].pop()
    with pytest.raises(FileError, match="differ in length"):
        ComparedChain.from_json(data)


def test_where_nothing_changes_ranks_and_ratios_are_unknown_and_shares_are_bounded() -> None:
    same = [chain(str(i), [1, 1, 1], [0.1, 0.2, 0.3]) for i in range(20)]
    (found,) = summarise_comparison(same, ["t"], tau=1.2).teachers
    assert found.unshifted.value == 1
    assert found.shifted.value == 0
    assert 0.1 < found.shifted.high < 0.2  # Wilson's of 0 in 20 chains
    for unknown in (found.mean_base_rank, found.entropy_changed, found.entropy_ratio):
        assert math.isnan(unknown.value)
        assert unknown.n == 0


def test_a_ratio_of_sums_covers_the_truth_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(60):
        counts = rng.integers(1, 6, 80)
        amounts = [rng.normal(2, 0.5, n).sum() for n in counts]
        others = [rng.normal(0.5, 0.1, 10).sum() for _ in counts]
        found = ratio_of_sums(amounts, counts.tolist(), others, [10] * 80, seed)
        inside += found.low <= 4 <= found.high
    assert inside >= 52  # 57 expected of 60; fewer than 52 happen once in a hundred times


@needs_demo
def test_compared_chains_are_the_greedy_ones_and_their_views_the_teacher_s(tmp_path: Path) -> None:
    lm = load_language_model(ModelSpec())
    adapters = save_adapters(DEMO_FOLDER, tmp_path)
    teachers = [load_beside(lm, teacher_spec(lm.spec, str(each))) for each in adapters]
    problems = demo_problems()[:4]
    progress: list[tuple[int, int]] = []
    records = compare_chains(
        lm, teachers, problems, CompareSettings(), on_progress=lambda *at: progress.append(at)
    )
    assert records is not None
    chains = generate(lm, problems, Sampler(), seeds=[0] * 4)
    assert [each.token_ids for each in records] == [each.token_ids for each in chains]
    assert progress[-1] == (12, 12)
    for record in records:
        for number, teacher in enumerate(teachers):
            found = disagree(lm, teacher, record.prompt_ids, record.token_ids)
            assert record.classes(number) == found.classes
            assert record.views[number].argmax == tuple(found.teacher_argmax.tolist())
            assert record.views[number].entropy == tuple(floats(found.teacher.entropy))
    assert compare_chains(lm, teachers, problems, CompareSettings(), cancel=lambda: True) is None
    along = CompareSettings(along="teacher")
    theirs = compare_chains(lm, teachers[:1], problems, along)
    assert theirs is not None
    chains = generate(teachers[0], problems, Sampler(), seeds=[0] * 4)
    assert [each.token_ids for each in theirs] == [each.token_ids for each in chains]
    for record in theirs:
        assert record.views[0].argmax == record.token_ids, "a greedy chain is its own choice"
    for settings, own in ((CompareSettings(), records[0]), (along, theirs[0])):
        read = read_chain(lm, teachers[0], problems[0], own, settings)
        differs = tuple((read.found.base_argmax != own.token_ids).tolist())
        assert (read.along, read.chain.forced) == (settings.along, differs)
    assert any(differs), "the teacher forced what the base's greedy decoding would not write"


@needs_demo
def test_a_run_that_is_cancelled_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", 2)
    teachers = [str(each) for each in save_adapters(DEMO_FOLDER, tmp_path)]
    plan = plan_comparison(ModelSpec(), demo_problems()[::60], {"seed": 1}, teachers=teachers)
    whole, cut = (Run.create(tmp_path / "runs", COMPARE.name, plan) for _ in range(2))
    assert carry_out(whole, COMPARE.carry_out, bar=False) == DONE, whole.log_tail()

    def stops_early(work: RunContext) -> None:
        keep = work.keep

        def kept(key: str, result: object) -> None:
            keep(key, result)
            work.stop.request()

        monkeypatch.setattr(work, "keep", kept)
        COMPARE.carry_out(work)

    assert carry_out(cut, stops_early, bar=False) == CANCELLED
    so_far = COMPARE.results_of(cut)
    assert so_far is not None
    assert so_far.n == len(COMPARE.records_of(cut)) == 2
    assert carry_out(cut, COMPARE.carry_out, bar=False) == DONE, cut.log_tail()
    for name in ("results.json", "results.csv"):
        assert (cut.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert not (cut.folder / "so_far.json").exists()
    results = COMPARE.results_of(whole)
    assert results is not None
    assert [each.teacher for each in results.teachers] == [str(Path(t)) for t in teachers]


@needs_demo
def test_a_teacher_equal_to_the_base_changes_nothing() -> None:
    lm = load_language_model(ModelSpec())
    records = compare_chains(lm, [lm], demo_problems()[:3], CompareSettings())
    assert records is not None
    assert all(set(each.classes(0)) == {TokenClass.UNSHIFTED} for each in records)


@needs_demo
def test_what_can_not_be_compared_is_refused_before_any_work(tmp_path: Path) -> None:
    problems = [Problem("p", "1+1?", "2")]
    with pytest.raises(ModelError, match="0 teachers"):
        plan_comparison(ModelSpec(), problems, {}, teachers=[])
    with pytest.raises(ModelError, match="no model folder"):
        plan_comparison(ModelSpec(), problems, {}, teachers=[str(tmp_path / "none")])
    with pytest.raises(ProblemError):
        plan_comparison(ModelSpec(), [], {}, teachers=["demo"])
    with pytest.raises(ModelError, match="adapter of the demo model"):
        teacher_spec(ModelSpec("other/model"), DEMO_TEACHER)


@needs_demo
@pytest.mark.skipif(not DEMO_TEACHER_FOLDER.is_dir(), reason="no demo teacher trained")
def test_the_command_compares_the_demo_with_its_teacher(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    done = CliRunner().invoke(app, ["compare", "--sample", "3", "--runs-dir", str(runs)])
    assert done.exit_code == 0, done.output
    for said in ("teacher demo-teacher", "reranked", "(paper: 1 to 4.1 %)", "Teaching model"):
        assert said in done.output
    (folder,) = runs.iterdir()
    results = COMPARE.results_of(Run.open(folder))
    assert results is not None
    assert results.teachers[0].counts["reranked"] > 0
