"""An arm's chain of an intervention study, scored again, since a run keeps only its token ids."""

from __future__ import annotations

from core.chains.assembly import scored_chain
from core.interventions.records import ProblemRecord
from core.interventions.settings import InterventionSettings
from core.models.language_model import LanguageModel
from core.records import Chain, Problem, Sampler


def scored_arm(
    lm: LanguageModel,
    problem: Problem,
    record: ProblemRecord,
    arm: str,
    settings: InterventionSettings,
) -> Chain:
    """The chain of one arm with the base's statistics; the tokens that the arm put are forced.

    Args:
        lm: the run's base model.
        settings: the run's.

    Raises:
        KeyError: no such arm in the record.
        ModelError, PromptError, PositionError: as `scored_chain`.
    """
    chain = record.chain(arm)
    return scored_chain(
        lm,
        problem,
        record.prompt_ids,
        chain.token_ids,
        forced={each.position for each in chain.touched},
        sampler=Sampler(
            max_new_tokens=settings.max_new_tokens, stop=settings.stop_strings(lm.prompt_style)
        ),
        stop_reason=chain.stop_reason,
        prompt_style=settings.prompt_style or lm.prompt_style,
    )
