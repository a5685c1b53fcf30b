"""A temperature of its own at forks: where it is used, what it draws, and its random control."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import torch
from lookup_model import BASE, PROMPT, SO, lookup_model
from models import tiny_language_model
from pydantic import ValidationError
from transformers.generation.logits_process import TemperatureLogitsWarper

from core.chain_json import chain_from_json, chain_to_json
from core.chains.generation import generate
from core.decoding.loop import Decoded, Row, decode
from core.decoding.sampling import at_fork_temperature, choose, random_places, uniforms
from core.errors import SamplerError
from core.evaluation.results import summarise_evaluation
from core.evaluation.sampling import evaluate
from core.evaluation.settings import EvaluationSettings
from core.models.language_model import LanguageModel
from core.records import ForkTemperature, Problem, Sampler

ROWS = [Row((5, 6, 7), seed=seed) for seed in range(8)]
FORKS = ForkTemperature(2.0, tau=1.0)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


def same(a: list[Decoded], b: list[Decoded]) -> bool:
    return all(
        one.token_ids == other.token_ids
        and np.array_equal(one.statistics.entropy, other.statistics.entropy)
        for one, other in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("random_share", [None, 0.5])
def test_with_both_temperatures_equal_it_is_the_old_sampler_bit_for_bit(
    lm: LanguageModel, temperature: float, random_share: float | None
) -> None:
    plain = Sampler(temperature, top_p=0.9, max_new_tokens=20)
    forks = ForkTemperature(temperature, tau=3.0, random_share=random_share)
    both = Sampler(temperature, top_p=0.9, max_new_tokens=20, forks=forks)
    assert same(decode(lm, ROWS, plain), decode(lm, ROWS, both))


def test_at_all_or_at_no_positions_it_is_the_sampler_of_that_temperature(lm: LanguageModel) -> None:
    def chains(temperature: float, forks: ForkTemperature | None = None) -> list[Decoded]:
        return decode(lm, ROWS, Sampler(temperature, max_new_tokens=20, forks=forks))

    assert same(chains(0.5, ForkTemperature(1.5, random_share=1.0)), chains(1.5))
    assert same(chains(0.5, ForkTemperature(1.5, random_share=0.0)), chains(0.5))
    assert same(chains(0.5, ForkTemperature(1.5, tau=100)), chains(0.5))
    assert same(chains(0.0, ForkTemperature(1.5, tau=0.0)), chains(1.5))
    assert not same(chains(0.5), chains(1.5))


def test_each_row_is_drawn_from_its_own_temperature_as_transformers_has_it() -> None:
    torch.manual_seed(2)
    logits = torch.randn(1, 6) * 2
    n = 40_000
    sampler = Sampler(0.5, forks=ForkTemperature(2.0))
    at_forks = np.arange(n) % 2 == 0
    drawn = choose(logits.expand(n, -1), sampler, uniforms(3, n), at_forks).numpy()
    for rows, temperature in ((at_forks, 2.0), (~at_forks, 0.5)):
        warped = TemperatureLogitsWarper(temperature)(torch.zeros(1, 1, dtype=torch.long), logits)
        shares = np.bincount(drawn[rows], minlength=6) / rows.sum()
        expected = warped.softmax(-1)[0].numpy()
        np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / rows.sum()))


def test_greedy_where_the_model_is_sure_and_sampled_at_the_fork_behind_it() -> None:
    """The base is sure of "so" (0.45 nats) and hesitates at the next token (1.51 nats)."""
    sampler = Sampler(0.0, max_new_tokens=2, forks=FORKS)
    n = 4_000
    rows = [Row(PROMPT, seed=seed) for seed in range(n)]
    chains = decode(lookup_model(BASE), rows, sampler, batch_size=n)
    assert {chain.token_ids[0] for chain in chains} == {SO}
    flat = {token: p**0.5 for token, p in BASE[(SO,)].items()}  # temperature 2
    drawn = Counter(chain.token_ids[1] for chain in chains)
    for token, weight in flat.items():
        expected = weight / sum(flat.values())
        assert drawn[token] / n == pytest.approx(expected, abs=4 * np.sqrt(0.25 / n))


def test_the_statistics_are_of_the_raw_distribution() -> None:
    sampler = Sampler(0.0, max_new_tokens=2, forks=FORKS)
    (chain,) = decode(lookup_model(BASE), [Row(PROMPT)], sampler)
    np.testing.assert_allclose(chain.statistics.entropy, [0.45, 1.51], atol=0.005)


def test_the_control_takes_its_share_of_positions_by_seed_and_position_alone() -> None:
    control = ForkTemperature(2.0, random_share=0.25)
    places = random_places(control, 7, 20_000)
    assert places.mean() == pytest.approx(0.25, abs=0.02)
    assert np.array_equal(random_places(control, 7, 100), places[:100])
    assert not np.array_equal(random_places(control, 8, 100), places[:100])
    # Another stream than that of the draws: a position taken says nothing about its draw.
    assert np.corrcoef(places, uniforms(7, 20_000))[0, 1] == pytest.approx(0, abs=0.03)


def test_what_was_drawn_at_forks_is_known_afterwards() -> None:
    nats = np.array([0.2, 1.0, 1.1], np.float32)
    assert at_fork_temperature(FORKS, 0, nats).tolist() == [False, False, True]
    control = ForkTemperature(2.0, random_share=0.5)
    found = at_fork_temperature(control, 3, nats)
    assert found.tolist() == random_places(control, 3, 3).tolist()


def test_a_chain_file_keeps_it(lm: LanguageModel) -> None:
    sampler = Sampler(0.5, max_new_tokens=4, forks=FORKS)
    (chain,) = generate(lm, [Problem("p", "two cuts", "3")], sampler, [0])
    read, _ = chain_from_json(json.loads(json.dumps(chain_to_json(chain))))
    assert read.sampler.forks == FORKS


@pytest.mark.parametrize(
    "forks",
    [
        ForkTemperature(-1),
        ForkTemperature(0.0001),
        ForkTemperature(1, tau=-1),
        ForkTemperature(1, tau=float("nan")),
        ForkTemperature(1, random_share=1.5),
    ],
)
def test_values_out_of_range_are_refused(forks: ForkTemperature) -> None:
    with pytest.raises(SamplerError, match=r"The sampler's .* is out of range\. Set it to"):
        Sampler(1.0, forks=forks)


def test_an_evaluation_counts_the_tokens_drawn_at_forks() -> None:
    settings = EvaluationSettings(
        samples=3, max_new_tokens=2, temperature=0, fork_temperature=2, fork_tau=1
    )
    problems = [Problem(name, "so", "7") for name in ("p", "q")]
    records = evaluate(lookup_model(BASE), problems, settings)
    assert records is not None
    assert [[each.at_forks for each in record.samples] for record in records] == [[1] * 3] * 2
    found = summarise_evaluation(records).at_forks
    assert found is not None
    assert (found.value, found.n) == (0.5, 2)


def test_an_evaluation_without_it_counts_nothing() -> None:
    settings = EvaluationSettings(samples=1, max_new_tokens=2)
    records = evaluate(lookup_model(BASE), [Problem("p", "so", "7")], settings)
    assert records is not None
    assert records[0].samples[0].at_forks is None
    assert summarise_evaluation(records).at_forks is None


def test_several_samples_need_some_temperature_somewhere() -> None:
    assert EvaluationSettings(temperature=0).samples == 1
    assert EvaluationSettings(temperature=0, fork_temperature=1, samples=4).samples == 4
    with pytest.raises(ValidationError, match="greedy samples of a problem are all alike"):
        EvaluationSettings(temperature=0, fork_temperature=0, samples=4)
    with pytest.raises(ValidationError, match="a random share needs a temperature at forks"):
        EvaluationSettings(fork_random_share=0.1)
