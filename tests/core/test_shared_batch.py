"""Threads that decode with one model join one batch: their results are those they would have alone,
few rows go first, and what one request does costs the others nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from threading import Semaphore
from typing import Any

import numpy as np
import pytest
import torch
from architectures import language_model
from models import tiny_language_model

from core.decoding import shared_batch
from core.decoding.loop import Decoded, Row, decode
from core.decoding.scoring import score
from core.decoding.shared_batch import BESIDE, SharedBatch
from core.errors import ModelError, ResourceError
from core.models.language_model import LanguageModel
from core.models.locks import FairLock
from core.models.prefix_store import PrefixStore
from core.records import ForkTemperature, Sampler, StopReason

GREEDY = Sampler(max_new_tokens=24)
POISON = 200  # a token id after which the poisoned model gives no numbers


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


@pytest.fixture
def shared() -> LanguageModel:
    lm = tiny_language_model()
    lm.joint = SharedBatch()
    return lm


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """How many rows of each request every step of a batch had, by the order of their coming."""
    seen: list[list[int]] = []
    step = shared_batch.Batch.step

    def counted(self: Any, rows: int | None = None) -> None:
        counts: dict[int, int] = {}
        for slot in self.slots[:rows]:
            counts[id(slot.request)] = counts.get(id(slot.request), 0) + 1
        seen.append(sorted(counts.values()))
        step(self, rows)

    monkeypatch.setattr(shared_batch.Batch, "step", counted)
    return seen


def prompts(n: int, seed: int = 0) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(1, 300, size=rng.integers(3, 60)).tolist()) for _ in range(n)]


def assert_same(found: Decoded, alone: Decoded) -> None:
    assert found.token_ids == alone.token_ids
    assert (found.stop_reason, found.forced) == (alone.stop_reason, alone.forced)
    assert found.replaced == alone.replaced
    for name in ("entropy", "logprob", "top_logprobs"):
        ours, theirs = getattr(found.statistics, name), getattr(alone.statistics, name)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_array_equal(found.statistics.top_ids[:, 0], alone.statistics.top_ids[:, 0])


def requests() -> list[tuple[list[Row], Sampler, int]]:
    """Of all kinds: rows, sampler, k."""
    at_forks = ForkTemperature(1.3, 1.0)
    samplers = [
        GREEDY,
        Sampler(max_new_tokens=11),
        Sampler(temperature=1.0, max_new_tokens=24),
        Sampler(temperature=0.8, top_p=0.9, max_new_tokens=17),
        Sampler(temperature=1.0, top_k=5, max_new_tokens=24, stop=("e",)),
        Sampler(temperature=0.7, max_new_tokens=24, forks=at_forks),
        Sampler(temperature=0.7, max_new_tokens=24, forks=ForkTemperature(1.3, 1.0, 0.3)),
    ]
    found = []
    for i, sampler in enumerate(samplers):
        rows = [Row(ids, seed=i * 7 + j) for j, ids in enumerate(prompts(1 + i, seed=i))]
        rows.append(Row((5, 9, 11), (21, 22), {2: 40, 4: 41}, seed=i))
        found.append((rows, sampler, 3 + i % 3))
    wide = [Row(ids, seed=j) for j, ids in enumerate(prompts(30, seed=99))]
    return [*found, (wide, Sampler(temperature=1.0, max_new_tokens=20), 5)]


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """Begin all at the same moment, in a thread each."""
    ready = threading.Barrier(len(calls))

    def begin(call: Callable[[], Any]) -> Any:
        ready.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result(300) for each in [pool.submit(begin, call) for call in calls]]


def test_every_request_gets_what_it_gets_alone(lm: LanguageModel, shared: LanguageModel) -> None:
    asked = requests()
    alone = [decode(lm, rows, sampler, k=k) for rows, sampler, k in asked]
    found = together(
        [lambda each=each: decode(shared, each[0], each[1], k=each[2]) for each in asked]
    )
    for ours, theirs in zip(found, alone, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)


def test_a_model_that_is_recomputed_is_shared_too() -> None:
    alone, both = language_model("mamba"), language_model("mamba")
    both.joint = SharedBatch()
    rows = [Row((5, 9)), Row((7, 3, 4))]
    expected = [decode(alone, [row], GREEDY)[0] for row in rows]
    found = together([lambda row=row: decode(both, [row], GREEDY)[0] for row in rows])
    for ours, theirs in zip(found, expected, strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("n", [1, 5, 20])
def test_a_request_with_the_batch_to_itself_has_the_very_same_numbers(
    lm: LanguageModel, shared: LanguageModel, n: int
) -> None:
    rows = [Row(ids, seed=i) for i, ids in enumerate(prompts(n))]
    sampler = Sampler(temperature=1.0, max_new_tokens=16)
    for ours, theirs in zip(decode(shared, rows, sampler), decode(lm, rows, sampler), strict=True):
        assert ours.token_ids == theirs.token_ids
        np.testing.assert_array_equal(ours.statistics.entropy, theirs.statistics.entropy)


def test_calls_are_made_in_the_thread_that_asked(shared: LanguageModel) -> None:
    threads: set[int] = set()
    steps: list[tuple[int, int]] = []
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        threads.add(threading.get_ident())
        return False

    def on_step(index: int, token_id: int, _: object) -> None:
        threads.add(threading.get_ident())
        steps.append((index, token_id))

    (found,) = decode(shared, [Row((5, 9))], GREEDY, on_step=on_step, cancel=cancel)
    assert threads == {threading.get_ident()}
    assert steps == [(0, token_id) for token_id in found.token_ids]
    assert asked == len(found.token_ids) + 1, "before every step, and after the last"


def test_long_work_gets_a_few_rows_beside_a_newcomer_who_joins_at_the_next_step(
    shared: LanguageModel, widths: list[list[int]]
) -> None:
    started, joined = threading.Event(), threading.Event()
    wide = [Row(ids) for ids in prompts(40)]
    without_end = Sampler(max_new_tokens=400)

    def on_step(*_: object) -> None:
        started.set()
        joined.wait(60)

    def newcomer() -> None:
        started.wait(60)
        before = len(widths)
        joined.set()
        decode(shared, [Row((5, 9))], Sampler(max_new_tokens=30))
        beside.extend(widths[before:])
        stop.set()

    beside: list[list[int]] = []
    stop = threading.Event()
    together(
        [lambda: decode(shared, wide, without_end, on_step=on_step, cancel=stop.is_set), newcomer]
    )
    first = next(i for i, counts in enumerate(beside) if len(counts) == 2)
    assert all(counts == [1, BESIDE] for counts in beside[first : first + 20])
    assert widths[0] == [40], "alone it has all of its rows"


def test_two_long_works_share_the_rows_beside_a_newcomer(
    shared: LanguageModel, widths: list[list[int]]
) -> None:
    ended = threading.Event()

    def wide(seed: int) -> Callable[[], Any]:
        rows = [Row(ids) for ids in prompts(20, seed)]
        limit = Sampler(max_new_tokens=400)
        return lambda: decode(shared, rows, limit, cancel=ended.is_set)

    def narrow() -> None:
        while not widths or len(widths[-1]) < 2:
            pass
        decode(shared, [Row((5, 9))], Sampler(max_new_tokens=30))
        ended.set()

    together([wide(1), wide(2), narrow])
    assert [1, BESIDE // 2, BESIDE // 2] in widths


def test_a_cancelled_request_keeps_what_it_has_and_the_others_go_on(
    lm: LanguageModel, shared: LanguageModel
) -> None:
    seen: list[int] = []
    limit = Sampler(max_new_tokens=300)

    def stopped() -> Decoded:
        cancel = lambda: len(seen) >= 5  # noqa: E731
        take = lambda _, token_id, __: seen.append(token_id)  # noqa: E731
        (found,) = decode(shared, [Row((5, 9))], limit, on_step=take, cancel=cancel)
        return found

    cut, whole = together([stopped, lambda: decode(shared, [Row((7, 3, 4))], GREEDY)[0]])
    (all_of_it,) = decode(lm, [Row((5, 9))], limit)
    assert cut.stop_reason is StopReason.CANCELLED
    assert 5 <= len(cut.token_ids) < 300
    assert cut.token_ids == all_of_it.token_ids[: len(cut.token_ids)]
    assert_same(whole, decode(lm, [Row((7, 3, 4))], GREEDY)[0])


def test_a_request_cancelled_before_it_joins_ends_without_a_token(shared: LanguageModel) -> None:
    found = decode(shared, [Row((5, 9)), Row((7,))], GREEDY, cancel=lambda: True)
    assert [(each.token_ids, each.stop_reason) for each in found] == [
        ((), StopReason.CANCELLED)
    ] * 2


def test_an_error_in_a_call_ends_only_its_own_request(
    lm: LanguageModel, shared: LanguageModel
) -> None:
    def failing(*_: object) -> None:
        raise KeyError("mine")

    def mine() -> str:
        with pytest.raises(KeyError, match="mine"):
            decode(shared, [Row((5, 9))], GREEDY, on_step=failing)
        return "failed"

    failed, whole = together([mine, lambda: decode(shared, [Row((7, 3, 4))], GREEDY)[0]])
    assert failed == "failed"
    assert_same(whole, decode(lm, [Row((7, 3, 4))], GREEDY)[0])
    assert_same(decode(shared, [Row((5, 9))], GREEDY)[0], decode(lm, [Row((5, 9))], GREEDY)[0])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_end_the_request_that_has_them_and_leave_nothing_behind(
    value: float,
) -> None:
    plain, broken = tiny_language_model(seed=1), tiny_language_model(seed=1)
    broken.joint = SharedBatch()
    broken.model.get_input_embeddings().weight.data[POISON] = value
    rows = [Row(ids, seed=i) for i, ids in enumerate(prompts(3)) if POISON not in ids]
    limit = Sampler(temperature=1.0, max_new_tokens=60)
    expected = decode(plain, rows, limit)

    def poisoned() -> str:
        with pytest.raises(ModelError, match="not finite"):
            decode(broken, [Row((5, 9), forced={3: POISON})], GREEDY)
        return "refused"

    refused, found = together([poisoned, lambda: decode(broken, rows, limit)])
    assert refused == "refused"
    clean = [POISON not in each.token_ids for each in expected]
    assert any(clean)
    for ours, theirs, is_clean in zip(found, expected, clean, strict=True):
        if is_clean:
            assert_same(ours, theirs)


def test_where_memory_is_short_the_largest_request_ends_and_the_others_go_on(
    lm: LanguageModel, shared: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = shared.model.forward

    def crowded(*args: Any, **kwargs: Any) -> Any:
        if kwargs["input_ids"].shape[0] > 4:
            raise torch.OutOfMemoryError("no memory")
        return forward(*args, **kwargs)

    monkeypatch.setattr(shared.model, "forward", crowded)
    started = threading.Event()

    def small() -> Decoded:
        shown = lambda *_: started.set()  # noqa: E731
        return decode(shared, [Row((7, 3, 4))], Sampler(max_new_tokens=200), on_step=shown)[0]

    def large() -> str:
        started.wait(60)
        with pytest.raises(ResourceError, match="ran out of memory with 6 rows"):
            decode(shared, [Row((9, each)) for each in range(5)], GREEDY)
        return "refused"

    found, refused = together([small, large])
    assert refused == "refused"
    assert_same(found, decode(lm, [Row((7, 3, 4))], Sampler(max_new_tokens=200))[0])


def test_a_long_prompt_is_read_in_pieces_between_the_steps_of_others(
    lm: LanguageModel, shared: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_batch, "_PIECE", 16)
    read: list[int] = []
    forward = shared.model.forward

    def counted(*args: Any, **kwargs: Any) -> Any:
        read.append(kwargs["input_ids"].shape[1])
        return forward(*args, **kwargs)

    monkeypatch.setattr(shared.model, "forward", counted)
    started = threading.Event()
    long = tuple(np.random.default_rng(1).integers(1, 300, size=200).tolist())
    stop = threading.Event()

    def first() -> Decoded:
        shown = lambda *_: started.set()  # noqa: E731
        limit = Sampler(max_new_tokens=400)
        return decode(shared, [Row((7,))], limit, on_step=shown, cancel=stop.is_set)[0]

    def newcomer() -> Decoded:
        started.wait(60)
        (found,) = decode(shared, [Row(long)], GREEDY, store=shared.prefixes)
        stop.set()
        return found

    _, found = together([first, newcomer])
    assert_same(found, decode(lm, [Row(long)], GREEDY)[0])
    assert max(read) == 16
    pieces = [i for i, length in enumerate(read) if length > 1]
    assert len(pieces) == 13  # of 199 tokens
    assert all(b - a == 2 for a, b in pairwise(pieces)), "a step after each"


def test_two_long_prompts_are_read_where_the_store_has_room_for_one(
    lm: LanguageModel, shared: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_batch, "_PIECE", 16)
    rng = np.random.default_rng(2)
    long = [tuple(rng.integers(1, 300, size=200).tolist()) for _ in range(2)]
    whole = PrefixStore()
    decode(lm, [Row(long[0])], GREEDY, store=whole)
    size = sum(keys.nbytes + values.nbytes for keys, values in whole.longest(long[0])[1])
    small = PrefixStore(size)
    started, stop, left = threading.Event(), threading.Event(), Semaphore(0)

    def first() -> Decoded:
        shown = lambda *_: started.set()  # noqa: E731
        limit = Sampler(max_new_tokens=400)
        return decode(shared, [Row((7,))], limit, on_step=shown, cancel=stop.is_set)[0]

    def newcomer(prompt: tuple[int, ...]) -> Decoded:
        started.wait(60)
        (found,) = decode(shared, [Row(prompt)], GREEDY, store=small)
        left.release()
        return found

    def end() -> None:
        for _ in long:
            left.acquire(timeout=60)
        stop.set()

    beside, *found, _ = together([first, *(partial(newcomer, each) for each in long), end])
    assert beside.stop_reason is StopReason.CANCELLED, "they didn't wait for its end"
    for each, prompt in zip(found, long, strict=True):
        assert_same(each, decode(lm, [Row(prompt)], GREEDY)[0])


def test_scoring_gets_its_turn_between_two_steps(shared: LanguageModel) -> None:
    started, stop = threading.Event(), threading.Event()

    def decoding() -> None:
        shown = lambda *_: started.set()  # noqa: E731
        limit = Sampler(max_new_tokens=500)
        while not stop.is_set():
            decode(shared, [Row((7,))], limit, on_step=shown, cancel=stop.is_set)

    def scoring() -> int:
        started.wait(60)
        found = [score(shared, [5, 9], [7, 8, each]) for each in range(20)]
        stop.set()
        return len(found)

    assert together([decoding, scoring])[1] == 20


def test_whoever_holds_the_model_decodes_alone(shared: LanguageModel) -> None:
    with shared.lock:
        (found,) = decode(shared, [Row((5, 9))], GREEDY)
    assert len(found.token_ids) > 0


def test_the_batch_leaves_no_thread_and_no_memory_behind(shared: LanguageModel) -> None:
    decode(shared, [Row((5, 9))], GREEDY)
    for thread in threading.enumerate():
        if thread.name == "shared batch":
            thread.join(60)
    assert all(thread.name != "shared batch" for thread in threading.enumerate())


def test_a_lock_goes_to_who_has_waited_longest_and_may_be_taken_again() -> None:
    lock, order = FairLock(), []
    waiting = [threading.Event() for _ in range(3)]

    def wait(i: int) -> None:
        waiting[i].set()
        with lock, lock:
            order.append(i)

    with lock:
        threads = []
        for i in range(3):
            threads.append(threading.Thread(target=wait, args=(i,)))
            threads[-1].start()
            waiting[i].wait(60)
            while len(lock._waiting) <= i:
                pass
        assert not order
        assert lock.is_mine
    for thread in threads:
        thread.join(60)
    assert order == [0, 1, 2]
    assert not lock.is_mine
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_lock_that_was_waited_for_in_vain_is_still_handed_on() -> None:
    lock = FairLock()
    got: list[bool] = []
    with lock:
        vain = threading.Thread(target=lambda: got.append(lock.acquire(timeout=0.01)))
        vain.start()
        vain.join(60)
    assert got == [False]
    assert lock.acquire(blocking=False)
