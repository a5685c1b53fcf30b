"""A pilot: a few chains of a run that is planned, decoded to see how long such chains become."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from core.chains.judging import judge_completions
from core.chains.prompting import RunPromptSettings, problem_prompt
from core.chains.run_on import without_run_on
from core.decoding.loop import Row, decode
from core.decoding.prefill import common_beginning
from core.decoding.sampling import chain_seed
from core.records import Problem, Sampler, StopReason, Verdict, floats
from core.runs.decoding_speed import MeasuringCancelledError, StepClock, batch_seconds
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.decoding_speed import DecodingSpeed
    from core.runs.measurements import Meter

_FEWEST, _MOST = 8, 32  # problems
_SECONDS = 4.0  # that the pilot should take
_LIMIT = 20.0  # seconds after which its chains are cut
_GUESS = 48  # tokens of a chain, before any is known
_FACTORS = (0.5, 2.0)  # limits of `Pilot.factor`


@dataclass(frozen=True)
class PilotChain:
    """One chain."""

    tokens: int  # decoded
    cut: bool  # by the pilot's own limit of time
    correct: bool
    entropy: tuple[float, ...]  # (T,) nats, of its answer


@dataclass(frozen=True)
class Pilot:
    """What the chains of some problems of a run say about all of them."""

    shared: int  # tokens that all prompts begin with
    prompts: tuple[int, ...]  # (P,) tokens of each problem's prompt
    chains: tuple[tuple[PilotChain, ...], ...]  # (P, samples)
    max_new_tokens: int
    prefill_token: float  # seconds of a token of a prompt, each counted once where it is shared
    factor: float  # decoding took so many times what the measured speed says
    judging: float  # seconds a chain

    @property
    def prompt(self) -> float:
        """Mean tokens of a prompt."""
        return sum(self.prompts) / len(self.prompts)

    @property
    def lengths(self) -> list[int]:
        """Tokens of every chain; of a cut one, those that it would have had on average, if a chain
        ends at any token with the same probability."""
        every = [chain for chains in self.chains for chain in chains]
        ended = sum(not chain.cut for chain in every)
        mean = max(sum(chain.tokens for chain in every) / max(ended, 0.5), 1.0)
        return [self._whole(chain, mean) for chain in every]

    def _whole(self, chain: PilotChain, mean: float) -> int:
        if not chain.cut:
            return max(chain.tokens, 1)
        left = self.max_new_tokens - chain.tokens
        return chain.tokens + max(round(mean * (1 - exp(-left / mean))), 1)

    @property
    def length(self) -> float:
        """Mean tokens of a chain."""
        return float(np.mean(self.lengths))

    @property
    def length_spread(self) -> float:
        """Relative standard error of that mean; chains of a problem count as one."""
        means = [float(np.mean([max(c.tokens, 1) for c in chains])) for chains in self.chains]
        if len(means) < 2:
            return 0.5
        return float(np.std(means, ddof=1) / np.sqrt(len(means)) / np.mean(means))

    @property
    def runs_long(self) -> bool:
        """Whether most chains reach the limit of new tokens, so that a lower one is felt."""
        return self.length > 0.8 * self.max_new_tokens

    def rows(self, count: int) -> list[int]:
        """Lengths of that many chains, as these are, in an order of no meaning."""
        known = self.lengths
        order = np.random.default_rng(0).permutation(count)
        return [known[i % len(known)] for i in order]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self)


_PILOT: TypeAdapter[Pilot] = TypeAdapter(Pilot)


def pilot_chains(
    meter: Meter,
    problems: Sequence[Problem],
    settings: RunPromptSettings,
    sampler: Sampler,
    *,
    samples: int = 1,
    batch_size: int,
    seed: int,
) -> Pilot:
    """Decode and judge chains of some of the problems, or read what was found before on problems
    of the same source.

    Args:
        meter: of the model.
        problems: all of the run's.
        settings: of the prompts.
        sampler: of the chains, without stop strings, which are those of the settings.
        samples: chains of each problem.
        batch_size: most chains at once.
        seed: of the chains.

    Raises:
        NotMeasuredError: nothing is known, and the meter must not measure.
        MeasuringCancelledError: the meter was cancelled.
        PromptError, ModelError, ResourceError: as `decode`.
    """
    fields = set(RunPromptSettings.model_fields)
    about = {
        "settings": settings.model_dump(mode="json", include=fields),
        "sampler": asdict(replace(sampler, stop=())),
        "samples": samples,
        "problems": _sources(problems),
    }

    def measure() -> Mapping[str, Any]:
        pilot = _measured(meter, problems, settings, sampler, samples, batch_size, seed)
        return pilot.to_json()

    return meter.known("chains", about, _PILOT.validate_python, measure)


def greedy_pilot(
    meter: Meter,
    problems: Sequence[Problem],
    settings: RunPromptSettings,
    *,
    batch_size: int,
    seed: int,
) -> Pilot:
    """A pilot of greedy chains, one a problem; as `pilot_chains`."""
    sampler = Sampler(max_new_tokens=settings.max_new_tokens)
    return pilot_chains(meter, problems, settings, sampler, batch_size=batch_size, seed=seed)


def _sources(problems: Sequence[Problem]) -> list[str]:
    """Where problems come from; chains of problems of one source are alike. Problems without a
    source are known by their questions."""
    named = {problem.source for problem in problems}
    if "" not in named:
        return sorted(named)
    questions = json_text([problem.question for problem in problems], ascii_only=True)
    return [hashlib.sha256(questions.encode()).hexdigest()]


def _measured(
    meter: Meter,
    problems: Sequence[Problem],
    settings: RunPromptSettings,
    sampler: Sampler,
    samples: int,
    batch_size: int,
    seed: int,
) -> Pilot:
    lm, speed = meter.model, meter.decoding
    some = _spread(problems, _affordable(speed, len(problems), samples))
    prompts = [problem_prompt(lm, problem, settings) for problem in some]
    rows = [
        Row(prompt, seed=chain_seed(seed, problem.id, sample))
        for problem, prompt in zip(some, prompts, strict=True)
        for sample in range(samples)
    ]
    watch = StepClock(meter.cancel, _LIMIT)
    stop = settings.stop_strings(lm.prompt_style)
    decoded = decode(
        lm, rows, replace(sampler, stop=stop), k=1, batch_size=batch_size, cancel=watch
    )
    if meter.cancel() or not watch.steps:
        raise MeasuringCancelledError
    answers = without_run_on(lm, rows, decoded, settings.answer_ends(lm.prompt_style))

    def judged() -> list[bool]:
        outcomes = judge_completions(
            lm,
            [each.token_ids for each in answers],
            [problem.answer for problem in some for _ in range(samples)],
            [row.prompt_ids for row in rows],
        )
        return [outcome.verdict is Verdict.CORRECT for outcome in outcomes]

    judged()  # starts the checker's process
    begun = time.perf_counter()
    right = judged()
    judging = (time.perf_counter() - begun) / len(rows)
    chains = [
        PilotChain(
            len(each.token_ids),
            each.stop_reason is StopReason.CANCELLED,
            is_right,
            tuple(floats(answer.statistics.entropy)),
        )
        for each, answer, is_right in zip(decoded, answers, right, strict=True)
    ]
    shared = common_beginning(prompts) if len(prompts) > 1 else 0
    read = shared + sum(len(each) - shared for each in set(prompts))
    lengths = [max(chain.tokens, 1) for chain in chains]
    context = sum(map(len, prompts)) / len(prompts)
    first, *others = watch.steps
    first_step = speed.step(min(len(rows), batch_size), context)
    foreseen = batch_seconds(speed, lengths, context, batch_size)
    took = sum(others) + first_step
    return Pilot(
        shared=shared,
        prompts=tuple(map(len, prompts)),
        chains=tuple(
            tuple(chains[start : start + samples]) for start in range(0, len(chains), samples)
        ),
        max_new_tokens=sampler.max_new_tokens,
        prefill_token=max(first - first_step, 0.0) / read,
        factor=float(np.clip(took / foreseen, *_FACTORS)),
        judging=judging,
    )


def _affordable(speed: DecodingSpeed, available: int, samples: int) -> int:
    """How many problems a pilot takes."""
    count = min(_FEWEST, available)
    while count < min(available, _MOST):
        rows = (count + 1) * samples
        seconds = speed.prefill(40 * (count + 1)) + _GUESS * speed.step(rows, speed.context)
        if seconds > _SECONDS:
            break
        count += 1
    return count


def _spread(problems: Sequence[Problem], count: int) -> list[Problem]:
    """That many problems from all over a set, which may be ordered."""
    return [problems[(2 * i + 1) * len(problems) // (2 * count)] for i in range(count)]
