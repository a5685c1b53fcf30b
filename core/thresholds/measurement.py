"""The entropies of a model's tokens on a problem set, and the thresholds that they make.

A threshold belongs to a model: 1.4 nats may be above every token of one, and mark half of another.
So it is measured: one chain on each of some problems, as the model is asked in earnest. Tokens of
the prompt and after the answer don't count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.chains.prompting import check_prompts, problem_prompt
from core.chains.run_on import decode_answers
from core.decoding.loop import Decoded, Row
from core.decoding.sampling import chain_seed
from core.entropy import threshold_gate
from core.errors import ProblemError
from core.models.fingerprint import weights_fingerprint
from core.problems.problem_sets import chosen_problems
from core.records import SCHEMA_VERSION, Problem, StopReason
from core.runs.result_files import known
from core.statistics import Estimate, ratio_over_chains, threshold_over_chains
from core.system.json_text import json_text
from core.thresholds.settings import SHARES, ThresholdSettings

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


PERCENTILES = (10, 25, 50, 75, 80, 90, 95, 98, 99)
"""That are printed."""


@dataclass(frozen=True)
class MeasuredOn:
    """What entropies were measured on; equal ones give equal entropies.

    Attributes:
        model, revision, adapter, quantization: as the model was asked for.
        dtype: of the weights.
        weights: fingerprint of model and adapter, which are compared by it and not by their names;
            empty where the entropies were there already, and no model was loaded.
        problem_set: its name.
        problems: hash of the problems that were asked.
        settings: prompt and sampler.
    """

    model: str
    revision: str | None
    adapter: str | None
    quantization: str
    dtype: str
    weights: str
    problem_set: str
    problems: str
    settings: ThresholdSettings

    @property
    def key(self) -> str:
        """A hash of everything that the entropies depend on: 64 hexadecimal digits."""
        how = self.settings.model_dump(mode="json", exclude={"problems", "batch_size"})
        return _hash([self.quantization, self.dtype, self.weights, self.problems, how])


@dataclass(frozen=True)
class Threshold:
    """The threshold that a share of a model's tokens is above.

    Attributes:
        share: of the tokens, between 0 and 1.
        tau: nats, with its 95 % interval; n is the number of problems.
    """

    share: float
    tau: Estimate


@dataclass(frozen=True, eq=False)
class EntropyMeasurement:
    """The entropies of a model's tokens.

    Attributes:
        on: what was measured.
        entropies: N arrays (T,) in nats, one per problem, of the raw distribution; no problem's is
            empty.
    """

    on: MeasuredOn
    entropies: tuple[NDArray[np.float32], ...]

    @property
    def problems(self) -> int:
        """Number of problems."""
        return len(self.entropies)

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return sum(map(len, self.entropies))

    def threshold(self, share: float) -> Threshold:
        """The smallest entropy that at most a share of the tokens is above: as a threshold it
        selects this share, or where entropies are equal less.

        Args:
            share: between 0 and 1.
        """
        return Threshold(share, threshold_over_chains(self.entropies, share))

    def percentile(self, percent: float) -> float:
        """The smallest entropy, in nats, that at most 100 - `percent` of 100 tokens are above."""
        whole = np.concatenate(self.entropies)
        return threshold_over_chains([whole], 1 - percent / 100).value

    @cached_property
    def offered(self) -> tuple[Threshold, ...]:
        """The thresholds of `SHARES`."""
        return tuple(map(self.threshold, SHARES))

    def share_above(self, tau: float) -> Estimate:
        """The share of tokens above a threshold, with a 95 % interval over problems.

        Args:
            tau: nats.
        """
        above = [int(threshold_gate(each, tau).sum()) for each in self.entropies]
        return ratio_over_chains(above, [len(each) for each in self.entropies])

    def offered_as(self, tau: float) -> Threshold | None:
        """The offered threshold that is exactly tau nats; None for any other number."""
        return next((each for each in self.offered if each.tau.value == tau), None)

    def facts(self) -> dict[str, Any]:
        """What was measured, without the entropies: a JSON-ready dict."""
        on = self.on
        return {
            "model": on.model,
            "revision": on.revision,
            "adapter": on.adapter,
            "quantization": on.quantization,
            "dtype": on.dtype,
            "weights": on.weights,
            "problem_set": on.problem_set,
            "problems_sha256": on.problems,
            "settings": on.settings.model_dump(mode="json"),
            "problems": self.problems,
            "tokens": self.tokens,
        }

    def to_json(self, taus: Sequence[float] = ()) -> dict[str, Any]:
        """What is known without the entropies: a JSON-ready dict.

        Args:
            taus: thresholds in nats, to say which share of the tokens is above them.
        """
        thresholds = [asdict(each) for each in self.offered]
        above = [{"tau": tau, "share": asdict(self.share_above(tau))} for tau in taus]
        found: dict[str, Any] = known(
            {
                "schema_version": SCHEMA_VERSION,
                **self.facts(),
                "percentiles": {f"{each}": self.percentile(each) for each in PERCENTILES},
                "thresholds": thresholds,
                "above": above,
            }
        )
        return found

    def origin(self, threshold: Threshold) -> dict[str, Any]:
        """A threshold and its measurement, for the config of a run: a JSON-ready dict."""
        tau = threshold.tau
        return {
            "share": threshold.share,
            "nats": tau.value,
            "interval": None if np.isnan(tau.low) else [tau.low, tau.high],
            "measurement": self.facts(),
        }


def origins(measured: EntropyMeasurement, taus: Mapping[str, float]) -> dict[str, Any]:
    """Where thresholds come from that are exactly ones that a measurement offers, for the config of
    a run: JSON-ready dicts by the settings' names, without any other threshold.

    Args:
        taus: nats, by the settings' dotted names.
    """
    found = {name: measured.offered_as(tau) for name, tau in taus.items()}
    return {name: measured.origin(each) for name, each in found.items() if each is not None}


def measured_on(
    lm: LanguageModel, problems: Sequence[Problem], problem_set: str, settings: ThresholdSettings
) -> MeasuredOn:
    """What a measurement of a loaded model would be of; takes milliseconds.

    Raises:
        ProblemError: no problems.
    """
    return MeasuredOn(
        model=lm.spec.model,
        revision=lm.spec.revision,
        adapter=lm.spec.adapter,
        quantization=lm.spec.quantization,
        dtype=lm.dtype,
        weights=weights_fingerprint(lm),
        problem_set=problem_set,
        problems=problems_hash(_drawn(problems, settings)),
        settings=settings,
    )


def measure_entropies(
    lm: LanguageModel,
    problems: Sequence[Problem],
    problem_set: str,
    settings: ThresholdSettings,
    *,
    on_chain: Callable[[], None] = lambda: None,
    cancel: Callable[[], bool] = lambda: False,
) -> EntropyMeasurement | None:
    """Generate one chain on each of some problems, and keep the entropy of every token up to the
    end of its answer. A chain depends on the seed and its problem only.

    Args:
        problems: a set, of which `settings.problems` are drawn by the seed.
        problem_set: its name.
        on_chain: called when a chain is finished.
        cancel: asked between tokens.

    Returns:
        The measurement; None when cancelled.

    Raises:
        ProblemError: no problems, or no chain has a token.
        PromptError: a question that can't be asked, or doesn't fit into the model's context.
        ResourceError: as `decode`.
    """
    drawn = _drawn(problems, settings)
    check_prompts(lm, drawn, settings, lm.context_length)
    rows = [
        Row(problem_prompt(lm, each, settings), seed=chain_seed(settings.seed, each.id, 0))
        for each in drawn
    ]

    def on_row(_: int, decoded: Decoded) -> None:
        if decoded.stop_reason is not StopReason.CANCELLED:
            on_chain()

    chains = decode_answers(
        lm,
        rows,
        settings,
        settings.sampler,
        batch_size=settings.batch_size,
        on_row=on_row,
        cancel=cancel,
    )
    if chains is None:
        return None
    on = measured_on(lm, problems, problem_set, settings)
    return measurement_of(on, [each.statistics.entropy for each in chains])


def measurement_of(on: MeasuredOn, entropies: Sequence[NDArray[np.float32]]) -> EntropyMeasurement:
    """A measurement of entropies that are there already.

    Args:
        entropies: N arrays (T,) in nats, one per problem; empty ones are left out.

    Raises:
        ProblemError: all are empty.
    """
    found = tuple(np.asarray(each, np.float32) for each in entropies if len(each))
    if not found:
        raise ProblemError(
            "No chain has a token before the end of its answer.",
            "Choose another prompt style or other stop strings.",
        )
    return EntropyMeasurement(on, found)


def problems_hash(problems: Sequence[Problem]) -> str:
    """A hash of the questions that were asked, and of their ids, by which chains are drawn."""
    return _hash([[each.id, each.question] for each in problems])


def _hash(data: Any) -> str:
    return hashlib.sha256(json_text(data, ascii_only=True).encode()).hexdigest()


def _drawn(problems: Sequence[Problem], settings: ThresholdSettings) -> Sequence[Problem]:
    count = settings.problems
    return chosen_problems(problems, None if count >= len(problems) else count, settings.seed)
