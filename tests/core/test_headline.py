"""Every kind of run says what it has found in one figure and one plain sentence."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from core.disagreement.headline import compare_headline, half_within
from core.disagreement.task import COMPARE
from core.evaluation.comparison import compare
from core.evaluation.headline import comparison_word, evaluation_headline
from core.evaluation.records import ProblemSamples
from core.evaluation.results import summarise_evaluation
from core.evaluation.task import EVALUATE
from core.interventions.headline import comparison_word as arm_word
from core.interventions.headline import intervention_headline
from core.interventions.results import ArmSummary, SweepCounts
from core.interventions.task import INTERVENTIONS
from core.kinds import KINDS
from core.records import Verdict
from core.runs.headline import Headline, counted, interval, points, short_percent, signed, span
from core.runs.run import Run
from core.statistics import BETTER, SAME, UNCLEAR, WORSE, Estimate, settled
from core.system.percent import percent
from tests.toy_kind import LENGTHS

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
NAMES = sorted(folder.name for folder in STORED.iterdir())


@pytest.mark.parametrize(
    ("share", "text", "short"),
    [
        (0.3934, "39.3 %", "39 %"),
        (0.0115, "1.1 %", "1.1 %"),
        (0.0004, "< 0.1 %", "< 0.1 %"),
        (0.0, "0 %", "0 %"),
        (1.0, "100 %", "100 %"),
        (0.9999, "> 99.9 %", "> 99.9 %"),
        (0.996, "99.6 %", "99.6 %"),
        (nan, "unknown", "unknown"),
    ],
)
def test_a_share_has_a_space_and_never_rounds_to_nothing(
    share: float, text: str, short: str
) -> None:
    assert (percent(share), short_percent(share)) == (text, short)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0.05, 0.36, "5–36"), (0.141, 0.178, "14.1–17.8"), (0.0111, 0.0119, "1.11–1.19")],
)
def test_an_interval_is_as_precise_as_it_is_narrow(low: float, high: float, text: str) -> None:
    assert span(Estimate(low, low, high, 9)) == text
    assert interval(Estimate(low, low, high, 9)) == f"95 % interval {text} %"


def test_an_unknown_interval_says_so() -> None:
    assert interval(Estimate(nan, nan, nan, 0)) == "95 % interval unknown"


def test_a_difference_has_a_true_minus_and_no_negative_zero() -> None:
    assert points(Estimate(0.042, -0.031, 0.11, 9)) == "+4.2 points (95 % interval −3.1 to +11.0)"
    assert signed(-0.04) == "0.0"
    assert (counted(1, "problem"), counted(1200, "chain")) == ("1 problem", "1,200 chains")


@pytest.mark.parametrize(
    ("word", "p", "said"),
    [
        (BETTER, 0.01, BETTER),
        (BETTER, 0.12, UNCLEAR),
        (WORSE, 0.05, UNCLEAR),
        (SAME, 0.4, SAME),
        (SAME, 0.04, UNCLEAR),
        (BETTER, None, BETTER),
    ],
)
def test_where_interval_and_test_disagree_a_difference_is_unclear(
    word: str, p: float | None, said: str
) -> None:
    assert settled(word, p) == said


@pytest.mark.parametrize("name", NAMES)
def test_every_stored_run_has_a_headline(name: str) -> None:
    run = Run.open(STORED / name)
    found = KINDS[run.config.task].load().headline_of(run)
    assert isinstance(found, Headline)
    assert len(found.figure) <= 40
    assert found.sentence.endswith(".")
    assert "nan" not in found.sentence
    assert "%" in found.sentence


def test_there_is_none_before_there_are_results(tmp_path: Path) -> None:
    run = Run.open(STORED / "evaluate-first").repeat(tmp_path)
    assert EVALUATE.headline_of(run) is None
    assert LENGTHS.headline_of(run) is None  # a kind without headlines


def samples(problem: str, *right: bool) -> ProblemSamples:
    record = EVALUATE.records_of(Run.open(STORED / "evaluate-first"))[0]
    first = record.samples[0]
    verdicts = [Verdict.CORRECT if each else Verdict.WRONG for each in right]
    return replace(
        record,
        problem_id=problem,
        samples=tuple(replace(first, verdict=each) for each in verdicts),
    )


def test_of_an_evaluation_it_is_the_accuracy_with_its_interval() -> None:
    records = [samples(str(i), i < 4, i < 4) for i in range(12)]
    found = evaluation_headline(summarise_evaluation(records))
    assert found.figure.startswith("33 % (")
    assert found.sentence.startswith("33.3 % correct on average (12 problems, 2 samples each; 95 %")


def test_of_one_sample_each_it_is_the_share_of_problems() -> None:
    found = evaluation_headline(summarise_evaluation([samples("a", True), samples("b", False)]))
    assert found.sentence == "50.0 % correct (2 problems; 95 % interval 9–91 %)."


def test_against_an_earlier_evaluation_it_is_the_change() -> None:
    before = [samples(str(i), False) for i in range(12)]
    after = [samples(str(i), i < 4) for i in range(12)]
    change = compare(before, after)
    assert change.word == BETTER  # by the bootstrap interval; the exact test says p = 0.125
    assert comparison_word(change) == UNCLEAR
    found = evaluation_headline(summarise_evaluation(after, comparison=change))
    assert found.figure == "0 → 33 %"
    assert found.sentence.endswith("The difference is unclear.")


def test_of_samples_that_are_averaged_the_interval_decides_alone() -> None:
    """McNemar's test is of problems solved more than half of the time, which is another thing."""
    before = [samples(str(i), False, False, False, False) for i in range(12)]
    after = [samples(str(i), True, i < 6, False, False) for i in range(12)]
    change = compare(before, after)
    assert (change.word, comparison_word(change)) == (BETTER, BETTER)
    assert change.mcnemar_p == 1.0


def arms() -> dict[str, ArmSummary]:
    results = INTERVENTIONS.results_of(Run.open(STORED / "interventions"))
    assert results is not None
    return {each.arm: each for each in results.arms}


def sweep(right: int, tries: int) -> SweepCounts:
    rate = Estimate(right / tries, right / tries - 0.03, right / tries + 0.03, 11)
    return SweepCounts(Estimate(0.5, 0.2, 0.8, 11), 5, rate, tries, right)


def test_of_interventions_it_is_forks_against_random() -> None:
    results = INTERVENTIONS.results_of(Run.open(STORED / "interventions"))
    assert results is not None
    found = arms()
    control = found["base_only"].against_control
    assert control is not None
    forks = replace(
        found["base_only"], sweep=sweep(161, 1000), against_control=replace(control, word=BETTER)
    )
    random = replace(found["base_only_control"], sweep=sweep(57, 1000))
    headline = intervention_headline(replace(results, arms=(found["base"], forks, random)))
    assert headline == Headline(
        "forks 16 % v random 5.7 %",
        "Replacing one token at an uncertain position fixes a wrong answer in 16.1 % of tries; at "
        "random positions, 5.7 % (11 wrong answers; 95 % intervals 13–19 % and 3–9 %). The "
        "difference is clear.",
    )


def test_without_forks_it_is_the_oracle_against_the_base() -> None:
    results = INTERVENTIONS.results_of(Run.open(STORED / "interventions"))
    assert results is not None
    kept = [each for each in results.arms if each.arm in ("base", "oracle")]
    found = intervention_headline(replace(results, arms=tuple(kept)))
    assert " → " in found.figure
    assert found.sentence.startswith("Following the teacher at ")
    alone = intervention_headline(replace(results, arms=tuple(kept[:1])))
    assert alone.figure.startswith("base ")


def test_an_arm_whose_interval_and_test_disagree_is_unclear() -> None:
    """B15: "better, p = 0.12"."""
    comparison = arms()["oracle"].comparison
    assert comparison is not None
    assert arm_word(replace(comparison, word=BETTER, mcnemar_p=0.12)) == UNCLEAR
    assert arm_word(replace(comparison, word=None, mcnemar_p=None)) is None


def test_of_a_comparison_it_is_the_share_of_changed_tokens_and_where() -> None:
    results = COMPARE.results_of(Run.open(STORED / "compare"))
    assert results is not None
    (teacher,) = results.teachers
    teacher = replace(
        teacher,
        tokens=1000,
        counts={"unshifted": 985, "reranked": 10, "shifted": 5},
        unshifted=Estimate(0.985, 0.98, 0.99, 4),
        place_counts=(6, 1, 1, 2, 0, 0, 0, 1, 2, 2),
    )
    assert half_within(teacher) == 0.3  # 8 of 15
    found = compare_headline(replace(results, n=4, teachers=(teacher,)))
    assert found == Headline(
        "1.5 % changed",
        "1.50 % of tokens changed (1,000 tokens of 4 chains; 95 % interval 1.0–2.0 %), half of "
        "them in the first 30 % of the chain.",
    )
    same = replace(teacher, counts={"unshifted": 1000, "reranked": 0, "shifted": 0},
                   place_counts=(0,) * 10)  # fmt: skip
    both = compare_headline(replace(results, n=4, teachers=(teacher, same)))
    assert both.figure == "1.5, 0 % changed"
    assert "agrees with the base everywhere" in both.sentence
