"""What thresholds mean for SmolLM2, the real weights, asked few-shot on word problems."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real_model, pytest.mark.slow]


@pytest.fixture
def nothing_kept(real_cache: Path) -> Iterator[None]:
    """The cache stays between test runs, and no measurement with it."""
    shutil.rmtree(real_cache / "thresholds", ignore_errors=True)
    yield
    shutil.rmtree(real_cache / "thresholds", ignore_errors=True)


@pytest.mark.usefixtures("nothing_kept")
def test_a_share_of_a_real_model_s_tokens(real_model: str, run: Any) -> None:
    command = (
        *("thresholds", "--model", real_model, "--problems", "word-problems", "--sample", 12),
        *("--prompt-style", "few_shot", "--max-new-tokens", 80, "--above", 1.4, "--json"),
    )
    code, out, err = run(*command)
    assert code == 0, err
    assert "Measuring the entropies of smollm2 on word-problems: 12 chains." in err
    data = json.loads(out)
    assert data["problems"] == 12
    assert 150 < data["tokens"] < 12 * 80, "chains end where the answer ends"
    taus = [each["tau"] for each in data["thresholds"]]
    assert [each["share"] for each in data["thresholds"]] == [0.02, 0.05, 0.1, 0.2]
    values = [each["value"] for each in taus]
    assert values == sorted(values, reverse=True)
    assert all(each["low"] <= each["value"] <= each["high"] for each in taus)
    assert values[0] < 11, "log of the vocabulary of 49,152 tokens is 10.8 nats"
    assert values[0] > 1, "a real model has real forks"
    above = data["above"][0]["share"]["value"]
    assert 0 < above < 1
    assert (above > 0.05) == (values[1] > 1.4)
    # It is kept: the second time nothing is generated.
    code, again, err = run(*command)
    assert (code, err) == (0, "")
    assert json.loads(again) == data
