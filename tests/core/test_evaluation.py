"""Samples, their figures and comparisons, counted by hand on small sets of records."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from lookup_model import BASE, TEACHER, lookup_model
from models import tiny_language_model
from pydantic import ValidationError

from core.chains.generation import generate
from core.decoding.sampling import chain_seed
from core.errors import FileError, ProblemError, PromptError
from core.evaluation.comparison import EvaluationComparison, FamilyDifference, compare
from core.evaluation.records import ProblemSamples, Sample
from core.evaluation.results import EvaluationResults, summarise_evaluation
from core.evaluation.sampling import check_evaluation, evaluate, votes
from core.evaluation.settings import EvaluationSettings
from core.models.language_model import LanguageModel
from core.records import Outcome, Problem, Sampler, StopReason, Verdict
from core.statistics import BETTER, SAME, WORSE, mean_over_problems, share

CORRECT, WRONG, UNPARSEABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSEABLE
EOS, LENGTH = StopReason.EOS, StopReason.LENGTH
PROBLEMS = [Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(6)]
SMALL = EvaluationSettings(samples=3, max_new_tokens=8)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


def problem(name: str, right: int, wrong: int, family: str | None = None) -> ProblemSamples:
    """So many right and wrong samples, each of three tokens; the right ones come first."""
    samples = [Sample((1, 2, 0), "7", CORRECT, True, EOS, 0)] * right
    samples += [Sample((1, 3, 0), "3", WRONG, True, EOS, right)] * wrong
    return ProblemSamples(name, family, (9,), tuple(samples))


RECORDS = [
    problem("p1", 4, 0, "fence"),
    problem("p2", 1, 3, "fence"),
    problem("p3", 0, 4, "saw"),
    ProblemSamples(
        "p4",
        None,
        (9,),
        (
            Sample((1,) * 8, None, UNPARSEABLE, False, LENGTH),
            Sample((1, 0), "7", CORRECT, True, EOS, 1),
            Sample((1,) * 8, None, Verdict.TIMED_OUT, False, LENGTH),
            Sample((1, 0), "7.0", CORRECT, False, EOS, 1),
        ),
    ),
]


def test_pass_at_1_is_the_mean_of_the_samples_and_the_curve_is_the_unbiased_estimate() -> None:
    results = summarise_evaluation(RECORDS)
    assert (results.n, results.samples) == (4, 4)
    assert results.label == "pass@1 (mean of 4 samples)"
    assert results.pass_at_1 == mean_over_problems([1, 0.25, 0, 0.5])
    assert results.pass_at_1.value == 0.4375
    assert [each.k for each in results.pass_at_k] == [1, 2, 3, 4]
    # Of p2's 6 pairs 3 hold its right sample, of p4's 6 all but one; of the triples 3 of 4, all.
    by_hand = [7 / 16, (1 + 3 / 6 + 0 + 5 / 6) / 4, (1 + 3 / 4 + 0 + 1) / 4, 3 / 4]
    assert [each.estimate.value for each in results.pass_at_k] == pytest.approx(by_hand)
    assert results.pass_at_k[0].estimate == results.pass_at_1
    assert all(each.estimate.n == 4 for each in results.pass_at_k)


def test_rates_average_the_samples_of_a_problem_first() -> None:
    results = summarise_evaluation(RECORDS)
    assert results.boxed == mean_over_problems([1, 1, 1, 0.25])
    assert results.truncated == mean_over_problems([0, 0, 0, 0.5])
    assert results.unparseable == mean_over_problems([0, 0, 0, 0.25])
    assert results.mean_length.value == (3 + 3 + 3 + 5) / 4
    assert results.mean_length.low < 3.5 < results.mean_length.high
    assert results.verdicts == {"correct": 7, "wrong": 7, "unparseable": 1, "timed_out": 1}


def test_the_majority_wins_and_ties_go_to_the_answer_seen_first() -> None:
    results = summarise_evaluation(RECORDS)
    assert results.maj_at_k == share(2, 4), "p1, and p4 by the two that vote"
    first_wrong = (Sample((3,), "3", WRONG, True, EOS, 0), Sample((7,), "7", CORRECT, True, EOS, 1))
    tied = ProblemSamples("p", None, (9,), first_wrong * 2)
    tied = replace(tied, samples=tuple(replace(s, vote=i % 2) for i, s in enumerate(tied.samples)))
    assert tied.majority == first_wrong[0]
    assert not tied.solved, "half is not more than half"
    nobody = Sample((1,), None, UNPARSEABLE, False, EOS)
    assert ProblemSamples("p", None, (9,), (nobody, nobody)).majority is None


def test_answers_vote_together_where_the_answer_checker_finds_them_equal() -> None:
    def outcome(answer: str | None, verdict: Verdict) -> Outcome:
        return Outcome(answer, verdict, True)

    assert votes(
        [
            outcome(None, UNPARSEABLE),
            outcome("3", WRONG),
            outcome(r"\frac{1}{2}", CORRECT),
            outcome("3.0", WRONG),
            outcome("0.5", CORRECT),
            outcome(r"\sqrt{8}", WRONG),
            outcome(r"2\sqrt{2}", WRONG),
            outcome("3", WRONG),
            outcome("1/0", Verdict.TIMED_OUT),
        ]
    ) == [None, 1, 2, 1, 2, 5, 5, 1, None]
    assert votes([]) == []


def test_families_have_their_own_figures_and_problems_without_one_stand_together() -> None:
    families = {each.family: each for each in summarise_evaluation(RECORDS).families}
    assert {name: each.n for name, each in families.items()} == {"fence": 2, "saw": 1, None: 1}
    assert families["fence"].pass_at_1 == mean_over_problems([1, 0.25])
    assert (families["saw"].pass_at_1.low, families["saw"].pass_at_1.value) == (0, 0)
    nameless = [replace(record, family=None) for record in RECORDS]
    assert summarise_evaluation(nameless).families == ()


def test_one_sample_a_problem_has_wilsons_interval() -> None:
    results = summarise_evaluation([problem("a", 1, 0), problem("b", 0, 1), problem("c", 1, 0)])
    assert results.label == "pass@1"
    assert results.pass_at_1 == results.maj_at_k == share(2, 3)
    assert len(results.pass_at_k) == 1


def test_one_problem_and_no_problems_know_little() -> None:
    results = summarise_evaluation([problem("a", 3, 1)])
    assert (results.pass_at_1.low, results.pass_at_1.value, results.pass_at_1.high) == (0, 0.75, 1)
    assert results.mean_length.value == 3
    assert math.isnan(results.mean_length.low)
    assert EvaluationResults.from_json(results.to_json()).to_json() == results.to_json()
    empty = summarise_evaluation([])
    assert empty.n == 0
    assert math.isnan(empty.pass_at_1.value)
    assert EvaluationResults.from_json(empty.to_json()).to_json() == empty.to_json()


def test_a_long_curve_is_thinned_beyond_32() -> None:
    results = summarise_evaluation([problem("a", 10, 90), problem("b", 90, 10)])
    assert [each.k for each in results.pass_at_k] == [*range(1, 33), 64, 100]
    values = [each.estimate.value for each in results.pass_at_k]
    assert values == sorted(values)


def test_records_that_make_no_summary_are_refused() -> None:
    unknown = Sample((1,), "3", Verdict.NO_GOLD, True, EOS)
    with pytest.raises(ProblemError, match="p9 has no readable gold"):
        summarise_evaluation([ProblemSamples("p9", None, (9,), (unknown,))])
    with pytest.raises(ProblemError, match="b has 2 samples, and others 1"):
        summarise_evaluation([problem("a", 1, 0), problem("b", 1, 1)])


BEFORE = [
    problem("a", 0, 4, "saw"),
    problem("b", 1, 3, "saw"),
    problem("c", 4, 0, "saw"),
    problem("d", 2, 2, "fence"),
]
AFTER = [
    problem("d", 2, 2, "fence"),
    problem("a", 3, 1, "saw"),
    problem("b", 4, 0, "saw"),
    problem("c", 2, 2, "saw"),
]


def test_a_comparison_pairs_problems_by_their_id() -> None:
    found = compare(BEFORE, AFTER)
    assert found.n == 4
    assert (found.before.value, found.after.value) == (7 / 16, 11 / 16)
    assert found.difference.value == pytest.approx((0 + 3 / 4 + 3 / 4 - 2 / 4) / 4)
    assert (found.solved_before, found.solved_after) == (1, 2)
    assert (found.gained, found.lost) == (("a", "b"), ("c",)), "half right is not solved"
    assert found.mcnemar_p == 1.0, "2 against 1: at most 1 of 3 heads, twice"
    assert found.word == SAME
    assert found.boxed.value == 0
    assert (found.mean_length.value, found.mean_length.n) == (0, 4)
    by_family = {each.family: each.difference for each in found.families}
    assert by_family["fence"].value == 0
    assert by_family["fence"].n == 1
    assert by_family["saw"].value == pytest.approx(1 / 3)


def test_a_difference_has_a_word_only_where_its_interval_excludes_nothing() -> None:
    none = [problem(f"p{i}", 0, 2) for i in range(20)]
    all_right = [problem(f"p{i}", 2, 0) for i in range(20)]
    better, worse, same = compare(none, all_right), compare(all_right, none), compare(none, none)
    assert (better.word, worse.word, same.word) == (BETTER, WORSE, SAME)
    assert better.mcnemar_p == worse.mcnemar_p == 2 / 2**20
    assert len(better.gained) == len(worse.lost) == 20
    assert better.families == ()
    shorter = [replace(each, samples=(replace(each.samples[0], token_ids=(1,)),)) for each in none]
    assert compare(none, shorter).mean_length.value == -2, "another number of samples is fine"


def test_other_problems_can_t_be_compared() -> None:
    with pytest.raises(ProblemError, match=r"only one of them has 2 \(d, e\)"):
        compare(BEFORE, [*AFTER[1:], problem("e", 1, 3)])
    with pytest.raises(ProblemError, match="more than once"):
        compare(BEFORE, [*AFTER, AFTER[0]])
    with pytest.raises(ProblemError, match="more than once"):
        compare([*BEFORE, BEFORE[0]], AFTER)


def test_what_is_written_is_read_back() -> None:
    for record in RECORDS:
        assert ProblemSamples.from_json(json.loads(json.dumps(record.to_json()))) == record
    comparison = compare(BEFORE, AFTER)
    assert (
        EvaluationComparison.from_json(json.loads(json.dumps(comparison.to_json()))) == comparison
    )
    results = summarise_evaluation(AFTER, comparison=comparison)
    assert EvaluationResults.from_json(json.loads(json.dumps(results.to_json()))) == results
    rows = results.to_rows()
    assert all(row.keys() == rows[0].keys() for row in rows)
    (difference, *_) = [row for row in rows if row["measure"] == "difference in pass@1"]
    assert difference["value"] == comparison.difference.value
    assert "no measurable difference" in str(difference["note"])
    spreadsheet = summarise_evaluation([replace(AFTER[0], family="=1+1")]).to_rows()
    assert spreadsheet[-1]["family"] == "'=1+1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("samples"),
        lambda data: data.update(samples=[]),
        lambda data: data["samples"][0].update(verdict="perhaps"),
        lambda data: data["samples"][0].update(vote=4),
        lambda data: data["samples"][0].update(token_ids="x"),
        lambda data: data.update(schema_version=99),
        lambda data: data.pop("schema_version"),
    ],
)
def test_damaged_records_are_said(spoil: Any) -> None:
    data = RECORDS[0].to_json()
    spoil(data)
    with pytest.raises(FileError):
        ProblemSamples.from_json(data)


def nested(depth: int) -> Any:
    """Lists in lists."""
    return [] if depth == 0 else [nested(depth - 1)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("pass_at_1"),
        lambda data: data["verdicts"].pop("correct"),
        lambda data: data.update(families=5),
        lambda data: data.update(families=nested(400)),
        lambda data: data.update(n=-4),
        lambda data: data.update(samples=3),
        lambda data: data.update(samples=2**60),
        lambda data: data["verdicts"].update(correct=2**60),
        lambda data: data["verdicts"].update(correct=0),
        lambda data: data.update(pass_at_k=[]),
        lambda data: data["pass_at_k"].pop(0),
        lambda data: data["pass_at_k"].pop(),
        lambda data: data["pass_at_k"].reverse(),
        lambda data: data["pass_at_k"].append(data["pass_at_k"][-1]),
        lambda data: data["pass_at_1"].update(value=1.5),
        lambda data: data["pass_at_1"].update(value=-0.5, low=-0.6),
        lambda data: data["pass_at_1"].update(low=None),
        lambda data: data["pass_at_1"].update(high=math.inf),
        lambda data: data["boxed"].update(low=0.9, high=0.1),
        lambda data: data["boxed"].update(n=2**60),
        lambda data: data["mean_length"].update(value=1e300),
        lambda data: data["mean_length"].update(low=math.nan),
        lambda data: data["families"][0]["pass_at_1"].update(value=7),
        lambda data: data["families"][0].update(n=-1),
        lambda data: data["families"][0].update(family="\ud800"),
        lambda data: data["comparison"].update(word="splendid"),
        lambda data: data["comparison"].update(mcnemar_p=None),
        lambda data: data["comparison"].update(mcnemar_p=math.nan),
        lambda data: data["comparison"].update(mcnemar_p=1.5),
        lambda data: data["comparison"].update(n=2**60),
        lambda data: data["comparison"].update(solved_before=-1),
        lambda data: data["comparison"].update(solved_after=5),
        lambda data: data["comparison"].update(gained=["a", "b", "x"]),
        lambda data: data["comparison"].update(gained=["a", "\ud800"]),
        lambda data: data["comparison"]["difference"].update(value=-1.5, low=-2),
        lambda data: data["comparison"]["difference"].update(high=None),
        lambda data: data["comparison"]["boxed"].update(high=math.inf),
        lambda data: data["comparison"]["families"][0]["difference"].update(low=-3),
        lambda data: data["comparison"].pop("difference"),
        lambda data: data["comparison"].pop("schema_version"),
        lambda data: data.update(schema_version=99),
    ],
)
def test_damaged_results_are_said(spoil: Any) -> None:
    data = summarise_evaluation(AFTER, comparison=compare(BEFORE, AFTER)).to_json()
    EvaluationResults.from_json(data)
    spoil(data)
    with pytest.raises(FileError):
        EvaluationResults.from_json(data)
    with pytest.raises(FileError):
        EvaluationComparison.from_json([])


def test_the_same_seed_gives_the_same_chains_whatever_stands_around_them(
    lm: LanguageModel,
) -> None:
    records = evaluate(lm, PROBLEMS, SMALL)
    assert records is not None
    assert [record.problem_id for record in records] == [each.id for each in PROBLEMS]
    assert all(record.n == 3 for record in records)
    assert len({sample.token_ids for sample in records[0].samples}) > 1
    one_by_one = SMALL.model_copy(update={"batch_size": 1})
    assert evaluate(lm, PROBLEMS, one_by_one) == records
    chunks = [evaluate(lm, chunk, SMALL) for chunk in (PROBLEMS[:2], PROBLEMS[2:])]
    assert [record for chunk in chunks for record in chunk or []] == records
    assert evaluate(lm, PROBLEMS[::-1], SMALL) == records[::-1]
    fewer = evaluate(lm, PROBLEMS, SMALL.model_copy(update={"samples": 2}))
    assert fewer is not None
    assert [each.samples for each in fewer] == [each.samples[:2] for each in records]
    assert evaluate(lm, PROBLEMS, SMALL.model_copy(update={"seed": 1})) != records


def test_chains_are_those_that_generate_makes_greedy_or_sampled(lm: LanguageModel) -> None:
    for settings in (
        EvaluationSettings(samples=1, temperature=0, max_new_tokens=8),
        EvaluationSettings(samples=1, seed=5, max_new_tokens=8),
    ):
        records = evaluate(lm, PROBLEMS, settings)
        assert records is not None
        seeds = [chain_seed(settings.seed, each.id, 0) for each in PROBLEMS]
        chains = generate(lm, PROBLEMS, settings.sampler, seeds)
        for record, chain in zip(records, chains, strict=True):
            (sample,) = record.samples
            assert (record.prompt_ids, sample.token_ids) == (chain.prompt_ids, chain.token_ids)
            assert sample.stop_reason is chain.stop_reason


def test_a_model_that_knows_is_better_than_its_base() -> None:
    settings = EvaluationSettings(samples=16, temperature=1, top_p=1, max_new_tokens=4)
    asked = [Problem(f"p{i}", "so", "7", family="so") for i in range(12)]
    before, after = (evaluate(lookup_model(t), asked, settings) for t in (BASE, TEACHER))
    assert before is not None
    assert after is not None
    found = compare(before, after)
    assert found.word == BETTER
    assert found.families == (FamilyDifference("so", found.difference),)
    results = summarise_evaluation(after)
    assert results.maj_at_k.value == 1 > results.pass_at_1.value > 0.8
    assert compare(before, after) == found


def test_cancelled_work_has_no_result(lm: LanguageModel) -> None:
    told: list[tuple[int, int]] = []
    assert evaluate(lm, PROBLEMS, SMALL, on_progress=lambda *p: told.append(p)) is not None
    assert told == [(i + 1, 18) for i in range(18)]
    asked = iter([False] * 4)
    assert evaluate(lm, PROBLEMS, SMALL, cancel=lambda: next(asked, True)) is None


@pytest.mark.parametrize(
    "bad",
    [
        {"samples": 0},
        {"samples": 1025},
        {"temperature": -0.1},
        {"temperature": 1e-6, "samples": 1},
        {"temperature": float("nan")},
        {"temperature": 0, "samples": 4},
        {"top_p": 0},
        {"top_p": 1.1},
        {"max_new_tokens": 0},
        {"seed": -1},
        {"batch_size": 0},
        {"prompt_style": "poem"},
        {"template": "no place for it", "prompt_style": "plain"},
        {"sample": 4},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EvaluationSettings(**bad)


def test_greedy_chains_are_drawn_once() -> None:
    with pytest.raises(ValidationError, match="all alike"):
        EvaluationSettings(temperature=0, samples=2)
    assert EvaluationSettings(temperature=0).samples == 1
    assert EvaluationSettings(temperature=0.1).samples == 4
    greedy = EvaluationSettings(temperature=0, samples=1, max_new_tokens=9)
    assert greedy.sampler == Sampler(0, 0.95, max_new_tokens=9)
    assert EvaluationSettings.model_validate_json(greedy.model_dump_json()) == greedy


def test_what_can_t_be_evaluated_is_refused_before_any_work(lm: LanguageModel) -> None:
    check_evaluation(lm, PROBLEMS, SMALL)
    with pytest.raises(ProblemError, match="no problems"):
        check_evaluation(lm, [], SMALL)
    with pytest.raises(ProblemError, match=r"1 of 7 \(why\)"):
        check_evaluation(lm, [*PROBLEMS, Problem("why", "Why?")], SMALL)
    with pytest.raises(PromptError, match=r"Problem p0: .* don't fit"):
        check_evaluation(lm, PROBLEMS, SMALL.model_copy(update={"max_new_tokens": 512}))
    with pytest.raises(PromptError, match=r"Problem p0: .*chat template"):
        check_evaluation(lm, PROBLEMS, SMALL.model_copy(update={"prompt_style": "chat_template"}))
