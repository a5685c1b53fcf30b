"""Rows that begin alike keep the keys and values of their beginning once and decode as if alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from architectures import language_model
from models import tiny_language_model

from core.decoding.beginning import SHARED_AT_LEAST, attend, can_share_beginnings
from core.decoding.kv_cache import RowCache
from core.decoding.loop import Decoded, Row, decode
from core.decoding.stepping import CachedStepper, stepper_for
from core.models.language_model import LanguageModel
from core.models.prefix_store import PrefixStore
from core.records import Sampler

EXAMPLES = tuple(range(5, 69))  # as the examples of a few-shot prompt
PROMPTS = [(*EXAMPLES, *range(10 + i, 13 + 2 * i)) for i in range(6)]
SAMPLED = Sampler(temperature=1.0, max_new_tokens=30)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the beginnings that batches have kept once, as they begin and as they end."""
    lengths: list[int] = []
    begin, end = RowCache.begin, RowCache.end_sharing

    def watched(cache: RowCache, length: int) -> None:
        lengths.append(length)
        begin(cache, length)

    def ended(cache: RowCache) -> None:
        lengths.append(-cache.shared)
        end(cache)

    monkeypatch.setattr(RowCache, "begin", watched)
    monkeypatch.setattr(RowCache, "end_sharing", ended)
    return lengths


def rows_of(prompts: Sequence[tuple[int, ...]]) -> list[Row]:
    return [Row(prompt, seed=i) for i, prompt in enumerate(prompts)]


def assert_as_alone(lm: LanguageModel, rows: Sequence[Row], found: Sequence[Decoded]) -> None:
    for row, each in zip(rows, found, strict=True):
        (alone,) = decode(lm, [row], SAMPLED)
        assert each.token_ids == alone.token_ids
        assert each.stop_reason == alone.stop_reason
        np.testing.assert_allclose(each.statistics.entropy, alone.statistics.entropy, atol=1e-4)
        np.testing.assert_allclose(each.statistics.logprob, alone.statistics.logprob, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("n", "query_heads", "heads"), [(2, 4, 4), (5, 6, 2), (3, 8, 1)])
def test_attention_in_two_parts_is_attention(
    n: int, query_heads: int, heads: int, masked: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(n)
    shared, own, width = 40, 7, 16
    query = 3 * torch.randn(n, query_heads, 1, width).to(dtype)
    first = [torch.randn(heads, shared, width).to(dtype) for _ in range(2)]
    room = [torch.randn(n, heads, own + 9, width).to(dtype) for _ in range(2)]
    keys, values = (each[:, :, :own] for each in room)  # parts of larger buffers, as in the cache
    lengths = torch.randint(1, own + 1, (n, 1)) if masked else torch.full((n, 1), own)
    seen = torch.arange(own) < lengths
    mask = torch.zeros(n, own, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    found = attend(
        query, keys, values, (first[0], first[1]), mask[:, None, None] if masked else None, 0.2
    )
    whole = [
        torch.cat([a.expand(n, -1, -1, -1), b], 2)
        for a, b in zip(first, (keys, values), strict=True)
    ]
    expected = torch.nn.functional.scaled_dot_product_attention(
        query.float(),
        whole[0].float(),
        whole[1].float(),
        torch.cat([torch.ones(n, shared, dtype=torch.bool), seen], 1)[:, None, None],
        scale=0.2,
        enable_gqa=True,
    ).transpose(1, 2)
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.03
    torch.testing.assert_close(found.float(), expected, atol=tolerance, rtol=0)


def test_rows_that_begin_alike_are_decoded_as_alone(lm: LanguageModel, shared: list[int]) -> None:
    rows = rows_of(PROMPTS)
    found = decode(lm, rows, SAMPLED)
    assert shared == [len(EXAMPLES)]
    assert_as_alone(lm, rows, found)


def test_rollouts_of_one_prompt_share_all_of_it(lm: LanguageModel, shared: list[int]) -> None:
    rows = rows_of([PROMPTS[0]] * 4)
    found = decode(lm, rows, SAMPLED, batch_size=3)  # the last one joins when another has ended
    assert shared[0] == len(PROMPTS[0]) - 1  # the last token gives the first logits
    assert_as_alone(lm, rows, found)


def test_forks_share_the_chain_before_them(lm: LanguageModel, shared: list[int]) -> None:
    (chain,) = decode(lm, [Row(PROMPTS[0])], Sampler(max_new_tokens=30))
    rows = [
        Row(PROMPTS[0], chain.token_ids[:at], {at: int(chain.statistics.top_ids[at, 1])}, seed=at)
        for at in (4, 9, 12)
    ]
    found = decode(lm, rows, SAMPLED)
    assert shared[-1] == len(PROMPTS[0]) + 4 - 1
    assert_as_alone(lm, rows, found)


def test_a_row_that_begins_otherwise_ends_the_sharing(lm: LanguageModel, shared: list[int]) -> None:
    others = [tuple(range(100, 110)), (*EXAMPLES[:-1], 99, 98)]
    rows = rows_of([*PROMPTS[:3], *others, *PROMPTS[3:]])
    rows[0] = replace(rows[0], completion_ids=tuple(range(200, 220)))  # it ends before the others
    found = decode(lm, rows, SAMPLED, batch_size=3)
    assert shared[:2] == [len(EXAMPLES), -len(EXAMPLES)]
    assert_as_alone(lm, rows, found)


@pytest.mark.parametrize(
    "prompts",
    [
        PROMPTS[:1],
        [(*EXAMPLES[: SHARED_AT_LEAST - 1], i) for i in range(3)],
        [(7, *EXAMPLES), (8, *EXAMPLES)],
    ],
    ids=["one row", "too short", "another first token"],
)
def test_what_is_not_worth_it_is_not_shared(
    prompts: list[tuple[int, ...]], lm: LanguageModel, shared: list[int]
) -> None:
    decode(lm, rows_of(prompts), SAMPLED)
    assert set(shared) == {0}


def test_kept_rows_are_whole(lm: LanguageModel) -> None:
    def stored(rows: list[Row]) -> PrefixStore:
        store = PrefixStore()
        decode(lm, rows, Sampler(max_new_tokens=5), store=store, keep_rows=True)
        return store

    rows = rows_of(PROMPTS[:2])
    together = stored(rows)
    for row in rows:
        (decoded,) = decode(lm, [row], Sampler(max_new_tokens=5))
        ids = [*row.prompt_ids, *decoded.token_ids][:-1]
        (length, found), (same, expected) = together.longest(ids), stored([row]).longest(ids)
        assert length == same == len(ids)
        for layer, other in zip(found, expected, strict=True):
            for a, b in zip(layer, other, strict=True):
                torch.testing.assert_close(a[:, :length], b[:, :length], atol=1e-5, rtol=0)


def test_the_beginning_takes_the_memory_of_one_row(lm: LanguageModel) -> None:
    def held(prefixes: Sequence[tuple[int, ...]]) -> int:
        stepper = stepper_for(lm, len(prefixes), 100)
        assert isinstance(stepper, CachedStepper)
        with torch.inference_mode():
            stepper.admit(prefixes, PrefixStore())
            stepper.step([1] * len(prefixes))
        cache = stepper._cache
        parts = [[layer.keys, layer.values, *(layer.beginning or ())] for layer in cache.layers]
        return sum(each.nbytes for layer in parts for each in layer)

    alike, apart = held(PROMPTS), held([(i, *prompt) for i, prompt in enumerate(PROMPTS)])
    a_token = apart // (6 * 100)
    assert apart == 6 * 100 * a_token
    assert alike == (64 + 6 * (100 - 64)) * a_token


def test_swapped_and_retired_rows_keep_their_own_part(lm: LanguageModel) -> None:
    stepper = stepper_for(lm, 4, 100)
    with torch.inference_mode():
        stepper.admit([ids[:-1] for ids in PROMPTS[:4]], PrefixStore())
        expected = stepper.step([ids[-1] for ids in PROMPTS[:4]])
        fresh = stepper_for(lm, 4, 100)
        fresh.admit([ids[:-1] for ids in PROMPTS[:4]], PrefixStore())
        fresh.swap(0, 3)
        fresh.retire(1, PROMPTS[1][:-1], None)  # the last row, once the first, takes its place
        found = fresh.step([PROMPTS[i][-1] for i in (3, 0, 2)])
    torch.testing.assert_close(found, expected[[3, 0, 2]], atol=1e-4, rtol=0)


def test_models_that_can_t_share_don_t(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_share_beginnings(lm.model)
    assert not can_share_beginnings(language_model("mistral, window of 8").model)
    monkeypatch.setattr(lm.model.config, "_attn_implementation", "eager")
    assert not can_share_beginnings(lm.model)


def test_a_layer_without_the_interface_s_attention_is_found(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(module: Any, query: torch.Tensor, *others: Any, **kwargs: Any) -> Any:
        return query.transpose(1, 2).contiguous(), None

    interface = "transformers.models.qwen3.modeling_qwen3.ALL_ATTENTION_FUNCTIONS"
    (expected,) = decode(lm, [Row(PROMPTS[0])], SAMPLED)
    monkeypatch.setattr(f"{interface}.get_interface", lambda *_: another)
    with pytest.raises(AssertionError, match="has not read its own"):
        decode(lm, rows_of(PROMPTS), SAMPLED)
    monkeypatch.undo()
    (found,) = decode(lm, [Row(PROMPTS[0])], SAMPLED)
    assert found.token_ids == expected.token_ids, "what no attention has read is left behind"
