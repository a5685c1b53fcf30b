"""The entropies of a model's tokens: exact thresholds and shares, and what is kept of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lookup_model import BASE, lookup_model
from models import save_tiny_model, tiny_language_model

from core.chains.settings import GenerationSettings
from core.decoding.top_share import TopShare, typed_threshold
from core.errors import FileError, ProblemError, RunError
from core.models.fingerprint import weights_fingerprint
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from core.records import Problem
from core.statistics import threshold_over_chains
from core.thresholds.measurement import (
    EntropyMeasurement,
    measure_entropies,
    measured_on,
    origins,
)
from core.thresholds.settings import SHARES, ThresholdSettings
from core.thresholds.store import (
    keep_measurement,
    kept_measurement,
    measured,
    measurement_path,
)

PROBLEMS = [Problem(f"p{number}", "so", "7") for number in range(4)]
GREEDY = ThresholdSettings(max_new_tokens=8)


def arrays(*chains: list[float]) -> list[np.ndarray]:
    return [np.array(each, np.float32) for each in chains]


def nats(row: tuple[int, ...]) -> float:
    return -sum(p * math.log(p) for p in BASE[row].values())


@pytest.mark.parametrize(
    ("share", "value"),
    [(0.0, 10), (0.05, 10), (0.1, 9), (0.19, 9), (0.2, 8), (0.5, 5), (0.99, 1)],
)
def test_the_threshold_of_a_share_of_the_numbers_from_one_to_ten(
    share: float, value: float
) -> None:
    chains = arrays([1, 9, 3, 7], [5, 6, 4, 8, 2, 10])
    assert threshold_over_chains(chains, share).value == value


def test_equal_amounts_are_above_together_or_not_at_all() -> None:
    # Above 2 is one of five; above 1 would be four, more than the two that 40 % allow.
    assert threshold_over_chains(arrays([1, 2, 2, 2], [3]), 0.4).value == 2
    assert threshold_over_chains(arrays([2, 2], [2, 2]), 0.5).value == 2


def test_a_share_is_not_rounded_down_by_floating_point() -> None:
    hundred = arrays(list(range(100)))
    assert 0.29 * 100 < 29
    assert threshold_over_chains(hundred, 0.29).value == 70


def test_the_interval_is_over_chains() -> None:
    # Of the resamples of two chains a quarter is the second alone, a quarter the first alone.
    two = threshold_over_chains(arrays([1], [10]), 0.5)
    assert (two.value, two.low, two.high, two.n) == (1, 1, 10, 2)
    # However many tokens they have: one chain of a thousand tokens is still one of three.
    three = threshold_over_chains(arrays([1] * 1000, [5] * 1000, [9] * 1000), 0.5)
    assert (three.value, three.low, three.high, three.n) == (5, 1, 9, 3)
    alike = threshold_over_chains(arrays([1, 2], [1, 2], [1, 2]), 0.5)
    assert (alike.low, alike.high) == (1, 1)
    alone = threshold_over_chains(arrays([1, 2, 3], []), 0.4)
    assert (alone.value, alone.n) == (2, 1)
    assert math.isnan(alone.low)
    assert threshold_over_chains([], 0.5).n == 0


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = math.log(1 / 0.1)  # of an exponential distribution, 10 % are above
    inside = 0
    for _ in range(60):
        chains = [rng.exponential(size=40).astype(np.float32) for _ in range(20)]
        found = threshold_over_chains(chains, 0.1)
        inside += found.low <= truth <= found.high
    assert 50 <= inside <= 60


@given(
    st.lists(st.lists(st.floats(0, 20, width=32), min_size=1, max_size=8), min_size=1, max_size=1),
    st.floats(0, 0.99),
)
def test_no_smaller_amount_leaves_as_few_above(chains: list[list[float]], share: float) -> None:
    value = threshold_over_chains(arrays(*chains), share).value
    every = sorted(each for chain in chains for each in chain)

    def above(amount: float) -> int:
        return sum(each > amount for each in every)

    most = share * len(every) + 1e-6
    assert above(value) <= most
    assert value in every
    assert all(above(each) > most - 1e-5 for each in every if each < value)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("top5%", TopShare(0.05)),
        ("top 5 %", TopShare(0.05)),
        (" TOP2.5% ", TopShare(0.025)),
        ("top.5%", TopShare(0.005)),
        ("1.4", 1.4),
        ("0", 0.0),
        (1.4, 1.4),
    ],
)
def test_a_threshold_is_typed_as_nats_or_as_a_share(text: Any, meaning: Any) -> None:
    assert typed_threshold(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["top0%", "top100%", "top101%", "top%", "top5", "5%", "top-5%", "top5%5", "nan", "inf", "",
     "top٥%", "top5e0%", "bottom5%"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither nats|above 0 % and below 100 %"):
        typed_threshold(text)


@given(st.text(max_size=12))
def test_any_text_is_a_number_a_share_or_a_value_error(text: str) -> None:
    try:
        found = typed_threshold(text)
    except ValueError:
        return
    assert 0 < found.share < 1 if isinstance(found, TopShare) else math.isfinite(found)


@given(st.integers(1, 9999))
def test_a_share_as_it_is_written_means_the_same(hundredths: int) -> None:
    share = TopShare(hundredths / 10_000)
    again = typed_threshold(str(share))
    assert isinstance(again, TopShare)
    assert again.share == pytest.approx(share.share, rel=1e-9)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return lookup_model(BASE)


def made(lm: LanguageModel, settings: ThresholdSettings = GREEDY) -> EntropyMeasurement:
    found = measure_entropies(lm, PROBLEMS, "four", settings)
    assert found is not None
    return found


def test_the_entropies_are_those_of_the_table(lm: LanguageModel) -> None:
    """Greedy, every chain is "so", "\\boxed{3}" and the end: one of three tokens is a fork."""
    found = made(lm)
    assert (found.problems, found.tokens) == (4, 12)
    for each in found.entropies:
        assert each.tolist() == pytest.approx([nats(()), nats((3,)), nats((-1,))], abs=1e-6)
    assert found.share_above(1.0).value == pytest.approx(1 / 3)
    assert found.share_above(1.6).value == 0
    assert found.threshold(0.34).tau.value == pytest.approx(nats(()), abs=1e-6)
    assert found.threshold(0.33).tau.value == pytest.approx(nats((3,)), abs=1e-6)
    assert found.percentile(60) == pytest.approx(nats(()), abs=1e-6)
    assert found.percentile(90) == pytest.approx(nats((3,)), abs=1e-6)


def test_the_entropy_is_of_the_raw_distribution_whatever_the_sampler(lm: LanguageModel) -> None:
    hot = made(lm, GREEDY.model_copy(update={"temperature": 3.0, "top_k": 2}))
    known = [nats(row) for row in BASE]
    for chain in hot.entropies:
        for each in chain:
            assert min(abs(each - row) for row in known) < 1e-6
    assert len({tuple(each.tolist()) for each in hot.entropies}) > 1  # a draw each


def test_tokens_after_the_answer_don_t_count(lm: LanguageModel) -> None:
    stopped = GREEDY.model_copy(update={"stop": ("\\boxed{3}",)})
    assert [len(each) for each in made(lm, stopped).entropies] == [1] * 4
    kept = stopped.model_copy(update={"keep_run_on": True})
    assert [len(each) for each in made(lm, kept).entropies] == [2] * 4
    with pytest.raises(ProblemError, match="No chain has a token before the end of its answer"):
        made(lm, GREEDY.model_copy(update={"stop": ("so",)}))


def test_a_threshold_selects_the_share_it_was_measured_for() -> None:
    tiny = tiny_language_model()
    problems = [Problem(f"p{n}", f"What is {n} + {n}?") for n in range(12)]
    settings = ThresholdSettings(max_new_tokens=20, temperature=1.0)
    found = measure_entropies(tiny, problems, "sums", settings)
    assert found is not None
    assert found.tokens > 100
    for each in found.offered:
        above = sum(int((chain > each.tau.value).sum()) for chain in found.entropies)
        assert above == int(each.share * found.tokens)  # no two entropies are equal here
        assert found.share_above(each.tau.value).value == above / found.tokens
        assert each.tau.low <= each.tau.value <= each.tau.high
        assert found.offered_as(each.tau.value) is each
    assert [each.share for each in found.offered] == list(SHARES)
    assert found.offered_as(1.4) is None
    five = found.threshold(0.05)
    assert origins(found, {"gate.tau": five.tau.value, "tau": 1.4}) == {
        "gate.tau": {
            "share": 0.05,
            "nats": five.tau.value,
            "interval": [five.tau.low, five.tau.high],
            "measurement": found.facts(),
        }
    }


def test_a_chain_depends_on_its_problem_and_not_on_its_batch() -> None:
    tiny = tiny_language_model()
    problems = [Problem(f"p{n}", f"What is {n}?") for n in range(6)]
    how = ThresholdSettings(max_new_tokens=12, temperature=1.0)
    one = measure_entropies(tiny, problems, "x", how.model_copy(update={"batch_size": 1}))
    all_at_once = measure_entropies(tiny, problems, "x", how)
    assert one is not None
    assert all_at_once is not None
    for a, b in zip(one.entropies, all_at_once.entropies, strict=True):
        assert np.allclose(a, b, atol=1e-5)
    few = measure_entropies(tiny, problems, "x", how.model_copy(update={"problems": 4}))
    assert few is not None
    assert few.problems == 4


def test_a_cancelled_measurement_is_not_kept(lm: LanguageModel) -> None:
    assert measured(lm, PROBLEMS, "four", GREEDY, cancel=lambda: True) is None
    assert kept_measurement(measured_on(lm, PROBLEMS, "four", GREEDY)) is None


def test_settings_of_a_task_are_measured_with_its_prompt_and_sampler() -> None:
    task = GenerationSettings(
        temperature=0.7, top_k=9, max_new_tokens=33, prompt_style="plain", template="Q: {problem}"
    )
    found = ThresholdSettings.asked_as(task, top_p=0.5)
    assert (found.temperature, found.top_k, found.max_new_tokens) == (0.7, 9, 33)
    assert (found.prompt_style, found.template, found.top_p) == ("plain", "Q: {problem}", 0.5)
    assert (found.seed, found.problems) == (0, 30)  # not the task's: one measurement for all seeds
    few = GenerationSettings(prompt_style="few_shot")
    assert ThresholdSettings.asked_as(few) == ThresholdSettings(prompt_style="few_shot")
    assert ThresholdSettings.asked_as(found) is found
    with pytest.raises(RunError, match="temperature"):
        ThresholdSettings.asked_as(task, temperature=0.0005)


# What is kept.


def test_a_measurement_is_kept_and_comes_back_exactly(lm: LanguageModel) -> None:
    first = made(lm)
    path = keep_measurement(first)
    again = kept_measurement(first.on)
    assert again is not None
    assert again.on == first.on
    assert [each.tolist() for each in again.entropies] == [
        each.tolist() for each in first.entropies
    ]
    assert again.to_json([1.0]) == first.to_json([1.0])
    assert [each.name for each in path.parent.iterdir()] == [f"{first.on.key}.json"]


def test_it_is_measured_once(lm: LanguageModel) -> None:
    begun: list[int] = []
    chains: list[None] = []

    def ask(how: ThresholdSettings = GREEDY) -> EntropyMeasurement | None:
        return measured(
            lm, PROBLEMS, "four", how, on_begin=begun.append, on_chain=lambda: chains.append(None)
        )

    first, again = ask(), ask()
    assert first is not None
    assert again is not None
    assert again.on == first.on
    assert (begun, len(chains)) == ([4], 4)
    ask(GREEDY.model_copy(update={"max_new_tokens": 9}))
    assert begun == [4, 4]


def _truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _with(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(json.loads(data) | changes).encode()


def _of_another(data: bytes) -> bytes:
    whole = json.loads(data)
    whole["on"]["weights"] = "0" * 64
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    "damage",
    [
        _truncated,
        _of_another,
        _with(entropies=[]),
        _with(entropies=[[]]),
        _with(entropies=[[0.5, -1.0]]),
        _with(entropies=[[float("nan")]]),
        _with(entropies=[["0.5"]]),
        _with(on={}),
        _with(schema_version=99),
        _with(more=1),
        lambda _: b"",
        lambda _: b"\xff\xfe",
        lambda _: b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_measured_again_with_a_message(
    damage: Callable[[bytes], bytes], lm: LanguageModel
) -> None:
    first = made(lm)
    path = keep_measurement(first)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with pytest.raises(FileError, match=r"is damaged \(.+\)\. Measure it again\."):
        kept_measurement(first.on)
    said: list[str] = []
    again = measured(lm, PROBLEMS, "four", GREEDY, say=said.append)
    assert again is not None
    assert len(said) == 1
    assert str(path) in said[0]
    assert path.read_bytes() == whole


def test_where_it_can_t_be_kept_it_is_still_measured(
    lm: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(tmp_path / "file"))
    said: list[str] = []
    found = measured(lm, PROBLEMS, "four", GREEDY, say=said.append)
    assert found is not None
    assert len(said) == 1
    assert "can't be stored" in said[0]
    assert "FORK_EXPLORER_CACHE" in said[0]


def test_the_key_is_of_everything_that_the_entropies_depend_on(lm: LanguageModel) -> None:
    on = measured_on(lm, PROBLEMS, "four", GREEDY)

    def key(problems: list[Problem] = PROBLEMS, **changes: Any) -> str:
        how = ThresholdSettings(**{**GREEDY.model_dump(), **changes})
        return measured_on(lm, problems, "four", how).key

    other = [
        key(temperature=0.5),
        key(top_p=0.5),
        key(max_new_tokens=9),
        key(prompt_style="plain", template="Q: {problem}"),
        key(prompt_style="few_shot"),
        key(stop=("x",)),
        key(keep_run_on=True),
        key(seed=1),
        key(problems=PROBLEMS[:3]),
        key([Problem("p0", "so then"), *PROBLEMS[1:]]),
        replace(on, weights="0" * 64).key,
        replace(on, dtype="bfloat16").key,
        replace(on, quantization="4bit").key,
    ]
    assert len({on.key, *other}) == len(other) + 1
    # Names, golds, and how many chains fit into memory change nothing.
    golds = [replace(each, answer="8") for each in PROBLEMS]
    same = [
        key(batch_size=1),
        key(golds),
        measured_on(lm, PROBLEMS, "another name", GREEDY).key,
        replace(on, model="copy of it", revision="main").key,
    ]
    assert set(same) == {on.key}
    assert measurement_path(on).name == f"{on.key}.json"


def test_a_fingerprint_is_of_the_weights_and_not_of_their_place(tmp_path: Path) -> None:
    one, two = (load_language_model(ModelSpec(str(save_tiny_model(tmp_path / n)))) for n in "ab")
    assert weights_fingerprint(one) == weights_fingerprint(two)
    assert weights_fingerprint(one) == weights_fingerprint(one)
    assert len(weights_fingerprint(one)) == 64
    other = tiny_language_model(seed=1)
    assert weights_fingerprint(other) != weights_fingerprint(one)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_changed_tensor_is_another_fingerprint(dtype: torch.dtype) -> None:
    before = weights_fingerprint(_in(dtype))
    assert before == weights_fingerprint(_in(dtype))
    for name in ("model.norm.weight", "lm_head.weight", "model.layers.1.mlp.up_proj.weight"):
        changed = _in(dtype)
        with torch.no_grad():
            dict(changed.model.named_parameters())[name].mul_(1.1)
        assert weights_fingerprint(changed) != before, name
    assert weights_fingerprint(_in(torch.float16)) != before


def _in(dtype: torch.dtype) -> LanguageModel:
    lm = tiny_language_model()
    return replace(lm, model=lm.model.to(dtype))
