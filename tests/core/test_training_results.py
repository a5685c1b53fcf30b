"""Results of a fine-tune, and chains before and after, that are damaged: said, never thrown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.errors import FileError
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples, Sample
from core.evaluation.results import summarise_evaluation
from core.lora.cost import Cost
from core.reasonmaxxer.results import TrainingResults, TrainingSummary
from core.reasonmaxxer.selection import SelectionReport
from core.reasonmaxxer.side_by_side import SideBySide
from core.records import Chain, Outcome, StopReason, TokenStatistics, Verdict

Spoil = Callable[[dict[str, Any]], object]


def records(right: int) -> list[ProblemSamples]:
    verdicts = [Verdict.CORRECT] * right + [Verdict.WRONG] * (4 - right)
    samples = tuple(Sample((1, 2), "3", each, True, StopReason.EOS) for each in verdicts)
    return [ProblemSamples(name, None, (9,), samples) for name in "ab"]


RESULTS = TrainingResults(
    selection=SelectionReport({"p": 0.5, "q": 1.0}, ("p",), 8, 2, 1, 1, 2, 3, 40, 10),
    training=TrainingSummary(3, None, None, 10, 100, ()),
    before=summarise_evaluation(records(1)),
    after=summarise_evaluation(records(3)),
    comparison=compare(records(1), records(3)),
    cost=Cost({"rollouts": 1.5, "training": 0.0}, 10, 20, 30, 1.89),
)
STATISTICS = TokenStatistics(
    np.array([0.5, 0.1], np.float32),
    np.array([-0.5, -0.1], np.float32),
    np.array([1, 2], np.int32),
    np.array([[3, 4], [5, 6]], np.int32),
    np.array([[-0.5, -1.5], [-0.1, -0.2]], np.float32),
)
CHAIN = Chain(
    prompt_ids=(1,),
    token_ids=(3, 6),
    tokens=("x", "y"),
    top_tokens=(("x", "z"), ("z", "y")),
    statistics=STATISTICS,
    forced=(False, False),
    stop_reason=StopReason.EOS,
    model="demo",
    seed=0,
)
WRONG, RIGHT = (Outcome("3", verdict, True) for verdict in (Verdict.WRONG, Verdict.CORRECT))
PAIR = SideBySide(CHAIN, WRONG, (1, 1), replace(CHAIN, adapter="a"), RIGHT, (1, 2))


def on_disk(data: Any) -> Any:
    return json.loads(json.dumps(data))


def test_what_is_written_is_read_back() -> None:
    assert TrainingResults.from_json(on_disk(RESULTS.to_json())) == RESULTS
    assert SideBySide.from_json(on_disk(PAIR.to_json())) == PAIR


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("cost"),
        lambda data: data.update(selection=5),
        lambda data: data["cost"].update(seconds={"training": math.inf}),
        lambda data: data["cost"].update(seconds={"training": math.nan}),
        lambda data: data["cost"].update(seconds={"training": -1}),
        lambda data: data["cost"].update(seconds={"training": 1e300}),
        lambda data: data["cost"].update(peak_memory_bytes=-1),
        lambda data: data["cost"].update(sampled_tokens=10**400),
        lambda data: data["cost"].update(trained_tokens=2**60),
        lambda data: data["cost"].update(usd_per_hour=-1),
        lambda data: data["cost"].update(usd_per_hour=math.nan),
        lambda data: data["selection"].update(decisions=41),
        lambda data: data["selection"].update(decisions=-1),
        lambda data: data["selection"].update(tokens=10**400),
        lambda data: data["selection"].update(right=5),
        lambda data: data["selection"].update(truncated=9),
        lambda data: data["selection"].update(dropped_truncated=3),
        lambda data: data["selection"].update(problems=["other"]),
        lambda data: data["selection"].update(pass_rates={"p": 1.5}),
        lambda data: data["selection"].update(pass_rates={"p": math.nan}),
        lambda data: data["selection"].update(pass_rates={"p": 0.5, "\ud800": 0.5}),
        lambda data: data["training"].update(steps=-1),
        lambda data: data["training"].update(best_step=2**60),
        lambda data: data["training"].update(held_out_accuracy=math.inf),
        lambda data: data["training"].update(parameters=10**400),
        lambda data: data["training"].update(warnings=["\ud800"]),
        lambda data: data["before"].update(pass_at_k=[]),
        lambda data: data["comparison"].update(mcnemar_p=-1),
    ],
)
def test_damaged_results_are_said(spoil: Spoil) -> None:
    data = on_disk(RESULTS.to_json())
    spoil(data)
    with pytest.raises(FileError, match="damaged"):
        TrainingResults.from_json(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("after_ranks"),
        lambda data: data.update(after_ranks=[1]),
        lambda data: data.update(after_ranks=[1, 0]),
        lambda data: data.update(after_ranks=[1, 2**31]),
        lambda data: data.update(after_ranks=[1, math.inf]),
        lambda data: data.update(before_ranks=[1, True]),
        lambda data: data.update(before_ranks=["1", "1"]),
        lambda data: data.update(before_ranks=5),
        lambda data: data["after"].update(token_ids=[3, 2**31]),
        lambda data: data["before"].update(token_ids=[3, 10**30]),
        lambda data: data["after"].update(prompt_ids=[2**31]),
        lambda data: data["after"].update(verdict=None),
    ],
)
def test_damaged_chains_are_said(spoil: Spoil) -> None:
    data = on_disk(PAIR.to_json())
    spoil(data)
    with pytest.raises(FileError, match="before and after can't be read"):
        SideBySide.from_json(data)
