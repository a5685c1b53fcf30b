"""The pairs and dresses made for this project: what is expected of each, where they are at hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.answers import AnswerChecker

ROOT = Path(__file__).parents[2]
PAIRS = ROOT.parent / "shared" / "data" / "answers"
pytestmark = pytest.mark.skipif(
    not PAIRS.is_dir(), reason=f"the pairs of answers are not here: no folder {PAIRS}"
)

BACKWARDS = {("58,500", "500, 58")}
"""The one dress that changes its answer: 58,500 is a number here, and no list of two."""


def pairs() -> list[dict[str, Any]]:
    lines = (PAIRS / "pairs.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_pair_is_judged_as_expected_and_so_are_its_two_sides_swapped() -> None:
    expected = pairs()
    with AnswerChecker() as checker:
        outcomes = checker.judge_many((pair["response"], pair["gold"]) for pair in expected)
        right = [
            (outcome.answer, pair["gold"])
            for pair, outcome in zip(expected, outcomes, strict=True)
            if outcome.verdict == "correct"
        ]
        swapped = checker.check_many((gold, answer) for answer, gold in right)
    others = [
        (pair["group"], pair["gold"], pair["response"], outcome.verdict.value)
        for pair, outcome in zip(expected, outcomes, strict=True)
        if (outcome.verdict == "correct") != (pair["expected"] == "correct")
    ]
    assert len(expected) == 401
    assert others == []
    assert [pair for pair, v in zip(right, swapped, strict=True) if v != "correct"] == []


def test_every_math500_gold_is_right_in_thirty_forms() -> None:
    done = subprocess.run(
        [sys.executable, str(PAIRS / "dresses.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    counts = re.findall(r"== .*: (\d+) bad of (\d+)", done.stdout)
    assert len(counts) >= 30
    assert sum(int(of) for _, of in counts) > 4_000
    bad = re.findall(r"^     \('(.*?)', '(.*?)', ", done.stdout, re.MULTILINE)
    assert set(bad) == BACKWARDS
