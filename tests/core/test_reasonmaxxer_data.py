"""From rollouts to micro-batches, by hand: advantages, selection, gates, padding, disjointness."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.entropy import Gate
from core.errors import ProblemError, TrainingError
from core.evaluation.records import ProblemSamples, Sample
from core.lora.plan import check_disjoint
from core.reasonmaxxer.examples import Collator, Example
from core.reasonmaxxer.gates import Rollout, gate_rollout
from core.reasonmaxxer.selection import Selection, advantages, select_examples
from core.reasonmaxxer.settings import GATES, GateEntry, GateSettings, SelectionSettings
from core.records import Problem, StopReason, Verdict

EVERYTHING = SelectionSettings(drop_longest=0)
ENTROPY = (0.1, 1.5, 0.0, 1.4, 2.0, 0.3)  # nats; two above 1.4


def sample(
    right: bool,
    entropy: Sequence[float] = (0.1, 1.5, 0.2),
    *,
    cut: bool = False,
    first: int = 1,
) -> Sample:
    """A rollout whose token ids count up from `first`."""
    return Sample(
        tuple(range(first, first + len(entropy))),
        "7",
        Verdict.CORRECT if right else Verdict.WRONG,
        True,
        StopReason.LENGTH if cut else StopReason.EOS,
        entropy=tuple(entropy),
    )


def problem(name: str, right: int, wrong: int) -> ProblemSamples:
    samples = [sample(i < right) for i in range(right + wrong)]
    return ProblemSamples(name, None, (9, 8), tuple(samples))


def select(
    *records: ProblemSamples,
    chosen: SelectionSettings = EVERYTHING,
    gate: GateSettings | None = None,
    seed: int = 0,
) -> Selection:
    return select_examples(records, chosen, gate or GateSettings(), seed)


# Advantages.


def test_advantages_divide_by_the_population_deviation() -> None:
    """1 of 4: mean 1/4, std sqrt(3)/4. A sample's deviation would give 1.5 and -0.5."""
    assert advantages([True, False, False, False]) == pytest.approx(
        [math.sqrt(3), *[-1 / math.sqrt(3)] * 3]
    )
    assert advantages([True, False]) == [1, -1]


def test_advantages_are_clipped_on_both_sides() -> None:
    assert advantages([True] + [False] * 19)[0] == 2.5  # sqrt(19) = 4.36
    assert advantages([False] + [True] * 19)[0] == -2.5
    assert advantages([True, False], clip=0.1) == [0.1, -0.1]


@pytest.mark.parametrize("correct", [[True, True], [False, False, False], [True]])
def test_where_all_agree_there_is_no_advantage(correct: list[bool]) -> None:
    assert advantages(correct) == [0.0] * len(correct)


# Selection.


def test_only_mixed_problems_are_kept_those_nearest_to_one_half_first() -> None:
    records = [
        problem("never", 0, 4),
        problem("one", 1, 3),
        problem("half", 2, 2),
        problem("always", 4, 0),
    ]
    report = select(*records).report
    assert report.problems == ("half", "one")
    assert report.pass_rates == {"never": 0, "one": 0.25, "half": 0.5, "always": 1}
    assert (report.rollouts, report.right, report.wrong) == (16, 3, 5)
    assert (report.tokens, report.decisions) == (24, 8)
    assert report.gated_share == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("window", "kept"),
    [(1.0, ("half", "three", "seven", "one")), (0.4, ("half", "three", "seven"))],
)
def test_the_window_keeps_problems_by_their_share_of_correct_rollouts(
    window: float, kept: tuple[str, ...]
) -> None:
    """0.4 wide: from 30 to 70 %, both ends included, whatever their floats are."""
    records = [problem("one", 1, 9), problem("three", 3, 7), problem("seven", 7, 3)]
    settings = SelectionSettings(max_problems=None, drop_longest=0, pass_rate_window=window)
    found = select(*records, problem("half", 5, 5), chosen=settings)
    assert found.report.problems == kept
    with pytest.raises(TrainingError, match=r"pass-rate window of 0\.4"):
        select(records[0], chosen=settings.model_copy(update={"pass_rate_window": 0.4}))


def test_of_equally_near_problems_the_first_is_kept() -> None:
    """In floats 0.3 lies farther from one half than 0.7."""
    three, seven = problem("three", 3, 7), problem("seven", 7, 3)
    one = SelectionSettings(max_problems=1, drop_longest=0)
    assert select(three, seven, chosen=one).report.problems == ("three",)
    assert select(seven, three, chosen=one).report.problems == ("seven",)


def test_no_more_problems_than_wanted() -> None:
    records = [problem(f"p{i}", 1, 1) for i in range(60)]
    assert len(select(*records, chosen=SelectionSettings()).report.problems) == 50
    none = SelectionSettings(max_problems=None)
    assert len(select(*records, chosen=none).report.problems) == 60


def test_examples_carry_the_sampled_ids_and_come_clearest_first() -> None:
    """|A| times the share of decisions: sqrt(3) * 1/3, then 1/sqrt(3) * 2/3 and * 1/3."""
    record = ProblemSamples(
        "p",
        None,
        (9, 8),
        (
            sample(False, (0.1, 1.5, 0.2), first=10),
            sample(False, (1.9, 1.5, 0.2), first=20),
            sample(True, (0.1, 1.5, 0.2), first=30),
            sample(False, (0.1, 0.1, 0.2), first=40),
        ),
    )
    found = select(record).examples
    assert [each.token_ids[0] for each in found] == [30, 20, 10, 40]
    assert found[0] == Example(
        "p", (9, 8), (30, 31, 32), (False, True, False), pytest.approx(math.sqrt(3))
    )
    assert found[1].gate == (True, True, False)
    assert found[1].signal_clarity == pytest.approx(2 / (3 * math.sqrt(3)))
    assert found[3].signal_clarity == 0


def test_truncated_rollouts_are_wrong_ones_or_dropped() -> None:
    record = ProblemSamples(
        "p", None, (9,), (sample(True), sample(False), sample(False, cut=True), sample(True))
    )
    kept = select(record)
    assert (kept.report.truncated, kept.report.dropped_truncated) == (1, 0)
    assert kept.report.pass_rates == {"p": 0.5}
    dropped = select(record, chosen=SelectionSettings(drop_truncated=True, drop_longest=0))
    assert (dropped.report.truncated, dropped.report.dropped_truncated) == (1, 1)
    assert dropped.report.pass_rates == {"p": 0.5}  # of all that were rolled out
    right = [each.advantage for each in dropped.examples if each.advantage > 0]
    assert right == pytest.approx([1 / math.sqrt(2)] * 2)  # of the three that are left


def test_the_longest_share_is_dropped_of_equals_the_later() -> None:
    lengths = [3, 9, 5, 9, 4]
    samples = tuple(
        sample(i % 2 == 0, [1.5] + [0.1] * (length - 1), first=10 * i)
        for i, length in enumerate(lengths)
    )
    record = ProblemSamples("p", None, (9,), samples)
    fifth = select(record, chosen=SelectionSettings(drop_longest=0.2))
    assert fifth.report.dropped_longest == 1
    assert {each.token_ids[0] for each in fifth.examples} == {0, 10, 20, 40}
    two_fifths = select(record, chosen=SelectionSettings(drop_longest=0.4))
    assert {each.token_ids[0] for each in two_fifths.examples} == {0, 20, 40}


def test_something_is_always_left_to_learn_from() -> None:
    chosen = SelectionSettings(drop_longest=0.9)
    selection = select(problem("p", 1, 1), chosen=chosen)
    assert (len(selection.examples), selection.report.dropped_longest) == (1, 1)


def test_positive_only_keeps_the_right_rollouts_with_their_advantages() -> None:
    positive = SelectionSettings(positive_only=True, drop_longest=0)
    selection = select(problem("p", 1, 3), chosen=positive)
    assert [each.advantage for each in selection.examples] == [pytest.approx(math.sqrt(3))]
    assert (selection.report.right, selection.report.wrong) == (1, 0)


def test_shuffled_advantages_stay_within_their_problem() -> None:
    shuffled = SelectionSettings(shuffle_advantages=True, drop_longest=0)
    records = [problem("p", 3, 7), problem("q", 6, 4)]

    def by_problem(selection: Selection) -> dict[str, Counter[float]]:
        found: dict[str, Counter[float]] = {}
        for each in selection.examples:
            found.setdefault(each.problem_id, Counter())[each.advantage] += 1
        return found

    plain = select(*records)
    for seed in range(5):
        assert by_problem(select(*records, chosen=shuffled, seed=seed)) == by_problem(plain)


def test_shuffled_advantages_fall_on_other_rollouts_by_the_seed() -> None:
    samples = tuple(sample(i < 3, first=10 * i) for i in range(8))
    record = ProblemSamples("p", None, (9,), samples)
    shuffled = SelectionSettings(shuffle_advantages=True, drop_longest=0)

    def right(seed: int) -> frozenset[int]:
        chosen = select(record, chosen=shuffled, seed=seed).examples
        return frozenset(each.token_ids[0] // 10 for each in chosen if each.advantage > 0)

    assert right(1) == right(1)
    assert len({right(seed) for seed in range(20)}) > 5


# What can't be learned from.


def refusal(*records: ProblemSamples, **others: object) -> str:
    with pytest.raises(TrainingError) as refused:
        select(*records, **others)  # type: ignore[arg-type]
    return str(refused.value)


def test_rollouts_that_are_all_cut_off_are_refused() -> None:
    record = ProblemSamples("p", None, (9,), (sample(True, cut=True), sample(False, cut=True)))
    assert refusal(record, record) == (
        "All 4 rollouts were cut off at the limit of new tokens. Raise max new tokens."
    )


def test_problems_that_are_all_easy_or_all_hard_are_refused_with_counts() -> None:
    always, never = problem("a", 2, 0), problem("n", 0, 2)
    assert refusal(always, replace(always, problem_id="b"), never) == (
        "No problem has both correct and wrong rollouts, so none says which decisions matter: "
        "2 of 3 are always correct and 1 always wrong. "
        "Choose harder problems, or raise the temperature or the rollouts per problem."
    )
    assert refusal(never).endswith(
        "0 of 1 are always correct and 1 always wrong. Choose easier problems, raise the rollouts "
        "per problem, or check the prompt style."
    )
    assert "0 of 0 are always correct" in refusal()


def test_a_gate_that_takes_nothing_is_refused_with_the_highest_entropy() -> None:
    assert refusal(problem("p", 1, 1), gate=GateSettings(tau=1.6)) == (
        "The gate takes no token, so there is nothing to push: the highest entropy is 1.50 nats, "
        "and tau is 1.6. Lower tau, or choose another gate."
    )


def test_the_highest_entropy_is_of_the_rollouts_that_are_left() -> None:
    long = sample(True, (3.0, *[0.1] * 9))
    record = ProblemSamples(
        "p", None, (9,), (long, sample(False, (0.5, 0.1)), sample(True, (0.2,)))
    )
    assert "highest entropy is 0.50 nats" in refusal(
        record, chosen=SelectionSettings(drop_longest=0.34)
    )


def test_a_share_of_less_than_a_token_is_refused_as_one() -> None:
    gate = GateSettings(kind="top-fraction", fraction=0.01)
    assert refusal(problem("p", 1, 1), gate=gate) == (
        "The gate takes no token, so there is nothing to push: a share of 0.01 is less than one "
        "token of any rollout. Raise the fraction, or choose another gate."
    )


def no_token(rollout: Rollout) -> Gate:
    return np.zeros(len(rollout.entropy_nats), np.bool_)


def test_a_gate_without_a_share_that_takes_nothing_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(GATES, "none", GateEntry("no token", f"{__name__}:no_token", None))
    assert refusal(problem("p", 1, 1), gate=GateSettings(kind="none")) == (
        "The gate none takes no token, so there is nothing to push. Choose another gate."
    )


@pytest.mark.parametrize(
    "gate",
    [
        GateSettings(tau=0),
        GateSettings(kind="random", tau=0.05),
        GateSettings(kind="top-fraction", fraction=1),
    ],
)
def test_a_gate_that_takes_everything_is_refused_unless_it_is_meant_to(gate: GateSettings) -> None:
    assert refusal(problem("p", 1, 1), gate=gate).startswith(
        "The gate takes every token, so it tells decisions from nothing."
    )
    meant = select(problem("p", 1, 1), gate=GateSettings(kind="all"))
    assert meant.report.gated_share == 1


# Gates.


def gated(kind: str, seed: int = 0, rollout: int = 0, name: str = "p") -> list[int]:
    """The positions that a gate of ENTROPY takes."""
    entropy = np.asarray(ENTROPY, np.float32)
    gate = gate_rollout(entropy, GateSettings(kind=kind, fraction=0.5), seed, name, rollout)
    assert gate.dtype == np.bool_
    assert gate.shape == (6,)
    return [int(i) for i in np.flatnonzero(gate)]


def test_each_gate_by_hand() -> None:
    assert gated("threshold") == [1, 4]  # 1.4 is not above 1.4
    assert gated("top-fraction") == [1, 3, 4]
    assert gated("low-entropy") == [0, 2]
    assert gated("all") == [0, 1, 2, 3, 4, 5]
    assert len(gated("random")) == 2
    assert gated("first") == [0, 1]
    assert gated("last") == [4, 5]
    assert gated("stride") == [1, 4]


def test_a_share_of_all_rollouts_takes_more_where_entropy_is_high() -> None:
    low, high = (0.1, 0.2, 0.3), (1.0, 2.0, 3.0)
    everywhere = np.sort(np.array([*low, *high], np.float32))
    settings = GateSettings(kind="top-fraction-of-all", fraction=0.5)

    def taken(nats: tuple[float, ...], settings: GateSettings) -> list[bool]:
        found = gate_rollout(np.array(nats, np.float32), settings, 0, "p", 0, everywhere)
        return [bool(each) for each in found]

    assert taken(low, settings) == [False] * 3
    assert taken(high, settings) == [True] * 3
    rest = settings.model_copy(update={"kind": "rest-of-all"})
    assert taken(low, rest) == [True] * 3
    assert taken(high, rest) == [False] * 3
    with pytest.raises(ValueError, match="needs the entropies of all rollouts"):
        gate_rollout(everywhere, settings, 0, "p", 0)


def test_a_share_of_all_is_measured_on_every_rollout_of_the_run() -> None:
    certain = ProblemSamples(
        "c", None, (9,), (sample(True, (0.0,) * 96), sample(True, (0.0,) * 96))
    )
    gate = GateSettings(kind="top-fraction-of-all", fraction=0.01)
    found = select(problem("p", 1, 1), certain, gate=gate).report
    assert found.decisions == 2  # the highest two of about 200, though "c" is not learned from


def test_the_random_gate_depends_on_seed_problem_and_rollout_only() -> None:
    assert gated("random") == gated("random")
    draws = [gated("random", seed=i) for i in range(30)]
    assert len({tuple(each) for each in draws}) > 5
    assert len({tuple(gated("random", rollout=i)) for i in range(30)}) > 5
    assert len({tuple(gated("random", name=f"p{i}")) for i in range(30)}) > 5


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    entropies=st.lists(
        st.lists(st.floats(0, 3, width=32), min_size=1, max_size=30), min_size=2, max_size=5
    ),
    kind=st.sampled_from(["random", "low-entropy", "first", "last", "stride"]),
)
def test_controls_have_the_budget_of_every_single_rollout(
    entropies: list[list[float]], kind: str
) -> None:
    for rollout, values in enumerate(entropies):
        array = np.asarray(values, np.float32)
        threshold = gate_rollout(array, GateSettings(), 3, "p", rollout)
        control = gate_rollout(array, GateSettings(kind=kind), 3, "p", rollout)
        assert control.sum() == threshold.sum()
        assert threshold.tolist() == [value > np.float32(1.4) for value in array]


# Micro-batches.


def test_a_micro_batch_is_padded_on_the_right_and_its_masks_belong_to_the_next_token() -> None:
    batch = Collator(pad_id=7)(
        [
            Example("p", (1, 2), (3, 4, 5), (False, True, False), -1.5),
            Example("q", (6,), (8, 9), (True, True), 0.5),
        ]
    )
    assert batch["rows"].input_ids.tolist() == [[1, 2, 3, 4, 5], [6, 8, 9, 7, 7]]
    assert batch["rows"].attention_mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch["predicted"].int().tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch["decision"].int().tolist() == [[0, 0, 1, 0], [1, 1, 0, 0]]
    assert batch["advantage"].tolist() == [-1.5, 0.5]
    assert batch["rows"].input_ids.dtype == batch["rows"].attention_mask.dtype == torch.long
    assert batch["decision"].dtype == batch["predicted"].dtype == torch.bool


def test_the_padding_id_may_be_a_token_that_is_used() -> None:
    """Where a tokenizer has none, 0 pads: the mask tells them apart."""
    batch = Collator(pad_id=0)(
        [
            Example("p", (0,), (0, 0), (True, False), 1.0),
            Example("q", (1,), (2,), (True,), -1.0),
        ]
    )
    assert batch["rows"].attention_mask.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["decision"].tolist() == [[True, False], [True, False]]


# Training problems and evaluation problems.


def question(name: str, text: str, family: str = "", source: str = "") -> Problem:
    return Problem(name, text, "1", source, family)


EVALUATED = [
    question("e1", "Ann saws 9 logs into 4 pieces.", "saw", "demo"),
    question("e2", "Why?"),
]


@pytest.mark.parametrize(
    "training",
    [
        question("t", "  ann SAWS 9 logs\n into 4 pieces. "),  # but for case and spaces
        question("t", "Ann saws 4 logs into 9 pieces."),  # the numbers change places
        question("t", "Ben cuts 4 bars, and gets 9 parts.", "saw", "demo"),  # its families tell
        question("t", "why?"),  # no numbers at all
    ],
)
def test_an_evaluation_problem_in_disguise_is_refused(training: Problem) -> None:
    other = question("other", "Ann saws 9 logs into 5 pieces.", "saw")
    with pytest.raises(ProblemError) as refused:
        check_disjoint([other, training], EVALUATED)
    name = "e2" if "hy?" in training.question else "e1"
    assert str(refused.value) == (
        f"Training problems that are evaluated on, too: 1 of 2 (t is {name}). "
        "Leave them out of one of the two sets."
    )


@pytest.mark.parametrize(
    "training",
    [
        question("t", "Ann saws 9 logs into 5 pieces.", "saw"),  # other numbers
        question("t", "What is 4 times 9?", "saw"),  # a subject of another set is no wording
        question("t", "A fence of 9 m has 4 posts.", "fence"),  # another family
        question("t", "A fence of 9 m has 4 posts."),  # none, and another wording
        question("t", "Ann saws 9 logs into 9 pieces and 4 more.", "saw"),  # one number more
        question("t", "Who?"),
    ],
)
def test_different_problems_may_share_numbers_family_or_wording(training: Problem) -> None:
    check_disjoint([training], EVALUATED)


def test_only_some_of_many_shared_problems_are_named() -> None:
    shared = [question(f"t{i}", f"What is {i} + 1?") for i in range(5)]
    with pytest.raises(ProblemError, match=r"5 of 5 \(t0 is t0, t1 is t1, t2 is t2, \.\.\.\)"):
        check_disjoint(shared, shared)
