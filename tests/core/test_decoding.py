"""Decoding is exact: equal to transformers, to teacher forcing, and to every row alone."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest
import torch
from architectures import language_model
from models import random_qwen3, tiny_language_model
from transformers import PreTrainedModel

from core.decoding.guidance import Guide, Rule, StepContext
from core.decoding.loop import Decoded, Row, decode
from core.decoding.scoring import score
from core.errors import PositionError, SamplerError
from core.models.architecture import can_share_prefixes, why_recomputed
from core.models.language_model import LanguageModel, wrap
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec
from core.records import Sampler, StopReason

GREEDY = Sampler(max_new_tokens=40)
SAMPLED = Sampler(temperature=1.0, top_p=0.95, max_new_tokens=40)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


def prompts(n: int, seed: int = 0) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(1, 300, size=rng.integers(3, 30)).tolist()) for _ in range(n)]


def reference_greedy(model: PreTrainedModel, prompt: tuple[int, ...], limit: int) -> list[int]:
    out = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        do_sample=False,
        max_new_tokens=limit,
        pad_token_id=0,
        eos_token_id=0,
    )
    return out[0, len(prompt) :].tolist()


def assert_same(a: Decoded, b: Decoded) -> None:
    assert a.token_ids == b.token_ids
    assert a.stop_reason == b.stop_reason
    assert a.forced == b.forced
    np.testing.assert_allclose(a.statistics.entropy, b.statistics.entropy, atol=1e-4)
    np.testing.assert_allclose(a.statistics.logprob, b.statistics.logprob, atol=1e-4)


def test_greedy_equals_transformers_generate_token_for_token(lm: LanguageModel) -> None:
    rows = prompts(50)
    decoded = decode(lm, [Row(p) for p in rows], GREEDY, batch_size=16)
    expected = [reference_greedy(lm.model, p, 40) for p in rows]
    assert [list(d.token_ids) for d in decoded] == expected
    assert len({len(e) for e in expected}) > 1, "some rows should end early"


@pytest.mark.parametrize("sampler", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_statistics_on_the_fly_equal_teacher_forced_ones(
    lm: LanguageModel, sampler: Sampler
) -> None:
    for prompt, decoded in zip(
        prompts(8), decode(lm, [Row(p, seed=3) for p in prompts(8)], sampler), strict=True
    ):
        scored = score(lm, prompt, decoded.token_ids)
        np.testing.assert_allclose(decoded.statistics.entropy, scored.entropy, atol=1e-4)
        np.testing.assert_allclose(decoded.statistics.logprob, scored.logprob, atol=1e-4)
        np.testing.assert_allclose(decoded.statistics.top_logprobs, scored.top_logprobs, atol=1e-4)
        assert decoded.statistics.rank.tolist() == scored.rank.tolist()


def test_statistics_do_not_depend_on_the_sampler(lm: LanguageModel) -> None:
    prompt = prompts(1)[0]
    (hot,) = decode(lm, [Row(prompt)], Sampler(temperature=1.8, top_k=2, max_new_tokens=1))
    (cold,) = decode(lm, [Row(prompt)], Sampler(max_new_tokens=1))
    assert hot.statistics.entropy == pytest.approx(cold.statistics.entropy, abs=1e-6)
    assert hot.statistics.top_ids.tolist() == cold.statistics.top_ids.tolist()


@pytest.mark.parametrize("sampler", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_fifty_forced_branches_in_one_batch_equal_the_fifty_alone(
    lm: LanguageModel, sampler: Sampler
) -> None:
    prompt = prompts(1, seed=4)[0]
    (chain,) = decode(lm, [Row(prompt, seed=9)], sampler)
    positions = [int(i) for i in np.linspace(0, len(chain.token_ids) - 1, 10)]
    rows = [
        Row(prompt, chain.token_ids[:p], {p: int(token)}, seed=9)
        for p in positions
        for token in chain.statistics.top_ids[p]
    ]
    assert len(rows) == 50
    together = decode(lm, rows, sampler)
    for row, branch in zip(rows, together, strict=True):
        (alone,) = decode(lm, [row], sampler, store=PrefixStore())
        assert_same(branch, alone)
        (position,) = row.forced
        assert branch.token_ids[0] == row.forced[position]
        assert branch.forced[0]
        assert not any(branch.forced[1:])


def test_forcing_the_token_that_stood_there_changes_nothing(lm: LanguageModel) -> None:
    for sampler in (GREEDY, SAMPLED):
        prompt = prompts(1, seed=5)[0]
        (chain,) = decode(lm, [Row(prompt, seed=2)], sampler)
        for p in range(0, len(chain.token_ids), 7):
            row = Row(prompt, chain.token_ids[:p], {p: chain.token_ids[p]}, seed=2)
            (again,) = decode(lm, [row], sampler)
            assert chain.token_ids[:p] + again.token_ids == chain.token_ids


def test_a_row_never_depends_on_its_neighbours_or_on_the_batch_size(lm: LanguageModel) -> None:
    rows = [Row(p, seed=i) for i, p in enumerate(prompts(12, seed=6))]
    alone = [decode(lm, [row], SAMPLED)[0] for row in rows]
    for batch_size in (1, 3, 12):
        for a, b in zip(alone, decode(lm, rows, SAMPLED, batch_size=batch_size), strict=True):
            assert_same(a, b)
    shuffled = decode(lm, rows[::-1], SAMPLED, batch_size=5)[::-1]
    for a, b in zip(alone, shuffled, strict=True):
        assert_same(a, b)


def test_the_same_seed_gives_the_same_chain_and_another_seed_another(lm: LanguageModel) -> None:
    prompt = prompts(1, seed=7)[0]
    a, b, c = decode(lm, [Row(prompt, seed=s) for s in (1, 1, 2)], SAMPLED)
    assert a.token_ids == b.token_ids != c.token_ids


def test_a_fork_reuses_the_chain_in_the_store(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = prompts(1, seed=8)[0]
    store = PrefixStore()
    (chain,) = decode(lm, [Row(prompt)], GREEDY, store=store, keep_rows=True)
    widths = []
    forward = lm.model.forward

    def watched(*args: object, **kwargs: object) -> object:
        widths.append(kwargs["input_ids"].shape[1])  # type: ignore[attr-defined]
        return forward(*args, **kwargs)

    monkeypatch.setattr(lm.model, "forward", watched)
    middle = len(chain.token_ids) // 2
    token = int(chain.statistics.top_ids[middle, 1])
    decode(lm, [Row(prompt, chain.token_ids[:middle], {middle: token})], GREEDY, store=store)
    assert set(widths) == {1}, "a forced token costs a cache crop, never a prefill"


def test_one_prefix_is_computed_once_for_all_rows_that_share_it(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = []
    forward = lm.model.forward

    def watched(*args: object, **kwargs: object) -> object:
        widths.append(tuple(kwargs["input_ids"].shape))  # type: ignore[attr-defined]
        return forward(*args, **kwargs)

    monkeypatch.setattr(lm.model, "forward", watched)
    prompt = prompts(1, seed=8)[0]
    decode(lm, [Row(prompt, seed=s) for s in range(20)], SAMPLED)
    assert widths[0] == (1, len(prompt) - 1)
    assert all(width == 1 for _, width in widths[1:])


def test_streaming_tells_every_token_in_order(lm: LanguageModel) -> None:
    told: dict[int, list[int]] = {0: [], 1: []}
    decoded = decode(
        lm,
        [Row(p, seed=1) for p in prompts(2)],
        SAMPLED,
        on_step=lambda row, token, _: told[row].append(token),
    )
    assert [told[0], told[1]] == [list(d.token_ids) for d in decoded]


def test_cancel_stops_between_tokens_and_keeps_what_is_there(lm: LanguageModel) -> None:
    seen: list[int] = []
    rows = [Row(prompts(1)[0]), Row(prompts(1)[0], seed=1), Row(prompts(1)[0], seed=2)]
    whole = decode(lm, rows[:1], GREEDY)[0]
    decoded = decode(
        lm,
        rows,
        GREEDY,
        batch_size=2,
        on_step=lambda row, token, _: seen.append(token),
        cancel=lambda: len(seen) >= 6,
    )
    assert [len(d.token_ids) for d in decoded] == [3, 3, 0]
    assert {d.stop_reason for d in decoded} == {StopReason.CANCELLED}
    assert decoded[0].token_ids == whole.token_ids[:3]


def test_a_row_ends_at_the_limit_of_its_completion(lm: LanguageModel) -> None:
    prompt = prompts(1, seed=11)[0]
    never_ends = Sampler(max_new_tokens=5)
    (short,) = decode(lm, [Row(prompt)], never_ends)
    assert len(short.token_ids) <= 5
    (full,) = decode(lm, [Row(prompt, short.token_ids)], never_ends)
    assert full.token_ids == ()
    assert full.stop_reason == StopReason.LENGTH


@pytest.mark.parametrize("token", [-1, 10**6])
def test_a_forced_token_outside_the_vocabulary_is_refused(lm: LanguageModel, token: int) -> None:
    with pytest.raises(PositionError, match="not in the model's vocabulary"):
        decode(lm, [Row((1, 2), forced={0: token})], GREEDY)


def test_left_over_vocabulary_padding_is_shown_and_forced_like_any_token() -> None:
    lm = tiny_language_model(padding=24)
    padded_id = lm.vocab_size - 1
    assert padded_id >= len(lm.tokenizer)
    (decoded,) = decode(lm, [Row((5, 6), forced={1: padded_id})], Sampler(max_new_tokens=4))
    assert decoded.token_ids[1] == padded_id
    assert lm.text.display(padded_id) == f"⟨{padded_id}⟩"
    assert score(lm, (5, 6), decoded.token_ids).entropy == pytest.approx(
        decoded.statistics.entropy, abs=1e-4
    )


def _wrapped(model: PreTrainedModel) -> LanguageModel:
    tiny = tiny_language_model()
    return wrap(ModelSpec("tiny"), model.eval(), tiny.tokenizer)


def test_the_entropy_of_a_uniform_model_is_the_log_of_its_whole_vocabulary() -> None:
    model = random_qwen3(320)
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    lm = _wrapped(model)
    (decoded,) = decode(lm, [Row((1, 2, 3))], Sampler(temperature=1.0, max_new_tokens=3))
    np.testing.assert_allclose(decoded.statistics.entropy, math.log(320), rtol=1e-6)


BFLOAT16_TOLERANCE = 0.1  # nats: bfloat16 keeps 8 bits, and sums depend on the batch's shape


def test_in_bfloat16_statistics_agree_with_scoring_within_the_tolerance() -> None:
    lm = _wrapped(random_qwen3(320, spread=0.2).to(torch.bfloat16))
    assert lm.dtype == "bfloat16"
    rows = prompts(6, seed=13)
    for prompt, decoded in zip(rows, decode(lm, [Row(p) for p in rows], GREEDY), strict=True):
        scored = score(lm, prompt, decoded.token_ids)
        np.testing.assert_allclose(
            decoded.statistics.entropy, scored.entropy, atol=BFLOAT16_TOLERANCE
        )


def test_rotary_embeddings_that_change_with_the_length_are_recomputed() -> None:
    model = random_qwen3(320)
    assert can_share_prefixes(model)
    model.config.rope_parameters = {"rope_type": "longrope", "rope_theta": 1e4}
    assert not can_share_prefixes(model)
    assert "change with the length" in str(why_recomputed(model))


def test_cancel_does_not_wait_for_a_model_that_somebody_else_holds(lm: LanguageModel) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lm.lock:
            held.set()
            done.wait(300)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(300)
    (decoded,) = decode(lm, [Row((1, 2))], GREEDY, cancel=lambda: True)
    done.set()
    holder.join()
    assert decoded.stop_reason == StopReason.CANCELLED
    assert decoded.token_ids == ()


def test_no_rows_is_no_work(lm: LanguageModel) -> None:
    assert decode(lm, [], GREEDY) == []


# A second model that reads along.


@pytest.fixture(scope="module")
def teacher() -> LanguageModel:
    return tiny_language_model(seed=1)


def leave_it(moment: StepContext) -> None:
    """The rule that never says anything."""


def ask_teacher(moment: StepContext) -> int:
    """The rule that always says what the teacher says."""
    return moment.teacher_id


def every_third(moment: StepContext) -> int | None:
    """A rule that says something now and then."""
    return moment.top_ids[1] if moment.position % 3 == 2 else None


@pytest.mark.parametrize("rule", [None, leave_it], ids=["no rule", "a silent rule"])
def test_a_teacher_that_only_reads_along_changes_nothing(
    lm: LanguageModel, teacher: LanguageModel, rule: Rule | None
) -> None:
    rows = [Row(p) for p in prompts(12, seed=20)]
    plain = decode(lm, rows, GREEDY, batch_size=5)
    guided = decode(lm, rows, GREEDY, batch_size=5, guide=Guide(teacher, [rule] * 12))
    for a, b in zip(plain, guided, strict=True):
        assert_same(a, b)
        assert b.replaced == {}


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_rows_with_and_without_a_rule_go_in_one_batch_as_if_alone(
    lm: LanguageModel, teacher: LanguageModel, batch_size: int
) -> None:
    rows = [Row(p) for p in prompts(12, seed=21)]
    rules: list[Rule | None] = [None, ask_teacher, every_third] * 4
    together = decode(lm, rows, GREEDY, batch_size=batch_size, guide=Guide(teacher, rules))
    for row, rule, decoded in zip(rows, rules, together, strict=True):
        (alone,) = decode(lm, [row], GREEDY, guide=Guide(teacher, [rule]))
        assert_same(decoded, alone)
        assert dict(decoded.replaced) == dict(alone.replaced)
    for row, decoded in list(zip(rows, together, strict=True))[1::3]:
        assert list(decoded.token_ids) == reference_greedy(teacher.model, row.prompt_ids, 40)


def test_what_a_rule_knows_is_what_the_models_say_on_the_corrected_prefix(
    lm: LanguageModel, teacher: LanguageModel
) -> None:
    prompt = prompts(1, seed=22)[0]
    moments: list[StepContext] = []

    def rule(moment: StepContext) -> int | None:
        moments.append(moment)
        return every_third(moment)

    (decoded,) = decode(lm, [Row(prompt)], GREEDY, k=20, guide=Guide(teacher, [rule]))
    base = score(lm, prompt, decoded.token_ids, k=20)
    other = score(teacher, prompt, decoded.token_ids, k=1)
    assert [m.position for m in moments] == list(range(len(decoded.token_ids)))
    np.testing.assert_allclose([m.entropy for m in moments], base.entropy, atol=1e-4)
    assert {type(m.entropy) for m in moments} == {np.float32}
    assert [list(m.top_ids) for m in moments] == base.top_ids.tolist()
    assert [m.base_id for m in moments] == base.top_ids[:, 0].tolist()
    assert [m.teacher_id for m in moments] == other.top_ids[:, 0].tolist()
    third = {p for p in range(len(decoded.token_ids)) if p % 3 == 2}
    assert {p for p, forced in enumerate(decoded.forced) if forced} == third
    assert dict(decoded.replaced) == {p: moments[p].base_id for p in third}
    assert {int(decoded.statistics.rank[p]) for p in third} == {2}
    np.testing.assert_allclose(decoded.statistics.logprob, base.logprob, atol=1e-4)


def test_a_guided_row_may_keep_and_force_tokens_of_its_own(
    lm: LanguageModel, teacher: LanguageModel
) -> None:
    prompt = prompts(1, seed=23)[0]
    row = Row(prompt, (7, 8, 9), {3: 11, 5: 12})
    (decoded,) = decode(lm, [row], GREEDY, guide=Guide(teacher, [ask_teacher]))
    assert (decoded.start, decoded.token_ids[0], decoded.token_ids[2]) == (3, 11, 12)
    assert all(decoded.forced)
    start = (*prompt, 7, 8, 9, 11)
    assert decoded.token_ids[1] == reference_greedy(teacher.model, start, 1)[0]


def test_guided_rows_stream_and_cancel_like_plain_ones(
    lm: LanguageModel, teacher: LanguageModel
) -> None:
    rows = [Row(p) for p in prompts(3, seed=24)]
    guide = Guide(teacher, [ask_teacher, every_third, None])
    told: dict[int, list[int]] = {0: [], 1: [], 2: []}
    whole = decode(
        lm, rows, GREEDY, guide=guide, on_step=lambda row, token, _: told[row].append(token)
    )
    assert list(told.values()) == [list(d.token_ids) for d in whole]
    seen: list[int] = []
    cut = decode(
        lm,
        rows,
        GREEDY,
        batch_size=2,
        guide=guide,
        on_step=lambda row, token, _: seen.append(token),
        cancel=lambda: len(seen) >= 6,
    )
    assert [len(d.token_ids) for d in cut] == [3, 3, 0]
    assert {d.stop_reason for d in cut} == {StopReason.CANCELLED}
    assert [d.token_ids for d in cut] == [whole[0].token_ids[:3], whole[1].token_ids[:3], ()]


@pytest.mark.parametrize("kind", ["mamba", "mistral, window of 8", "gpt-2, learned positions"])
def test_any_architecture_can_be_the_teacher_or_the_base(lm: LanguageModel, kind: str) -> None:
    other = language_model(kind)
    limit = Sampler(max_new_tokens=16)
    rows = prompts(5, seed=25)
    for base, guide_by in ((lm, other), (other, lm)):
        decoded = decode(
            base,
            [Row(p) for p in rows],
            limit,
            batch_size=3,
            guide=Guide(guide_by, [ask_teacher] * 5),
        )
        expected = [reference_greedy(guide_by.model, p, 16) for p in rows]
        assert [list(d.token_ids) for d in decoded] == expected


def test_two_runs_with_swapped_roles_do_not_wait_for_each_other_forever(
    lm: LanguageModel, teacher: LanguageModel
) -> None:
    def work(base: LanguageModel, other: LanguageModel) -> None:
        for _ in range(5):
            decode(base, [Row((1, 2))], Sampler(max_new_tokens=3), guide=Guide(other, [leave_it]))

    pairs = [(lm, teacher), (teacher, lm), (lm, lm)]
    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_cancel_does_not_wait_for_a_teacher_that_somebody_else_holds(
    lm: LanguageModel, teacher: LanguageModel
) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with teacher.lock:
            held.set()
            done.wait(300)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(300)
    guide = Guide(teacher, [leave_it])
    (decoded,) = decode(lm, [Row((1, 2))], GREEDY, guide=guide, cancel=lambda: True)
    taken: list[bool] = []

    def take() -> None:
        taken.append(lm.lock.acquire(timeout=20))
        lm.lock.release()

    other = threading.Thread(target=take)
    other.start()
    other.join()
    done.set()
    holder.join()
    assert decoded.stop_reason == StopReason.CANCELLED
    assert taken == [True], "the lock it had is free again"


def test_sampled_rows_and_a_wrong_number_of_rules_are_refused(
    lm: LanguageModel, teacher: LanguageModel
) -> None:
    with pytest.raises(SamplerError, match="greedy"):
        decode(lm, [Row((1, 2))], SAMPLED, guide=Guide(teacher, [None]))
    with pytest.raises(ValueError, match="2 rules for 1 rows"):
        decode(lm, [Row((1, 2))], GREEDY, guide=Guide(teacher, [None, None]))


def test_a_forced_token_remembers_what_would_have_stood_there(lm: LanguageModel) -> None:
    prompt = prompts(1, seed=26)[0]
    (chain,) = decode(lm, [Row(prompt)], GREEDY)
    other = int(chain.statistics.top_ids[2, 3])
    (branch,) = decode(lm, [Row(prompt, forced={2: other})], GREEDY)
    assert dict(branch.replaced) == {2: chain.token_ids[2]}
    assert branch.statistics.rank[2] == 4


def test_what_all_prompts_of_a_batch_begin_with_is_computed_once(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = tuple(range(5, 69))  # 64 tokens, as the examples of a few-shot prompt
    prompts = [(*examples, *range(10 + i, 14 + 2 * i)) for i in range(5)]
    computed: list[int] = []
    forward = lm.model.forward

    def watched(*args: Any, **kwargs: Any) -> Any:
        computed.append(kwargs["input_ids"].numel())
        return forward(*args, **kwargs)

    alone = [decode(lm, [Row(prompt)], GREEDY)[0] for prompt in prompts]
    monkeypatch.setattr(lm.model, "forward", watched)
    together = decode(lm, [Row(prompt) for prompt in prompts], GREEDY)
    longest = max(map(len, prompts)) - 1 - len(examples)
    assert computed[:2] == [len(examples), len(prompts) * longest]
    for one, other in zip(together, alone, strict=True):
        assert one.token_ids == other.token_ids
        np.testing.assert_allclose(one.statistics.entropy, other.statistics.entropy, atol=1e-4)
