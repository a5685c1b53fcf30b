"""A sample of an evaluation as a chain: scored again, since a run keeps only its token ids."""

from __future__ import annotations

from dataclasses import replace

from core.chains.assembly import scored_chain
from core.decoding.sampling import chain_seed
from core.evaluation.records import ProblemSamples
from core.evaluation.settings import EvaluationSettings
from core.models.language_model import LanguageModel
from core.records import Chain, Problem


def scored_sample(
    lm: LanguageModel,
    problem: Problem,
    record: ProblemSamples,
    number: int,
    settings: EvaluationSettings,
) -> Chain:
    """One sample with its statistics; tokens forced in it continue with its own sampler and seed.

    Args:
        lm: the run's model.
        number: of the sample, from 0.
        settings: the run's.

    Raises:
        ModelError, PromptError, PositionError: as `scored_chain`.
    """
    sample = record.samples[number]
    return scored_chain(
        lm,
        problem,
        record.prompt_ids,
        sample.token_ids,
        forced=(),
        sampler=replace(settings.sampler, stop=settings.stop_strings(lm.prompt_style)),
        stop_reason=sample.stop_reason,
        seed=chain_seed(settings.seed, problem.id, number),
        prompt_style=settings.prompt_style or lm.prompt_style,
        prompt_date=settings.prompt_date,
    )
