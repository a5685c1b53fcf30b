"""From rollouts to training examples: mixed-success problems, advantages, gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.decoding.sampling import keyed_generator
from core.errors import TrainingError
from core.evaluation.records import ProblemSamples, Sample
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.gates import entropies_seen, gate_rollout
from core.reasonmaxxer.settings import GATES, GateSettings, SelectionSettings
from core.records import StopReason


@dataclass(frozen=True)
class SelectionReport:
    """What was selected and what was not, in numbers."""

    pass_rates: dict[str, float]  # by problem id, of all rolled-out problems
    problems: tuple[str, ...]  # ids of the kept ones, closest to one half first
    rollouts: int  # in all
    truncated: int  # rollouts cut at the limit of new tokens, in all
    dropped_truncated: int
    dropped_longest: int
    right: int  # examples with a positive advantage
    wrong: int
    tokens: int  # of all examples' completions
    decisions: int  # of these, the gated ones

    @property
    def gated_share(self) -> float:
        """Share of the completions' tokens that are pushed."""
        return self.decisions / self.tokens if self.tokens else 0.0


@dataclass(frozen=True)
class Selection:
    """Examples to train on, clearest signal first."""

    examples: tuple[Example, ...]
    report: SelectionReport


def advantages(correct: Sequence[bool], clip: float = 2.5) -> list[float]:
    """A_i = (r_i - mean r) / std r of one problem's rollouts, clipped to [-clip, clip].

    The population standard deviation (paper section 5); all 0 where all rollouts agree.
    """
    rewards = np.asarray(correct, np.float64)
    deviation = rewards.std()
    if deviation == 0:
        return [0.0] * len(rewards)
    values: list[float] = ((rewards - rewards.mean()) / deviation).clip(-clip, clip).tolist()
    return values


def select_examples(
    records: Sequence[ProblemSamples],
    settings: SelectionSettings,
    gate: GateSettings,
    seed: int = 0,
) -> Selection:
    """Select the examples to train on (paper section 5, appendix B).

    Problems with right and wrong rollouts are kept, those nearest to a pass rate of one half
    first, ties in their order. The examples are sorted by signal clarity, clearest first.

    Args:
        records: rollouts with their entropies.
        settings: which rollouts are kept.
        gate: which tokens are pushed.
        seed: of the controls' draws.

    Raises:
        TrainingError: every rollout is truncated, no problem has right and wrong ones or none of
            these is in the window, the gate selects no token or every token, or it looks at
            entropies that were not computed.
    """
    everything = [sample for record in records for sample in record.samples]
    _check_scored(everything, gate)
    truncated = sum(_is_truncated(sample) for sample in everything)
    if everything and truncated == len(everything):
        raise TrainingError(
            f"All {truncated} rollouts were cut off at the limit of new tokens.",
            "Raise max new tokens.",
        )
    groups = {
        record.problem_id: [
            (number, sample)
            for number, sample in enumerate(record.samples)
            if not (settings.drop_truncated and _is_truncated(sample))
        ]
        for record in records
    }
    rates = {
        name: sum(sample.correct for _, sample in group) / len(group)
        for name, group in groups.items()
        if group
    }
    mixed = sorted(
        (name for name, rate in rates.items() if 0 < rate < 1),
        key=lambda name: _from_one_half(groups[name]),
    )
    if not mixed:
        raise _nothing_mixed(rates)
    near = [name for name in mixed if _from_one_half(groups[name]) <= settings.pass_rate_window]
    if not near:
        raise TrainingError(
            f"None of the {len(mixed)} problems with correct and wrong rollouts has a share of "
            f"correct ones in the pass-rate window of {settings.pass_rate_window:g}.",
            "Widen the window, or sample more rollouts.",
        )
    kept = near[: settings.max_problems]
    chosen: list[tuple[Example, float]] = []  # with its highest entropy, in nats
    everywhere = entropies_seen(gate, records)
    prompts = {record.problem_id: record.prompt_ids for record in records}
    for name in kept:
        group = groups[name]
        own = advantages([sample.correct for _, sample in group], settings.advantage_clip)
        if settings.shuffle_advantages:
            own = keyed_generator(seed, name, "advantages").permutation(own).tolist()
        for (number, sample), advantage in zip(group, own, strict=True):
            if settings.positive_only and advantage <= 0:
                continue
            entropy = np.asarray(sample.entropy, np.float32)
            mask = gate_rollout(entropy, gate, seed, name, number, everywhere)
            example = Example(
                name, prompts[name], sample.token_ids, tuple(mask.tolist()), advantage
            )
            chosen.append((example, float(entropy.max(initial=0.0))))
    short = _without_longest(chosen, settings.drop_longest)
    examples = [example for example, _ in short]
    report = SelectionReport(
        pass_rates={record.problem_id: record.pass_rate for record in records},
        problems=tuple(kept),
        rollouts=len(everything),
        truncated=truncated,
        dropped_truncated=truncated if settings.drop_truncated else 0,
        dropped_longest=len(chosen) - len(examples),
        right=sum(each.advantage > 0 for each in examples),
        wrong=sum(each.advantage < 0 for each in examples),
        tokens=sum(len(each.token_ids) for each in examples),
        decisions=sum(sum(each.gate) for each in examples),
    )
    _check_gate(report, gate, max(highest for _, highest in short))
    return Selection(tuple(sorted(examples, key=lambda each: -each.signal_clarity)), report)


def _check_scored(samples: Sequence[Sample], gate: GateSettings) -> None:
    lacking = sum(sample.entropy is None for sample in samples)
    if lacking and GATES[gate.kind].sees_all:
        raise TrainingError(
            f"The gate {gate.kind} looks at the entropies of all rollouts, and {lacking} of "
            f"{len(samples)} were not scored.",
            "Sample the rollouts with the score all, or choose another gate.",
        )


def _from_one_half(group: Sequence[tuple[int, Sample]]) -> float:
    """Twice the distance of the pass rate from one half, the same float on both sides of it
    (0.5 - 0.3 is not 0.7 - 0.5)."""
    right = sum(sample.correct for _, sample in group)
    return abs(2 * right - len(group)) / len(group)


def _is_truncated(sample: Sample) -> bool:
    return sample.stop_reason is StopReason.LENGTH


def _without_longest(
    chosen: list[tuple[Example, float]], share: float
) -> list[tuple[Example, float]]:
    """The examples without that share of the longest, but at least one; of equally long ones the
    later is dropped first."""
    order = sorted(range(len(chosen)), key=lambda i: (-len(chosen[i][0].token_ids), -i))
    dropped = set(order[: min(round(share * len(chosen)), len(chosen) - 1)])
    return [each for i, each in enumerate(chosen) if i not in dropped]


def _nothing_mixed(rates: dict[str, float]) -> TrainingError:
    always = sum(rate == 1 for rate in rates.values())
    never = len(rates) - always
    if always > never:
        remedy = "Choose harder problems, or raise the temperature or the rollouts per problem."
    else:
        remedy = (
            "Choose easier problems, raise the rollouts per problem, or check the prompt style."
        )
    return TrainingError(
        "No problem has both correct and wrong rollouts, so none says which decisions matter: "
        f"{always} of {len(rates)} are always correct and {never} always wrong.",
        remedy,
    )


def _check_gate(report: SelectionReport, gate: GateSettings, highest: float) -> None:
    share_by = GATES[gate.kind].share_by
    if report.decisions == 0 and share_by is None:
        raise TrainingError(
            f"The gate {gate.kind} takes no token, so there is nothing to push.",
            "Choose another gate.",
        )
    if report.decisions == 0 and share_by == "fraction":
        raise TrainingError(
            "The gate takes no token, so there is nothing to push: a share of "
            f"{gate.fraction:g} is less than one token of any rollout.",
            "Raise the fraction, or choose another gate.",
        )
    if report.decisions == 0:
        raise TrainingError(
            "The gate takes no token, so there is nothing to push: the highest entropy is "
            f"{highest:.2f} nats, and tau is {gate.tau:g}.",
            "Lower tau, or choose another gate.",
        )
    if report.decisions == report.tokens and share_by is not None:
        raise TrainingError(
            "The gate takes every token, so it tells decisions from nothing.",
            "Raise tau, lower the fraction, or choose the gate that is meant to take all.",
        )
