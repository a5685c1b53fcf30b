"""Summaries of four hand-made records, counted by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from core.errors import ProblemError
from core.interventions.arms import ARMS
from core.interventions.records import ArmChain, ProblemRecord, Substitution, SweepAttempt
from core.interventions.results import (
    ArmSummary,
    Flip,
    InterventionResults,
)
from core.interventions.summary import summarise
from core.records import StopReason, Verdict
from core.runs.result_files import spreadsheet_safe
from core.statistics import BETTER, SAME, WORSE, ratio_over_chains, share

EOS, LENGTH = StopReason.EOS, StopReason.LENGTH
CORRECT, WRONG = Verdict.CORRECT, Verdict.WRONG


def chain(
    arm: str,
    verdict: Verdict,
    token_ids: tuple[int, ...] = (1, 2, 0),
    touched: tuple[Substitution, ...] = (),
    attempts: tuple[SweepAttempt, ...] = (),
    stop_reason: StopReason = EOS,
) -> ArmChain:
    return ArmChain(arm, token_ids, stop_reason, None, verdict, False, touched, attempts)


def tried(*verdicts: Verdict) -> tuple[SweepAttempt, ...]:
    return tuple(SweepAttempt(1, 7 + i, 2 + i, verdict, None) for i, verdict in enumerate(verdicts))


RECORDS = [
    ProblemRecord(
        "=p1",
        (9,),
        (
            chain("base", WRONG),
            chain("oracle", CORRECT, (1, 5, 0), (Substitution(1, 5, 2, 2),)),
            chain(
                "base_only",
                CORRECT,
                (1, 8, 0),
                (Substitution(1, 8, 3, 2),),
                tried(WRONG, CORRECT, CORRECT, WRONG),
            ),
            chain("teacher", CORRECT, (1, 5, 0)),
        ),
    ),
    ProblemRecord(
        "p2",
        (9,),
        (
            chain("base", CORRECT),
            chain("oracle", CORRECT),
            chain("base_only", CORRECT),
            chain("teacher", CORRECT),
        ),
    ),
    ProblemRecord(
        "p3",
        (9,),
        (
            chain("base", Verdict.UNPARSEABLE, (1, 2, 3, 4), stop_reason=LENGTH),
            chain(
                "oracle",
                WRONG,
                (1, 2, 6, 4),
                (Substitution(1, 2, 1, 2), Substitution(2, 6, 3, 3)),
                stop_reason=LENGTH,
            ),
            chain(
                "base_only",
                Verdict.UNPARSEABLE,
                (1, 2, 3, 4),
                attempts=tried(WRONG, WRONG, Verdict.UNPARSEABLE, WRONG),
                stop_reason=LENGTH,
            ),
            chain("teacher", WRONG, (1, 2, 6, 4), stop_reason=LENGTH),
        ),
    ),
    ProblemRecord(
        "p4",
        (9,),
        (
            chain("base", CORRECT),
            chain("oracle", Verdict.TIMED_OUT, (3, 0), (Substitution(0, 3, 2, 1),)),
            chain("base_only", CORRECT),
            chain("teacher", WRONG, (3, 0)),
        ),
    ),
]


@pytest.fixture(scope="module")
def results() -> InterventionResults:
    return summarise(RECORDS)


def summary(results: InterventionResults, arm: str) -> ArmSummary:
    return next(each for each in results.arms if each.arm == arm)


def test_verdicts_are_counted_and_add_up_to_n_with_truncated_chains_apart(
    results: InterventionResults,
) -> None:
    assert results.n == 4
    assert [each.arm for each in results.arms] == ["base", "oracle", "base_only", "teacher"]
    for each in results.arms:
        assert sum(each.verdicts.values()) == each.n == 4
        assert each.truncated == 1
    assert summary(results, "base").verdicts == {
        "correct": 2,
        "wrong": 1,
        "unparseable": 1,
        "timed_out": 0,
    }
    assert summary(results, "oracle").verdicts == {
        "correct": 2,
        "wrong": 1,
        "unparseable": 0,
        "timed_out": 1,
    }


def test_accuracy_is_wilsons(results: InterventionResults) -> None:
    assert summary(results, "oracle").accuracy == share(2, 4)
    assert summary(results, "base_only").accuracy == share(3, 4)


def test_flips_open_at_the_first_changed_token(results: InterventionResults) -> None:
    oracle = summary(results, "oracle").comparison
    assert oracle is not None
    assert oracle.gained == (Flip("=p1", 1, 5),)
    assert oracle.lost == (Flip("p4", 0, 3),)
    assert (oracle.difference.value, oracle.mcnemar_p, oracle.word) == (0, 1, SAME)
    base_only = summary(results, "base_only").comparison
    assert base_only is not None
    assert base_only.gained == (Flip("=p1", 1, 8),), "the rescuing attempt's position and token"
    teacher = summary(results, "teacher").comparison
    assert teacher is not None
    assert teacher.gained == (Flip("=p1", 1, 5),), "where its chain leaves the base's"
    assert summary(results, "base").comparison is None


def test_tokens_put_are_counted_a_chain_and_as_a_share_of_tokens(
    results: InterventionResults,
) -> None:
    put = summary(results, "oracle").put
    assert put is not None
    assert (put.tokens, put.touched, put.changed) == (12, 4, 3)
    assert (put.touched_per_chain, put.changed_per_chain) == (1.0, 0.75)
    assert put.touched_share == ratio_over_chains([1, 0, 2, 1], [3, 3, 4, 2])
    assert put.changed_share.value == 3 / 12
    assert put.mean_base_rank == (2 + 1 + 3 + 2) / 4
    assert summary(results, "base").put is None
    assert summary(results, "teacher").put is None


def test_a_sweep_counts_recovered_chains_and_tokens_that_rescue(
    results: InterventionResults,
) -> None:
    sweep = summary(results, "base_only").sweep
    assert sweep is not None
    assert (sweep.chains_recovered, sweep.recovered) == (1, share(1, 2))
    assert (sweep.attempts, sweep.attempts_right) == (8, 2)
    assert sweep.rescues == ratio_over_chains([2, 0], [4, 4])
    assert summary(results, "oracle").sweep is None


def versus(arm_right: int, base_right: int, both: int, n: int) -> str:
    """The word for an arm that alone is right so often, the base so often, both so often."""
    cases = [(True, False)] * arm_right + [(False, True)] * base_right + [(True, True)] * both
    cases += [(False, False)] * (n - len(cases))
    verdict = {True: CORRECT, False: WRONG}
    records = [
        ProblemRecord(f"p{i}", (9,), (chain("base", verdict[b]), chain("oracle", verdict[a])))
        for i, (a, b) in enumerate(cases)
    ]
    comparison = summary(summarise(records), "oracle").comparison
    assert comparison is not None
    assert (comparison.difference.low <= 0 <= comparison.difference.high) == (
        comparison.word == SAME
    )
    return comparison.word


def test_a_difference_is_claimed_only_when_its_interval_leaves_out_0() -> None:
    assert versus(30, 10, 30, 100) == BETTER
    assert versus(10, 30, 30, 100) == WORSE
    assert versus(3, 1, 30, 100) == SAME
    assert versus(0, 0, 30, 100) == SAME
    assert versus(1, 0, 0, 1) == SAME, "one problem proves nothing"


def test_a_sweep_is_held_against_its_control_for_against_the_base_it_can_only_gain() -> None:
    def both(i: int, swept: Verdict, control: Verdict) -> ProblemRecord:
        chains = (
            chain("base", WRONG),
            chain("base_only", swept, (1, 8, 0), (Substitution(1, 8, 2, 2),), tried(swept, swept)),
            chain("base_only_control", control, attempts=tried(control, WRONG)),
        )
        return ProblemRecord(f"p{i}", (9,), chains)

    records = [both(i, CORRECT, CORRECT if i < 15 else WRONG) for i in range(20)]
    base_only = summary(summarise(records), "base_only")
    assert base_only.comparison is not None
    assert (base_only.comparison.word, base_only.comparison.mcnemar_p) == (None, None)
    assert len(base_only.comparison.gained) == 20
    control = base_only.against_control
    assert control is not None
    assert (control.reference, control.word) == ("base_only_control", BETTER)
    # Of two tries each, all rescue; of the control's one in 15 chains, none in 5.
    assert control.difference.value == 1 - 15 / 40
    assert control.mcnemar_p == pytest.approx(2 / 2**5)
    assert control.gained == tuple(Flip(f"p{i}", 1, 8) for i in range(15, 20))
    even = [both(i, WRONG, WRONG) for i in range(20)]
    control = summary(summarise(even), "base_only").against_control
    assert control is not None
    assert control.word == SAME


def test_no_records_make_an_empty_summary() -> None:
    empty = summarise([])
    assert (empty.n, empty.arms, empty.to_rows()) == (0, (), [])


def test_only_arms_that_all_records_have_are_compared() -> None:
    short = replace(RECORDS[1], chains=RECORDS[1].chains[:2])
    assert [each.arm for each in summarise([RECORDS[0], short]).arms] == ["base", "oracle"]


def test_a_record_without_a_gold_answer_is_refused() -> None:
    record = ProblemRecord("p9", (9,), (chain("base", Verdict.NO_GOLD),))
    with pytest.raises(ProblemError, match="p9"):
        summarise([record])


def test_rows_are_flat_alike_and_run_nothing_in_a_spreadsheet(
    results: InterventionResults,
) -> None:
    rows = results.to_rows()
    assert [row["arm"] for row in rows] == [ARMS[each.arm].label for each in results.arms]
    assert len({tuple(row) for row in rows}) == 1, "all rows have the same columns"
    oracle = rows[1]
    assert oracle["problems gained"] == "'=p1"
    assert oracle["problems lost"] == "p4"
    assert (oracle["accuracy"], oracle["touched"], oracle["tokens tried"]) == (0.5, 4, None)
    assert rows[2]["tokens tried"] == 8


def test_an_arm_in_the_teachers_chains_is_compared_with_the_teacher_by_name() -> None:
    """The teacher is right twice, the base never; backward ruins one of the teacher's answers."""
    right = {"base": (0, 0), "teacher": (1, 1), "backward": (1, 0)}
    records = [
        ProblemRecord(
            f"p{i}",
            (9,),
            tuple(chain(arm, CORRECT if right[arm][i] else WRONG) for arm in right),
        )
        for i in range(2)
    ]
    rows = {row["arm"]: row for row in summarise(records).to_rows()}
    backward = rows[ARMS["backward"].label]
    assert backward["difference to teacher"] == -0.5
    assert backward["difference to base"] is None
    assert rows[ARMS["teacher"].label]["difference to base"] == 1.0


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert spreadsheet_safe(f"{start}1+1") == f"'{start}1+1"
    assert spreadsheet_safe("1=1") == "1=1"
    assert spreadsheet_safe(-1.5) == -1.5


def test_json_is_the_same_every_time_and_has_no_nan(results: InterventionResults) -> None:
    right = [replace(RECORDS[1], problem_id=name) for name in ("a", "b")]
    nothing_to_rescue = summarise(right)
    sweep = summary(nothing_to_rescue, "base_only").sweep
    assert sweep is not None
    assert math.isnan(sweep.recovered.value)
    assert nothing_to_rescue.to_json()["arms"][2]["sweep"]["recovered"]["value"] is None
    for each in (results, nothing_to_rescue):
        json.dumps(each.to_json(), allow_nan=False)
        json.dumps(each.to_rows(), allow_nan=False)
    assert json.dumps(summarise(RECORDS).to_json()) == json.dumps(results.to_json())
