"""Sample every problem: draw chains, judge them, group equal answers for a vote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.answers.groups import AnswerGroups
from core.chains.judging import check_golds, judge_completions
from core.chains.prompting import check_prompts, problem_prompt
from core.chains.run_on import decode_answers
from core.decoding.loop import Decoded, Row
from core.decoding.sampling import at_fork_temperature, chain_seed
from core.engines.served import Score
from core.evaluation.records import ProblemSamples, Sample
from core.evaluation.rescoring import entropies_of, wanted
from core.evaluation.settings import EvaluationSettings
from core.records import Outcome, Problem, StopReason, Verdict, floats

if TYPE_CHECKING:
    from core.engines.engine import Engine
    from core.models.language_model import LanguageModel


def check_evaluation(
    lm: LanguageModel,
    problems: Sequence[Problem],
    settings: EvaluationSettings,
    engine: Engine | None = None,
) -> None:
    """Check before any work that a problem set can be evaluated.

    Args:
        engine: a server that samples, whose context may be shorter.

    Raises:
        ProblemError: no problems, or some without a readable gold answer.
        PromptError: a question that can't be asked, or doesn't fit into the model's context.
        ResourceError: as the answer checker.
    """
    check_golds(problems)
    length = lm.context_length if engine is None else engine.context_length
    check_prompts(lm, problems, settings, length)


def evaluate(
    lm: LanguageModel,
    problems: Sequence[Problem],
    settings: EvaluationSettings,
    *,
    cancel: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    keep_entropy: bool = False,
    engine: Engine | None = None,
) -> list[ProblemSamples] | None:
    """Sample and judge every problem; call `check_evaluation` first.

    A chain depends on the seed, its problem and its sample number, never on the other problems
    or on the batch.

    Args:
        cancel: asked between tokens.
        on_progress: called with (chains done, chains in all; those that are scored count twice).
        keep_entropy: keep the entropy of every sampled token's distribution.
        engine: a server that samples; its `score` says which chains have entropies.

    Returns:
        One record a problem, in order; None when cancelled.

    Raises:
        PromptError: a question that can't be asked.
        ResourceError: as `decode` and the answer checker.
        EngineError: as `Engine.sample`.
    """
    prompts = [problem_prompt(lm, problem, settings) for problem in problems]
    rows = [
        Row(prompt, seed=chain_seed(settings.seed, problem.id, sample))
        for problem, prompt in zip(problems, prompts, strict=True)
        for sample in range(settings.samples)
    ]
    done = 0

    def on_row(_: int, decoded: Decoded) -> None:
        nonlocal done
        if decoded.stop_reason is not StopReason.CANCELLED:
            done += 1
            on_progress(done, len(rows))

    chains = decode_answers(
        lm,
        rows,
        settings,
        settings.sampler,
        batch_size=settings.batch_size,
        on_row=on_row,
        cancel=cancel,
        engine=engine,
    )
    if chains is None:
        return None
    golds = [problem.answer for problem in problems for _ in range(settings.samples)]
    outcomes = judge_completions(
        lm, [chain.token_ids for chain in chains], golds, [row.prompt_ids for row in rows]
    )
    entropies: list[list[float] | None] | None = [None] * len(chains)
    if engine is not None:
        right = [outcome.verdict is Verdict.CORRECT for outcome in outcomes]
        scored = wanted(engine.score if keep_entropy else Score.NEVER, right, settings.samples)
        entropies = entropies_of(lm, rows, chains, scored, cancel=cancel, on_progress=on_progress)
    elif keep_entropy:
        entropies = [floats(chain.statistics.entropy) for chain in chains]
    if entropies is None:
        return None
    records = []
    for number, (problem, prompt) in enumerate(zip(problems, prompts, strict=True)):
        own = slice(number * settings.samples, (number + 1) * settings.samples)
        samples = tuple(
            Sample(
                chain.token_ids,
                outcome.answer,
                outcome.verdict,
                outcome.boxed,
                chain.stop_reason,
                vote,
                None if nats is None else tuple(nats),
                _at_forks(settings, row.seed, chain.statistics.entropy),
            )
            for row, chain, outcome, vote, nats in zip(
                rows[own],
                chains[own],
                outcomes[own],
                votes(outcomes[own]),
                entropies[own],
                strict=True,
            )
        )
        records.append(ProblemSamples(problem.id, problem.family or None, prompt, samples))
    return records


def _at_forks(
    settings: EvaluationSettings, seed: int, entropy_nats: NDArray[np.float32]
) -> int | None:
    """The number of a chain's tokens that were drawn at the temperature of forks."""
    forks = settings.sampler.forks
    return None if forks is None else int(at_fork_temperature(forks, seed, entropy_nats).sum())


def votes(outcomes: Sequence[Outcome]) -> list[int | None]:
    """The vote of each sample of one problem: the index of the first sample whose answer the
    checker finds equal; None without a readable answer.

    Raises:
        ResourceError: as the answer checker.
    """
    groups = AnswerGroups()
    firsts: dict[int, int] = {}  # group -> its first sample
    found: list[int | None] = []
    for index, outcome in enumerate(outcomes):
        group = None
        if outcome.verdict in (Verdict.CORRECT, Verdict.WRONG):
            group = groups.add(outcome.answer, correct=outcome.verdict is Verdict.CORRECT)
        found.append(None if group is None else firsts.setdefault(group, index))
    return found
