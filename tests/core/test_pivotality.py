"""Pivotality against probabilities computed by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from lookup_model import BASE, END, SEVEN, THREE, lookup_model

from core.chains.findings import Findings
from core.chains.fix_search import search_fix
from core.chains.generation import generate
from core.chains.judging import judge
from core.chains.pivotality import (
    AlternativeOutcomes,
    Pivotality,
    SampledEnding,
    _grouped,
    decisive,
    measure_pivotality,
)
from core.errors import PositionError, ProblemError, SamplerError, SessionError
from core.models.language_model import LanguageModel
from core.records import Chain, Problem, Sampler, Verdict

SAMPLES = 400
DRAWING = Sampler(temperature=1.0, max_new_tokens=30)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return lookup_model(BASE)


@pytest.fixture(scope="module")
def chain(lm: LanguageModel) -> Chain:
    (chain,) = generate(
        lm, [Problem("p", "so", "7")], Sampler(max_new_tokens=30), [0], prompt_style="plain"
    )
    return chain


@pytest.fixture(scope="module")
def measured(lm: LanguageModel, chain: Chain) -> Pivotality:
    found = measure_pivotality(lm, chain, [1], samples=SAMPLES)
    assert found is not None
    return found[0]


def alternatives(*rows: tuple[float, int, int]) -> Pivotality:
    """Rows of (probability, samples, right ones)."""
    made = tuple(
        AlternativeOutcomes(i, i + 1, p, n, right, (("7", right), ("3", n - right)))
        for i, (p, n, right) in enumerate(rows)
    )
    return Pivotality(0, DRAWING, 0, made)


def test_shares_agree_with_the_table_s_own_probabilities(measured: Pivotality) -> None:
    # Once past the table's rows, a chain ends with 0.9 and says another box with 0.03: the chance
    # to end right after a 7 and after a 3 solve two linear equations.
    after_seven = 0.9 / (1 - 0.08 - 0.02 * 0.01 / 0.91)
    after_three = 0.01 / 0.91 * after_seven
    right = {
        SEVEN: 0.28 + (0.24 + 0.22 + 0.10) * after_seven + 0.16 * after_three,
        THREE: after_three,
        END: 0.0,
    }
    found = {each.token_id: each for each in measured.alternatives}
    assert [each.rank for each in measured.alternatives] == [1, 2, 3, 4, 5]
    assert found[SEVEN].probability == pytest.approx(0.28, abs=1e-6)
    for token_id, p in right.items():
        error = 4 * math.sqrt(p * (1 - p) / SAMPLES)
        assert abs(found[token_id].p_correct.value - p) <= error, token_id
        assert sum(count for _, count in found[token_id].answers) == SAMPLES
    assert decisive([measured]) == {1}


@pytest.mark.parametrize(
    ("rows", "decided"),
    [
        ([(0.5, 16, 16), (0.5, 16, 0)], 1.0),
        ([(0.9, 16, 0), (0.1, 16, 16)], 1.0),
        ([(0.5, 16, 8), (0.5, 16, 8)], 0.0),
        ([(0.5, 16, 16), (0.5, 16, 16)], 0.0),
        # Var(P) = .0625 less 2 x .25 x .1875 / 100 that sampling adds, over .25.
        ([(0.5, 101, 25.25), (0.5, 101, 75.75)], (0.0625 - 0.5 * 0.1875 / 100) / 0.25),
    ],
)
def test_share_decided_by_hand(rows: list[tuple[float, int, int]], decided: float) -> None:
    assert alternatives(*rows).share_decided == pytest.approx(decided)


def test_few_samples_that_differ_by_luck_are_no_measurable_difference() -> None:
    lucky, sure = alternatives((0.5, 4, 3), (0.5, 4, 1)), alternatives((0.5, 40, 30), (0.5, 40, 10))
    assert decisive([lucky]) == frozenset()
    assert decisive([sure]) == {0}
    assert decisive([]) == frozenset()
    assert alternatives((0.5, 4, 4), (0.5, 4, 4)).p_value == 1.0


def test_what_can_t_be_measured_is_refused(lm: LanguageModel, chain: Chain) -> None:
    with pytest.raises(SamplerError, match="all alike"):
        measure_pivotality(lm, chain, [1], sampler=Sampler(max_new_tokens=30))
    with pytest.raises(PositionError):
        measure_pivotality(lm, chain, [3])
    (unknown,) = generate(
        lm, [Problem("p", "so")], Sampler(max_new_tokens=30), [0], prompt_style="plain"
    )
    with pytest.raises(ProblemError, match="no gold answer"):
        measure_pivotality(lm, unknown, [1])
    assert measure_pivotality(lm, chain, [1], cancel=lambda: True) is None


def test_findings_read_back_and_damaged_ones_are_refused(
    lm: LanguageModel, chain: Chain, measured: Pivotality
) -> None:
    (outcome,) = judge(lm, [chain])
    findings = Findings(search_fix(lm, chain, outcome, positions=1), {1: measured})
    data = json.loads(json.dumps(findings.to_json()))
    assert Findings.from_json(data, chain) == findings
    with pytest.raises(SessionError, match="another chain"):
        Findings.from_json({"pivotality": {"2": data["pivotality"]["1"]}}, chain)
    for broken in ([], {"fix": 3}, {"pivotality": {"1": {}}}, None):
        with pytest.raises(SessionError, match="damaged"):
            Findings.from_json(broken, chain)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 99), ("rank", 0), ("token_id", 77), ("samples", 0), ("correct", 500),
        ("correct", -1), ("probability", 0.0), ("probability", float("nan")), ("probability", -1),
        ("probability", 1.5), ("answers", []), ("answers", [["7", 2 * SAMPLES], ["3", -SAMPLES]]),
    ],
)  # fmt: skip
def test_measurements_that_no_chain_can_have_are_refused(
    chain: Chain, measured: Pivotality, name: str, value: Any
) -> None:
    data = json.loads(json.dumps(Findings(pivotality={1: measured}).to_json()))
    assert Findings.from_json(data, chain).pivotality == {1: measured}
    data["pivotality"]["1"]["alternatives"][0][name] = value
    with pytest.raises(SessionError):
        Findings.from_json(data, chain)


@pytest.mark.parametrize(("name", "value"), [("seed", -1), ("alternatives", []), ("position", 2)])
def test_a_position_measured_as_none_can_be_is_refused(
    chain: Chain, measured: Pivotality, name: str, value: Any
) -> None:
    data = json.loads(json.dumps(Findings(pivotality={1: measured}).to_json()))
    data["pivotality"]["1"][name] = value
    with pytest.raises(SessionError):
        Findings.from_json(data, chain)


@pytest.mark.parametrize("series", ["attempts", "control"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda fix, ending: fix.update(seed=-1),
        lambda fix, ending: fix.update(positions=0),
        lambda fix, ending: ending.update(length=0),
        lambda fix, ending: ending["attempt"].update(position=999),
        lambda fix, ending: ending["attempt"].update(position=-1),
        lambda fix, ending: ending["attempt"].update(rank=99),
        lambda fix, ending: ending["attempt"].update(rank=0),
        lambda fix, ending: ending["attempt"].update(token_id=77),
    ],
    ids=[
        "seed", "positions", "length", "outside", "negative position", "rank", "rank 0", "token",
    ],
)  # fmt: skip
def test_a_search_that_no_chain_can_have_had_is_refused(
    lm: LanguageModel, chain: Chain, spoil: Any, series: str
) -> None:
    (outcome,) = judge(lm, [chain])
    data = Findings(search_fix(lm, chain, outcome, positions=1)).to_json()
    assert Findings.from_json(data, chain).to_json() == data
    spoil(data["fix"], data["fix"][series][0])
    with pytest.raises(SessionError):
        Findings.from_json(data, chain)


def test_of_many_positions_measured_one_in_twenty_may_not_seem_decisive_by_luck() -> None:
    def place(position: int, *rows: tuple[float, int, int]) -> Pivotality:
        return replace(alternatives(*rows), position=position)

    borderline = place(1, (0.5, 16, 12), (0.5, 16, 5))
    assert 0.01 < borderline.p_value < 0.05
    assert decisive([borderline]) == {1}
    neutral = [place(i, (0.5, 16, 8), (0.5, 16, 8)) for i in range(2, 12)]
    clear = place(0, (0.5, 16, 16), (0.5, 16, 0))
    assert decisive([borderline, clear, *neutral]) == {0}


def test_answers_that_the_checker_finds_equal_are_counted_as_one() -> None:
    grouped = _grouped(["4", "4.", "4", "5", "", "$4$", "", "5.0", "no idea"])
    assert grouped == (("4", 4), ("", 2), ("5", 2), ("no idea", 1))


def test_few_samples_and_no_difference_are_told_apart() -> None:
    # 0 of 4 against 2 of 4: shares from 0 to 85 % are possible.
    assert alternatives((0.5, 4, 0), (0.5, 4, 2)).undecided.startswith("Too few samples")
    assert alternatives((0.5, 4, 0), (0.5, 4, 0)).undecided.startswith("Too few samples")
    # 0 of 16 each: both shares are below 19 %.
    assert alternatives((0.5, 16, 0), (0.5, 16, 0)).undecided.startswith("No measurable difference")


def test_every_sample_is_handed_out_when_it_ends(lm: LanguageModel, chain: Chain) -> None:
    seen: list[SampledEnding] = []
    found = measure_pivotality(lm, chain, [1], samples=5, on_ending=seen.append)
    assert found is not None
    assert sorted(each.index for each in seen) == list(range(25))
    for each in found[0].alternatives:
        own = [ending.outcome for ending in seen if ending.token_id == each.token_id]
        assert len(own) == 5
        assert sum(outcome.verdict is Verdict.CORRECT for outcome in own) == each.correct
    assert all(each.length > 1 for each in seen)
